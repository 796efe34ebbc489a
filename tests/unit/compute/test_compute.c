/* Parts of a plan that hold whatever the policy says, and those that golden plans don't show. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compute/compute.h"
#include "svenv/filter/filter.h"
#include "svenv/sys/cgroup.h"

#define PROJECT "/home/dev/project"
#define VENV PROJECT "/.venv"

static size_t filter_calls;

int filter_make(struct arena *arena, const struct policy_values *values, unsigned landlock_abi,
                const void **program_out, size_t *count_out, const char **note_out, struct err *err)
{
    (void)values;
    (void)landlock_abi;
    (void)err;
    filter_calls++;
    *program_out = arena_alloc(arena, 8);
    *count_out = 1;
    *note_out = "test";
    return 0;
}

#define DIR(name)                                                                                  \
    {                                                                                              \
        .path = (name), .kind = FACT_DIR, .dev = 1, .ino = 7                                       \
    }
#define FILE_AT(name)                                                                              \
    {                                                                                              \
        .path = (name), .kind = FACT_FILE, .dev = 1, .ino = 8                                      \
    }
#define LINK(name, text)                                                                           \
    {                                                                                              \
        .path = (name), .kind = FACT_SYMLINK, .target = (text)                                     \
    }

static struct fact_path host_paths[] = {
    DIR("/usr"),
    LINK("/bin", "usr/bin"),
    DIR("/proc/sys"),
    FILE_AT("/proc/keys"),
    {.path = "/proc/kcore", .kind = FACT_FILE, .unreadable = true},
    {.path = "/dev/null", .kind = FACT_DEVICE},
    {.path = "/dev/zero", .kind = FACT_DEVICE},
    {.path = "/dev/full", .kind = FACT_DEVICE},
    {.path = "/dev/random", .kind = FACT_DEVICE},
    {.path = "/dev/urandom", .kind = FACT_DEVICE},
    {.path = "/dev/tty", .kind = FACT_DEVICE},
    DIR(PROJECT),
    DIR(VENV),
    DIR(VENV "/bin"),
    DIR(VENV "/sandbox"),
    DIR(VENV "/home"),
    DIR(VENV "/cache"),
    FILE_AT(VENV "/pyvenv.cfg"),
    DIR(PROJECT "/.git"),
    DIR(PROJECT "/a"),
    DIR(PROJECT "/a/b"),
    DIR(PROJECT "/a/b/c"),
    LINK("/loop", "loop"),
    DIR("/data"),
    LINK("/named", "data"),
    DIR("/shared"),
    LINK("/shared/link", "/home/dev/private"),
    DIR("/home/dev/private"),
};

struct fixture {
    struct policy policy;
    struct venv venv;
    struct facts facts;
    struct plan_file file;
    struct err err;
};

static int compute(struct fixture *f, const char *policy)
{
    int rc = policy_load_text(&f->policy, "p", policy, strlen(policy), "/absent", &f->err);

    cr_assert_eq(rc, 0, "%s", f->err.msg);
    return plan_compute(&f->file, &f->policy, &f->venv, &f->facts, &f->err);
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){
        .venv = {.path = VENV,
                 .named = VENV,
                 .project = PROJECT,
                 .project_named = PROJECT,
                 .id = "0123456789abcdef0123456789abcdef",
                 .python = "python3"},
        .facts = {.uid = 1000,
                  .gid = 1000,
                  .home = "/home/dev",
                  .home_named = "/home/dev",
                  .landlock_abi = 6,
                  .paths = host_paths,
                  .path_count = ARRAY_SIZE(host_paths),
                  .launcher_dir = "/usr/libexec/sandbox-venv",
                  .audit_log = "/home/dev/.local/state/sandbox-venv/audit.jsonl"},
    };
    policy_init(&f->policy);
    plan_file_init(&f->file);
    filter_calls = 0;
}

static void finish(struct fixture *f)
{
    policy_finish(&f->policy);
    plan_file_finish(&f->file);
}

static const struct plan *variant(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->file.variant_count; i++) {
        if (str_eq(f->file.variants[i].plan.variant, name))
            return &f->file.variants[i].plan;
    }
    cr_assert_fail("no variant '%s'", name);
    return NULL;
}

/* The last operation of that kind on `dest`, or NULL. */
static const struct plan_op *find(const struct plan *plan, enum plan_op_kind kind, const char *dest)
{
    for (size_t i = plan->op_count; i-- > 0;) {
        if (plan->ops[i].kind == kind && str_eq(plan->ops[i].dest, dest))
            return &plan->ops[i];
    }
    return NULL;
}

/* The bind at dest, which must be there. */
static const struct plan_op *bind_at(const struct plan *plan, const char *dest)
{
    static const struct plan_op none;
    const struct plan_op *op = find(plan, PLAN_BIND, dest);

    cr_assert_not_null(op, "no bind at '%s'", dest);
    return op ? op : &none;
}

static bool is_node(const struct plan_op *op)
{
    return op->kind == PLAN_DIR || op->kind == PLAN_FILE || op->kind == PLAN_SYMLINK;
}

static bool made_before(const struct plan *plan, size_t index, const char *dest)
{
    for (size_t i = 0; i < index; i++) {
        if (plan->ops[i].kind == PLAN_DIR && str_eq(plan->ops[i].dest, dest))
            return true;
    }
    return false;
}

/* docs/SECURITY.md, C4: all nodes of the root before anything is attached, parents first. */
static void check_skeleton(const struct plan *plan)
{
    bool attached = false;

    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        auto_free char *parent = path_dirname(op->dest);

        attached = attached || !is_node(op);
        if (!is_node(op))
            continue;
        cr_expect(!attached, "'%s' is made after the first mount", op->dest);
        cr_expect(str_eq(parent, "/") || made_before(plan, i, parent), "'%s' has no parent",
                  op->dest);
        cr_expect(!made_before(plan, i, op->dest), "'%s' is made twice", op->dest);
    }
}

/* A read-only or hidden path in a project that is mounted writable can be reached only through
 * mount points: every component of the path is one. They need no Landlock rules of their own. */
static void check_pins(const struct plan *plan)
{
    for (size_t i = 0; i < plan->landlock_count; i++)
        cr_expect_null(path_relative_to(plan->landlock[i].path, PROJECT "/a"));
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        const char *rel = path_relative_to(op->dest, PROJECT);

        if (is_node(op) || !rel || !*rel || path_is_beneath(op->dest, VENV))
            continue;
        auto_free char *parent = path_dirname(op->dest);
        cr_expect(find(plan, PLAN_BIND, parent), "'%s' is no mount point", parent);
    }
}

Test(compute, every_variant_holds_what_all_need)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\nfilesystem: {protect: [a/b/c]}\n"), 0, "%s", f.err.msg);
    cr_assert_gt(f.file.variant_count, 1);
    for (size_t i = 0; i < f.file.variant_count; i++) {
        const struct plan *plan = &f.file.variants[i].plan;

        check_skeleton(plan);
        check_pins(plan);
        cr_expect(find(plan, PLAN_PROC, "/proc"));
        cr_expect(find(plan, PLAN_MASK, VENV "/sandbox"));
        cr_expect(find(plan, PLAN_MASK, VENV "/home"));
        cr_expect(find(plan, PLAN_MASK, VENV "/cache"));
        cr_expect(find(plan, PLAN_MASK, "/proc/keys"));
        cr_expect_null(find(plan, PLAN_MASK, "/proc/kcore"), "the caller cannot read it");
        cr_expect_str_eq(bind_at(plan, VENV "/bin")->src, VENV "/sandbox/bin");
        cr_expect(plan->flags & PLAN_USE_LANDLOCK);
        cr_expect_str_eq(plan->env_rules[plan->env_rule_count - 1].pattern, "*");
    }
    cr_expect_str_eq(f.file.variants[f.file.variant_count - 1].plan.variant, "default");
    finish(&f);
}

Test(compute, an_installer_writes_the_venv_and_nothing_of_the_programs)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\n"), 0, "%s", f.err.msg);
    const struct plan *plan = variant(&f, "installer");
    const struct plan *other = variant(&f, "default");
    cr_expect(plan->flags & PLAN_INSTALLER);
    cr_expect(plan->flags & PLAN_PROJECT_ARGUMENTS);
    cr_expect_eq(plan->lifetime, PLAN_LIFETIME_PROGRAM);
    cr_expect_null(plan->dotenv);
    cr_expect(bind_at(plan, VENV)->flags & PLAN_RW);
    cr_expect(bind_at(plan, VENV "/bin")->flags & PLAN_RW);
    cr_expect(!(bind_at(plan, VENV "/pyvenv.cfg")->flags & PLAN_RW));
    cr_expect(bind_at(plan, PROJECT)->flags & PLAN_PROJECT);
    cr_expect(bind_at(plan, PROJECT "/.git")->flags & PLAN_PROJECT);
    cr_expect(find(plan, PLAN_TMPFS, "/dev/shm"));
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        const struct plan_op *same = op->kind == PLAN_BIND ? find(other, PLAN_BIND, op->dest) : 0;

        if (same && (op->flags & PLAN_RW) && (same->flags & PLAN_RW) &&
            !(op->flags & (PLAN_DEVICES | PLAN_PROJECT)))
            cr_expect_str_neq(op->src, same->src, "'%s' is shared with programs", op->dest);
    }
    finish(&f);
}

Test(compute, a_program_changes_nothing_that_decides)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\n"), 0, "%s", f.err.msg);
    const struct plan *plan = variant(&f, "default");
    cr_expect(!(bind_at(plan, VENV)->flags & PLAN_RW));
    cr_expect(!(bind_at(plan, VENV "/bin")->flags & PLAN_RW));
    cr_expect(!(bind_at(plan, PROJECT "/.git")->flags & PLAN_RW));
    cr_expect(bind_at(plan, PROJECT)->flags & PLAN_IDENTITY);
    cr_expect_eq(bind_at(plan, PROJECT)->ino, 7);
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];

        if (op->kind == PLAN_BIND && path_is_beneath(op->src, PROJECT))
            cr_expect(op->flags & PLAN_HOSTILE, "'%s'", op->src);
    }
    for (size_t i = 0; i < plan->landlock_count; i++) {
        if (plan->landlock[i].write)
            cr_expect(!path_is_beneath(VENV, plan->landlock[i].path) ||
                          path_is_beneath(PROJECT, plan->landlock[i].path),
                      "'%s'", plan->landlock[i].path);
    }
    finish(&f);
}

static const struct plan_landlock *rule_for(const struct plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->landlock_count; i++) {
        if (str_eq(plan->landlock[i].path, path))
            return &plan->landlock[i];
    }
    return NULL;
}

/* From ABI 9 on Landlock checks who made a socket. In private trees and in paths that the policy
 * shows, the program may connect to sockets of others; in the project and the directories above it,
 * it may not. Older kernels don't check, and get no such rule. */
Test(compute, sockets_of_others_from_abi_9_on)
{
    static const struct {
        const char *path;
        bool connect;
    } rows[] = {{"/", false},   {"/home/dev", false}, {PROJECT, false},
                {"/tmp", true}, {"/data", true},      {"/dev", true}};

    for (unsigned abi = 8; abi <= 9; abi++) {
        struct fixture f;

        setup(&f);
        f.facts.landlock_abi = abi;
        cr_assert_eq(compute(&f, "version: 1\nfilesystem: {read: [/data]}\n"), 0, "%s", f.err.msg);
        const struct plan *plan = variant(&f, "default");

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            const struct plan_landlock *rule = rule_for(plan, rows[i].path);

            cr_expect_eq(rule && rule->connect, abi == 9 && rows[i].connect, "%s, ABI %u",
                         rows[i].path, abi);
        }
        const struct plan_landlock *data = rule_for(plan, "/data");

        cr_expect(abi == 8 ? !data : data && !data->write);
        cr_expect_null(rule_for(plan, "/usr"));
        finish(&f);
    }
}

Test(compute, one_filter_serves_all_variants_with_the_same_settings)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\n"), 0, "%s", f.err.msg);
    cr_expect_eq(filter_calls, 1);
    cr_expect_eq(variant(&f, "default")->filter, variant(&f, "installer")->filter);
    finish(&f);
    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\ncommands:\n  - name: odd\n    match: [odd]\n"
                             "    syscalls: {profile: strict}\n"),
                 0, "%s", f.err.msg);
    cr_expect_eq(filter_calls, 2);
    finish(&f);
}

Test(compute, strings_are_the_files_own)
{
    struct fixture f;
    char *home = xstrdup("/home/dev");

    setup(&f);
    f.facts.home = home;
    cr_assert_eq(compute(&f, "version: 1\nenvironment: {set: {A: b}}\nidentity: {hostname: box}\n"),
                 0, "%s", f.err.msg);
    memset(home, 'x', strlen(home));
    free(home);
    policy_finish(&f.policy);
    const struct plan *plan = variant(&f, "default");
    cr_expect_str_eq(plan->hostname, "box");
    cr_expect_str_eq(f.file.home, "/home/dev");
    cr_expect(find(plan, PLAN_BIND, "/home/dev"));
    cr_expect_str_eq(plan->env_set[plan->env_set_count - 1].value, "b");
    plan_file_finish(&f.file);
}

Test(compute, a_home_of_a_system_account_is_left_alone)
{
    static const char *const homes[] = {"/", "/usr/games", "/dev", "/tmp", "/bin"};

    for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
        struct fixture f;

        setup(&f);
        f.facts.home = f.facts.home_named = homes[i];
        cr_assert_eq(compute(&f, "version: 1\n"), 0, "%s: %s", homes[i], f.err.msg);
        const struct plan *plan = variant(&f, "default");
        for (size_t j = 0; j < plan->op_count; j++)
            cr_expect(plan->ops[j].kind != PLAN_BIND || !str_eq(plan->ops[j].src, VENV "/home"),
                      "%s", homes[i]);
        finish(&f);
    }
}

Test(compute, a_path_through_a_link_is_shown_under_both_names)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\nfilesystem: {read: [/named]}\n"), 0, "%s", f.err.msg);
    const struct plan *plan = variant(&f, "default");
    cr_expect(find(plan, PLAN_BIND, "/data"));
    cr_expect_str_eq(bind_at(plan, "/data")->origin, "p:2:21");
    cr_expect_str_eq(find(plan, PLAN_SYMLINK, "/named")->src, "data");
    finish(&f);
}

Test(compute, what_is_visible_anyway_costs_no_mount)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\nfilesystem: {read: [a], write: [a/b]}\n"), 0, "%s",
                 f.err.msg);
    cr_expect_null(find(variant(&f, "default"), PLAN_BIND, PROJECT "/a"));
    cr_expect_null(find(variant(&f, "default"), PLAN_BIND, PROJECT "/a/b"));
    finish(&f);
}

#define READ_LINK "filesystem: {read: [/shared/link]"
#define MOUNTS "filesystem: {mounts: ["
#define RO_BIND_LINK "{ro-bind: [/shared/link, /x]}"

/* Refusals name the line they come from. */
Test(compute, refusals)
{
    static const struct {
        const char *policy;
        int code;
        const char *says;
    } rows[] = {
        {"filesystem: {read: [/absent]}", ENOENT, "p:2:21: "},
        {"filesystem: {read: [/loop]}", ELOOP, "/loop"},
        {"filesystem: {write: [.venv]}", EPERM, "p:2:22: "},
        {"filesystem: {write: [.venv/bin]}", EPERM, "p:2:22: "},
        {"filesystem: {mounts: [{bind: [a, /proc]}]}", EPERM, "p:2:23: "},
        {"filesystem: {mounts: [{tmpfs: [" PROJECT "/.venv]}]}", EPERM, "would cover the venv"},
        {"filesystem: {mounts: [{remount-ro: [/data]}]}", EINVAL, "is not a mount"},
        {"filesystem: {mounts: [{chmod: [/usr, \"0700\"]}]}", EPERM, "not the sandbox's own"},
        {"filesystem: {mounts: [{proc: [/x]}]}", ENOTSUP, "/proc only"},
        {"filesystem: {mounts: [{bind: [/data, " VENV "/sandbox/x]}]}", EINVAL, "is hidden"},
        {"filesystem: {mounts: [{ro-bind: [/data, " PROJECT "/a/absent]}]}", ENOENT,
         "does not exist"},
        /* A link where programs write, whichever line lets them; elsewhere a link is a link. */
        {READ_LINK ", write: [/shared]}", ELOOP, "/shared/link"},
        {READ_LINK ", mounts: [{bind: [/shared, /w]}]}", ELOOP, "/shared/link"},
        {MOUNTS "{bind: [/shared, /shared]}, " RO_BIND_LINK "]}", ELOOP, "/shared/link"},
        {MOUNTS RO_BIND_LINK ", {bind: [/shared, /w]}]}", ELOOP, "/shared/link"},
        {MOUNTS "{dev-bind-try: [/shared, /w]}, " RO_BIND_LINK "]}", ELOOP, "/shared/link"},
        {MOUNTS "{ro-bind: [/shared, /shared]}, " RO_BIND_LINK "]}", 0, ""},
        {MOUNTS "{bind: [/data, /data]}, " RO_BIND_LINK "]}", 0, ""},
        {READ_LINK "}", 0, ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *policy = xasprintf("version: 1\n%s\n", rows[i].policy);
        struct fixture f;

        setup(&f);
        cr_expect_eq(compute(&f, policy), -rows[i].code, "%s: %d %s", rows[i].policy, f.err.code,
                     f.err.msg);
        cr_expect(strstr(f.err.msg, rows[i].says), "%s: %s", rows[i].policy, f.err.msg);
        finish(&f);
    }
}

Test(compute, without_landlock_full_isolation_is_refused)
{
    struct fixture f;

    setup(&f);
    f.facts.landlock_abi = 0;
    cr_expect_eq(compute(&f, "version: 1\n"), -ENOTSUP);
    finish(&f);
    setup(&f);
    f.facts.landlock_abi = 0;
    cr_expect_eq(compute(&f, "version: 1\nisolation: auto\n"), 0, "%s", f.err.msg);
    cr_expect(!(variant(&f, "default")->flags & PLAN_USE_LANDLOCK));
    cr_expect_eq(variant(&f, "default")->landlock_count, 0);
    finish(&f);
}

Test(compute, limits_and_identity)
{
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\nlimits: {open-files: 99, wall-time: 2m, processes: 0}\n"
                             "identity: {uid: 0, gid: 5}\ncapabilities: [CAP_NET_RAW]\n"),
                 0, "%s", f.err.msg);
    const struct plan *plan = variant(&f, "default");
    cr_expect_eq(plan->uid, 0);
    cr_expect_eq(plan->gid, 5);
    cr_expect_eq(plan->caps, UINT64_C(1) << 13);
    cr_expect_eq(plan->wall_time, 120);
    cr_assert_eq(plan->limit_count, 1);
    cr_expect_eq(plan->limits[0].resource, RLIMIT_NOFILE);
    cr_expect_eq(plan->limits[0].value, 99);
    finish(&f);
}

/* A group is made for memory and processors; processes alone are a limit of the process. */
Test(compute, limits_of_a_group)
{
    static const struct {
        const char *text;
        enum plan_group needed;
        uint64_t memory, cpus, processes;
    } rows[] = {
        {"version: 1\n", PLAN_GROUP__COUNT, 0, 0, 0},
        {"version: 1\nlimits: {processes: 9}\n", PLAN_GROUP__COUNT, 0, 0, 0},
        {"version: 1\nlimits: {memory: 1M}\n", PLAN_GROUP_MEMORY, 1 << 20, 0, 4096},
        {"version: 1\nlimits: {cpus: 2, processes: 9}\n", PLAN_GROUP_CPUS, 0, 2, 9},
        {"version: 1\nlimits: {cpus: 2, memory: 1K, processes: 0}\n", PLAN_GROUP_MEMORY, 1024, 2,
         0},
        {"version: 1\nlimits: {cpus: 0, memory: 0}\n", PLAN_GROUP__COUNT, 0, 0, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cgroup_limits limits;
        const struct plan *plan;
        struct fixture f;

        setup(&f);
        cr_assert_eq(compute(&f, rows[i].text), 0, "%s", f.err.msg);
        plan = variant(&f, "default");
        cr_expect_eq(plan_group_needed(plan), rows[i].needed, "%s", rows[i].text);
        plan_group_limits(plan, &limits);
        cr_expect_eq(limits.memory, rows[i].memory, "%s", rows[i].text);
        cr_expect_eq(limits.cpus, rows[i].cpus, "%s", rows[i].text);
        /* One of our own processes comes on top. */
        cr_expect_eq(limits.processes, rows[i].processes + (rows[i].processes > 0), "%s",
                     rows[i].text);
        finish(&f);
    }
}

/* The answer of the rules about a name: that of the first that fits. */
static enum plan_env_action ask(const struct plan *plan, const char *name)
{
    char capital[64] = "";
    size_t i = 0;

    for (; name[i] != '\0'; i++)
        capital[i] = str_capital(name[i]);
    for (i = 0;
         !str_glob(plan->env_rules[i].pattern, plan->env_rules[i].any_case ? capital : name);)
        i++;
    return plan->env_rules[i].action;
}

Test(compute, environment)
{
    static const struct {
        const char *name;
        enum plan_env_action expected;
    } rows[] = {
        {"PATH", PLAN_ENV_PASS},
        {"LC_CTYPE", PLAN_ENV_PASS},
        {"GITHUB_SHA", PLAN_ENV_PASS},
        {"GITHUB_TOKEN", PLAN_ENV_DROP},
        {"github_token", PLAN_ENV_DROP},
        {"HTTP_AUTHORIZATION", PLAN_ENV_DROP},
        {"github_sha", PLAN_ENV_COMMAND},          /* only as it is written */
        {"COOKIECUTTER_CONFIG", PLAN_ENV_COMMAND}, /* only not printed */
        {"PWD", PLAN_ENV_PASS},
        {"MY_TOKEN", PLAN_ENV_PASS},              /* named in full */
        {"APP_NAME", PLAN_ENV_PASS},              /* by a pattern */
        {"APP_SECRET", PLAN_ENV_DROP},            /* the pattern does not name secrets */
        {"AWS_SECRET_ACCESS_KEY", PLAN_ENV_PASS}, /* this one does */
        {"SSH_AUTH_SOCK", PLAN_ENV_DROP},
        {"DBUS_SESSION_BUS_ADDRESS", PLAN_ENV_DROP},
        {"VSCODE_IPC_HOOK_CLI", PLAN_ENV_DROP},
        {"BWRAP_ARGS", PLAN_ENV_DROP},
        {"SANDBOX_SECCOMP_ALLOW", PLAN_ENV_DROP},
        {"VERBOSE", PLAN_ENV_DROP},
        {"PYTHONPATH", PLAN_ENV_COMMAND},
        {"PYTHONSTARTUP", PLAN_ENV_COMMAND},
        {"LD_PRELOAD", PLAN_ENV_COMMAND},
        {"SOMETHING_ELSE", PLAN_ENV_COMMAND},
        {"TZ", PLAN_ENV_DROP}, /* unset */
    };
    struct fixture f;

    setup(&f);
    cr_assert_eq(compute(&f, "version: 1\nenvironment: {pass: [inherit, MY_TOKEN, \"APP_*\", "
                             "\"AWS_*\"], unset: [TZ]}\n"),
                 0, "%s", f.err.msg);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(ask(variant(&f, "default"), rows[i].name), rows[i].expected, "%s",
                     rows[i].name);
    finish(&f);
}

static void lookup(void *context, const char *path, struct fact_path *out)
{
    ++*(size_t *)context;
    if (str_eq(path, "/lib64"))
        *out = (struct fact_path){.kind = FACT_SYMLINK, .target = "usr/lib64"};
}

Test(compute, unknown_paths_are_asked_of_the_host)
{
    struct fixture f;
    size_t asked = 0;

    setup(&f);
    f.facts.lookup = lookup;
    f.facts.context = &asked;
    cr_assert_eq(compute(&f, "version: 1\n"), 0, "%s", f.err.msg);
    cr_expect_gt(asked, 0);
    cr_expect_str_eq(find(variant(&f, "default"), PLAN_SYMLINK, "/lib64")->src, "usr/lib64");
    finish(&f);
}
