#include "policy_test.h"
#include "svenv/base/mem.h"

Test(load, takes_every_type)
{
    auto_policy struct policy p;

    must_load(&p,
              V1 "isolation: auto\n"
                 "filesystem:\n"
                 "  project: ro\n"
                 "  read: [/opt/models, ~/data, sub/dir]\n"
                 "  mounts:\n"
                 "    - ro-bind: [~/x, /x]\n"
                 "    - tmpfs: [/y, 64M, \"0700\"]\n"
                 "    - proc: /proc\n"
                 "environment:\n"
                 "  set: {A: \"1\", B: 2, C: \"\"}\n"
                 "  clear: true\n"
                 "  dotenv: conf/.env\n"
                 "limits: {processes: 7, file-size: 2G, cpu-time: 3m}\n"
                 "identity: {uid: -1, hostname: box}\n",
              false);
    cr_assert_eq(p.base.v[POLICY_ISOLATION].number, ISOLATION_AUTO);
    cr_assert_eq(p.base.v[POLICY_FS_PROJECT].number, PROJECT_RO);
    must_list(&p.base.v[POLICY_FS_READ], "/opt/models ~/data sub/dir");
    must_list(&p.base.v[POLICY_ENV_SET], "A=1 B=2 C=");
    cr_assert_eq(p.base.v[POLICY_ENV_CLEAR].number, 1);
    cr_assert_str_eq(p.base.v[POLICY_ENV_DOTENV].text, "conf/.env");
    cr_assert_eq(p.base.v[POLICY_LIMIT_PROCESSES].number, 7);
    cr_assert_eq(p.base.v[POLICY_LIMIT_FILE_SIZE].number, 2LL << 30);
    cr_assert_eq(p.base.v[POLICY_LIMIT_CPU_TIME].number, 180);
    cr_assert_eq(p.base.v[POLICY_ID_UID].number, -1);
    cr_assert_str_eq(p.base.v[POLICY_ID_HOSTNAME].text, "box");
    cr_assert_not(p.base.v[POLICY_TERMINAL].set);
}

Test(load, takes_mounts)
{
    auto_policy struct policy p;
    const struct policy_value *mounts = NULL;

    must_load(&p,
              V1 "filesystem:\n  mounts:\n"
                 "    - symlink: [../lib, /lib64]\n"
                 "    - tmpfs: [/y, 64M, \"0700\"]\n"
                 "    - chmod: [/y, \"1777\"]\n"
                 "    - dir: [/z]\n",
              false);
    mounts = &p.base.v[POLICY_FS_MOUNTS];
    cr_assert_eq(mounts->count, 4);
    cr_assert_eq(mounts->items[0].mount, MOUNT_SYMLINK);
    cr_assert_str_eq(mounts->items[0].text, "../lib");
    cr_assert_str_eq(mounts->items[0].key, "/lib64");
    cr_assert_eq(mounts->items[1].size, 64u << 20);
    cr_assert_eq(mounts->items[1].mode, 0700);
    cr_assert_eq(mounts->items[2].mode, 01777);
    cr_assert_eq(mounts->items[3].mode, UINT32_MAX);
}

Test(load, says_where_values_come_from)
{
    auto_policy struct policy p;

    must_load(&p, V1 "filesystem:\n  read:\n    - /a\n", true);
    cr_assert_str_eq(p.base.v[POLICY_FS_READ].items[0].origin, "policy.yaml:4:7");
    cr_assert_str_eq(p.base.v[POLICY_FS_PROJECT].origin, "default");
    cr_assert_str_eq(p.base.v[POLICY_FS_PROTECT].items[0].origin, "default");
}

struct refusal {
    const char *text;
    const char *shown;
};

Test(load, refuses_with_position_and_hint)
{
    static const struct refusal refusals[] = {
        {"filesystem: {}\n", "policy.yaml:1:1: the line 'version: 1' is missing"},
        {"", "the line 'version: 1' is missing"},
        {"[]\n", "a policy is a map"},
        {"version: 2\n", "policy.yaml:1:10: version: only 1"},
        {V1 "filesystem:\n  raed: []\n",
         "policy.yaml:3:3: unknown key 'raed' in filesystem (did you mean 'read'?)"},
        {V1 "limit: {}\n", "(did you mean 'limits'?)"},
        {V1 "filesystem: {memory: 1}\n", "(did you mean 'limits.memory'?)"},
        {V1 "qqqqqqqqqq: 1\n", "unknown key 'qqqqqqqqqq' in the policy; known: version, profile"},
        {V1 "terminal: shared\nterminal: shared\n", "policy.yaml:3:1:"},
        {V1 "filesystem: []\n", "filesystem: a map is expected here"},
        {V1 "filesystem: {project: ow}\n",
         "policy.yaml:2:23: filesystem.project: 'ow' is not a value of it"},
        {V1 "filesystem: {project: [rw]}\n", "a word is expected here, not a list"},
        {V1 "filesystem: {read: /a}\n", "a list is expected here"},
        {V1 "filesystem: {read: [[/a]]}\n", "a text is expected here, not a list"},
        {V1 "filesystem: {read: [~]}\n", "and there is none"},
        {V1 "filesystem: {read: [/a/../b]}\n", "'/a/../b' holds '..'"},
        {V1 "filesystem: {read: [\"\"]}\n", "is empty"},
        {V1 "filesystem: {read: [~bob/x]}\n", "begins with '~'"},
        {V1 "filesystem: {read: [$HOME/x]}\n", "is not expanded"},
        {V1 "filesystem: {read: [/a/*]}\n", "is a pattern"},
        {V1 "filesystem: {read: [\"/a\\n\"]}\n", "holds a control character"},
        {V1 "filesystem: {read: [\"/a\\x8f\"]}\n", "holds a control character"},
        {V1 "filesystem: {hide: [/etc]}\n", "is no name inside the project"},
        {V1 "filesystem: {hide: [a/../../b]}\n", "would leave the project"},
        {V1 "filesystem: {protect: [.]}\n", "is the project itself"},
        {V1 "filesystem: {mounts: [{bnid: [/a, /b]}]}\n", "is no kind of mount"},
        {V1 "filesystem: {mounts: [{bind: [/a]}]}\n", "bind takes [SRC, DEST]"},
        {V1 "filesystem: {mounts: [{bind: [/a, /b, /c]}]}\n", "is one operand too many"},
        {V1 "filesystem: {mounts: [{bind: [/a, b]}]}\n", "is not absolute"},
        {V1 "filesystem: {mounts: [{dir: [/a, \"4755\"]}]}\n", "is no octal mode"},
        {V1 "filesystem: {mounts: [/a]}\n", "is no mount"},
        {V1 "filesystem: {mounts: [{bind: [/a, /b], proc: /c}]}\n", "a map of one entry"},
        {V1 "environment: {clear: yes}\n", "true or false is expected"},
        {V1 "environment: {clear: \"true\"}\n", "true or false is expected"},
        {V1 "environment: {set: [A]}\n", "a map is expected"},
        {V1 "environment: {set: {A: ~}}\n", "and there is none"},
        {V1 "environment: {set: {\"A=B\": x}}\n", "holds a '='"},
        {V1 "environment: {pass: [A-B]}\n", "is no name of a variable"},
        {V1 "syscalls: {allow: [Mount]}\n", "is no name of a system call"},
        {V1 "limits: {processes: -1}\n", "a number from 0 to"},
        {V1 "limits: {memory: -1}\n", "a number of bytes is expected"},
        {V1 "limits: {cpus: 4097}\n", "a number from 0 to 4096"},
        {V1 "limits: {cpus: 0.5}\n", "a number from 0 to 4096"},
        {V1 "limits: {file-size: 1Q}\n", "a number of bytes is expected"},
        {V1 "limits: {cpu-time: 1w}\n", "a number of seconds is expected"},
        {V1 "identity: {uid: 4294967295}\n", "a number from -1 to 4294967294"},
        {V1 "identity: {hostname: \"a b\"}\n", "is no host name"},
        {V1 "process: {chdir: x}\n", "is not absolute"},
        {V1 "capabilities: [net_raw]\n", "is no capability"},
        {V1 "entries: {publish: [../git]}\n", "is no name of a program"},
        {V1 "entries: {publish: [-git]}\n", "is no name of a program"},
        {V1 "entries: {publish: [activate.fish]}\n", "is a file that shells read"},
        {V1 "profile: ../x\n", "profile: a name is expected"},
        {V1 "commands: {}\n", "commands: a list is expected"},
        {V1 "commands: [x]\n", "each entry is a map"},
        {V1 "commands: [{lifetime: program}]\n", "an entry needs `match`"},
        {V1 "commands: [{match: [x], isolation: full}]\n", "cannot be refined for a command"},
        {V1 "commands: [{match: [x], profile: strict}]\n", "unknown key 'profile' in commands"},
        {V1 "commands: [{name: a, match: [x]}, {name: a, match: [y]}]\n", "a second entry"},
        {V1 "commands: [{name: default, match: [x]}]\n", "'default' means all other commands"},
        {V1 "commands: [{name: nobody}]\n", "there is no 'nobody' to refine"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        must_refuse(refusals[i].text, refusals[i].shown);
}

/* Never accepted and ignored. */
/* A line at the wrong place may hold a secret, and people paste messages into bug reports. */
Test(load, quotes_no_secret)
{
    static const char *const texts[] = {
        "environment: {set: DB_PASS=hunter2}\n",
        "environment: {set: \"DB_PASS: hunter2\"}\n",
        "environment: {set: hunter2}\n",
        "environment: {set: {DB_PASS=hunter2: x}}\n",
        "environment: {set: {DB_PASS: [hunter2]}}\n",
        "environment: {pass: [DB_PASS=hunter2]}\n",
        "environment: {unset: [\"DB_PASS=hunter2\\x01\"]}\n",
        "environment: {dotenv: \"DB_PASS=hunter2*\"}\n",
        "environment: {clear: DB_PASS=hunter2}\n",
        "environment: {DB_PASS=hunter2: x}\n",
        "DB_PASS=hunter2: x\n",
        "network: {mode: DB_PASS=hunter2}\n",
        "network: {mode: \"https://u:hunter2@host\"}\n",
        "network: {mode: \"https://github_pat_hunter2_456789_123456789_123456789_123456789_"
        "123456789_123456789@host\"}\n",
        "limits: {processes: DB_PASS=hunter2}\n",
        "limits: {memory: DB_PASS=hunter2}\n",
        "filesystem: {read: [\"$DB_PASS=hunter2\"]}\n",
        "filesystem: {mounts: [DB_PASS=hunter2]}\n",
        "identity: {hostname: DB_PASS=hunter2}\n",
        "profile: DB_PASS=hunter2\n",
        "commands: [{match: [a], name: DB_PASS=hunter2}]\n",
        "commands: DB_PASS=hunter2\n",
        "isolation: landlock # DB_PASS=hunter2\n",
    };
    auto_policy struct policy plain;
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_policy struct policy p;
        auto_free char *text = xasprintf(V1 "%s", texts[i]);

        cr_assert_lt(load(&p, text, true, &err), 0, "%s", texts[i]);
        cr_expect_null(strstr(err.msg, "hunter2"), "%s", err.msg);
        cr_expect_eq(err.pos.line, 2, "%s", texts[i]);
    }
    cr_assert_lt(load(&plain, V1 "environment: {pass: [PLAIN=x]}\n", true, &err), 0);
    cr_expect(strstr(err.msg, "'PLAIN=x' is no name"), "%s", err.msg);
}

Test(load, refuses_what_nothing_enforces)
{
    static const struct refusal refusals[] = {
        {V1 "isolation: landlock\n", "use full"},
        {V1 "filesystem: {project: overlay}\n", "policy.yaml:2:23: filesystem.project: 'overlay'"},
        {V1 "filesystem: {venv: none}\n", "filesystem.venv: 'none'"},
        {V1 "filesystem: {system: minimal}\n", "use host"},
        {V1 "network: {mode: broker}\n", "the broker is not available yet: use host or none"},
        {V1 "network: {connect: [public]}\n", "network.mode: none closes the network"},
        {V1 "network: {listen: [localhost]}\n", "nothing enforces it without the broker"},
        {V1 "terminal: private\n", "use shared"},
        {V1 "devices: [gpu]\n", "name the nodes in filesystem.mounts"},
        {V1 "desktop: {x11: true}\n", "desktop.x11: 'true'"},
        {V1 "desktop: {wayland: true}\n", "desktop.wayland"},
        {V1 "desktop: {portal: true}\n", "desktop.portal"},
        {V1 "desktop: {audio: true}\n", "desktop.audio"},
        {V1 "commands: [{match: [x], network: {mode: broker}}]\n", "use host or none"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        must_refuse(refusals[i].text, refusals[i].shown);
}

Test(load, takes_the_defaults_of_what_nothing_enforces)
{
    auto_policy struct policy p;

    must_load(&p,
              V1 "network: {connect: [], listen: []}\n"
                 "devices: []\ndesktop: {portal: false}\naudit: {level: off}\nfilesystem:\n",
              false);
    cr_assert(p.base.v[POLICY_NET_CONNECT].set);
}

Test(load, every_field_is_found_by_its_name)
{
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        const struct policy_field_info *info = policy_field_info((enum policy_field)i);

        cr_assert_eq(policy_field_find(info->section, info->key), (enum policy_field)i);
        cr_assert(info->enforced == UINT32_MAX || (info->enforced & 1u) == 1u || info->missing,
                  "%s.%s has no reason to be refused", info->section, info->key);
    }
    cr_assert_eq(policy_field_find("filesystem", "nothing"), POLICY_FIELD__COUNT);
}

Test(load, bounds_lists)
{
    auto_buf struct buf text = {0};

    buf_add_str(&text, V1 "filesystem:\n  read:\n");
    for (int i = 0; i < 1025; i++)
        buf_printf(&text, "    - /p%d\n", i);
    must_refuse(text.data, "more than 1024 items");
}
