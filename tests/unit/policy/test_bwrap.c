#include <errno.h>
#include <limits.h>

#include "policy_test.h"
#include "svenv/formats/bwrap.h"

/* Applies options given as text, split at blanks. */
static int apply(struct policy *p, const char *text, struct err *err)
{
    struct arena arena = {0};
    const char **words = NULL;
    size_t count = 0;
    struct bwrap_options options = {0};
    int r;

    *err = (struct err){.code = 0};
    bwrap_split(&arena, text, &words, &count);
    r = bwrap_parse(&arena, "BWRAP_ARGS", words, count, &options, err);
    if (r == 0)
        r = policy_apply_bwrap(p, "BWRAP_ARGS", &options, err);
    arena_finish(&arena);
    return r;
}

static void must_apply(struct policy *p, const char *text)
{
    struct err err;

    cr_assert_eq(apply(p, text, &err), 0, "%s: %s", text, err.msg);
}

Test(bwrap, settings_become_fields)
{
    auto_policy struct policy p;
    const struct policy_value *v = NULL;

    must_load(&p, V1, true);
    must_apply(&p, "--unshare-all --uid 1 --gid 2 --hostname box --chdir /x --new-session "
                   "--die-with-parent --disable-userns --assert-userns-disabled");
    v = p.base.v;
    cr_assert_eq(v[POLICY_NET_MODE].number, NET_MODE_NONE);
    cr_assert_eq(v[POLICY_ID_UID].number, 1);
    cr_assert_eq(v[POLICY_ID_GID].number, 2);
    cr_assert_str_eq(v[POLICY_ID_HOSTNAME].text, "box");
    cr_assert_str_eq(v[POLICY_PROC_CHDIR].text, "/x");
    cr_assert_eq(v[POLICY_PROC_NEW_SESSION].number, 1);
    cr_assert_eq(v[POLICY_LIFETIME].number, LIFETIME_PROGRAM);
    cr_assert_str_eq(v[POLICY_NET_MODE].origin, "BWRAP_ARGS");
    must_apply(&p, "--share-net");
    cr_assert_eq(p.base.v[POLICY_NET_MODE].number, NET_MODE_HOST);
}

Test(bwrap, is_stronger_than_a_refinement)
{
    auto_policy struct policy p;

    must_load(&p, V1 "profile: strict\n", true);
    must_apply(&p, "--unshare-net");
    cr_assert_eq(must_find(&p, "installer")->in_force.v[POLICY_NET_MODE].number, NET_MODE_NONE);
}

Test(bwrap, mounts_keep_their_order)
{
    auto_policy struct policy p;
    const struct policy_value *mounts = NULL;

    must_load(&p, V1 "filesystem: {mounts: [{dir: [/first]}]}\n", true);
    must_apply(&p, "--ro-bind /a /b --perms 0700 --size 4096 --tmpfs /t --symlink x /l "
                   "--chmod 0755 /b --dev-bind-try /dev/kfd /dev/kfd --proc /proc");
    mounts = &p.base.v[POLICY_FS_MOUNTS];
    cr_assert_eq(mounts->count, 7);
    cr_assert_eq(mounts->items[1].mount, MOUNT_RO_BIND);
    cr_assert_str_eq(mounts->items[1].text, "/a");
    cr_assert_str_eq(mounts->items[1].key, "/b");
    cr_assert_eq(mounts->items[2].mode, 0700);
    cr_assert_eq(mounts->items[2].size, 4096);
    cr_assert_str_eq(mounts->items[3].text, "x");
    cr_assert_eq(mounts->items[4].mount, MOUNT_CHMOD);
    cr_assert_eq(mounts->items[4].mode, 0755);
    cr_assert_eq(mounts->items[5].mount, MOUNT_DEV_BIND_TRY);
    must_list(&must_find(&p, "installer")->in_force.v[POLICY_FS_MOUNTS],
              "/first= /b=/a /t= /l=x /b= /dev/kfd=/dev/kfd /proc=");
}

Test(bwrap, the_last_word_about_a_variable_counts)
{
    auto_policy struct policy p;

    must_load(&p, V1 "environment: {set: {A: 0}, unset: [E]}\n", false);
    must_apply(&p, "--setenv B 1 --unsetenv B --unsetenv C --setenv C 2 --setenv E 3 --setenv C 4 "
                   "--unsetenv A");
    must_list(&p.base.v[POLICY_ENV_SET], "E=3 C=4");
    must_list(&p.base.v[POLICY_ENV_UNSET], "B A");
    must_apply(&p, "--setenv X 1 --clearenv --setenv Y 2");
    cr_assert_eq(p.base.v[POLICY_ENV_CLEAR].number, 1);
    must_list(&p.base.v[POLICY_ENV_SET], "Y=2");
}

Test(bwrap, capabilities_add_and_drop_in_order)
{
    auto_policy struct policy p;

    must_load(&p, V1 "capabilities: [CAP_CHOWN]\n", false);
    must_apply(&p, "--cap-add CAP_NET_RAW");
    must_list(&p.base.v[POLICY_CAPABILITIES], "CAP_CHOWN CAP_NET_RAW");
    must_apply(&p, "--cap-drop CAP_CHOWN");
    must_list(&p.base.v[POLICY_CAPABILITIES], "CAP_NET_RAW");
    must_apply(&p, "--cap-drop ALL --cap-add CAP_KILL");
    must_list(&p.base.v[POLICY_CAPABILITIES], "CAP_KILL");
}

Test(bwrap, faults_name_the_word)
{
    static const struct {
        const char *text;
        const char *shown;
    } faults[] = {
        {"--proc /proc --bind /a/../b /c", "BWRAP_ARGS, word 3: --bind: '/a/../b' holds '..'"},
        {"--perms 4755 --dir /x", "set-user-id"},
        {"--setenv A my\xff", "--setenv: the value of 'A' is not UTF-8"},
        {"--hostname a/b", "is no host name"},
    };
    struct err err;

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        auto_policy struct policy p;

        must_load(&p, V1, true);
        cr_assert_lt(apply(&p, faults[i].text, &err), 0, "%s", faults[i].text);
        cr_assert(strstr(err.msg, faults[i].shown), "%s", err.msg);
    }
}

Test(bwrap, assertion_fails_where_the_policy_allows)
{
    auto_policy struct policy p;
    struct err err;

    must_load(&p, V1 "process: {user-namespaces: true}\n", true);
    cr_assert_lt(apply(&p, "--assert-userns-disabled", &err), 0);
    cr_assert_eq(apply(&p, "--disable-userns --assert-userns-disabled", &err), 0);
}

Test(overrides, seccomp_allow_replaces_or_switches_off)
{
    auto_policy struct policy p;
    struct err err;

    must_load(&p, V1 "syscalls: {allow: [bpf]}\n", true);
    cr_assert_eq(policy_apply_seccomp_allow(&p, " ptrace,kcmp\tmount ", &err), 0);
    must_list(&p.base.v[POLICY_SYSCALLS_ALLOW], "ptrace kcmp mount");
    cr_assert_eq(p.base.v[POLICY_SYSCALLS_PROFILE].number, SYSCALLS_DEFAULT);
    cr_assert_eq(policy_apply_seccomp_allow(&p, "  ", &err), 0);
    cr_assert_eq(p.base.v[POLICY_SYSCALLS_PROFILE].number, SYSCALLS_OFF);
    cr_assert_eq(policy_apply_seccomp_allow(&p, "a;b", &err), -EINVAL);
}

Test(overrides, pip_cache_is_for_installers)
{
    auto_policy struct policy p;
    struct err err;

    must_load(&p, V1 "filesystem: {write: [/data]}\n", true);
    cr_assert_eq(policy_apply_pip_cache(&p, HOME "/.cache/pip", &err), 0);
    must_list(&p.base.v[POLICY_FS_WRITE], "/data");
    must_list(&must_find(&p, "installer")->in_force.v[POLICY_FS_WRITE],
              "/data " HOME "/.cache/pip");
    must_list(&must_find(&p, "query")->in_force.v[POLICY_FS_WRITE], "/data");
    cr_assert_eq(policy_check(&p, HOME, &err), 0, "%s", err.msg);
}
