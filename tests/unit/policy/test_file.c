#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy_test.h"
#include "svenv/base/fd.h"

static char dir[] = "/tmp/svenv-policy-XXXXXX";
static char file[64];

static void make(void)
{
    cr_assert(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/policy.yaml", dir);
}

static void drop(void)
{
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    chmod(dir, 0700);
    cr_assert_eq(tree_remove(tmp, strrchr(dir, '/') + 1), 0);
    close(tmp);
}

static void put(const char *text, mode_t mode)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

static int try_load(struct err *err)
{
    const struct policy_sources sources = {.venv_file = file};
    auto_policy struct policy p;

    policy_init(&p);
    *err = (struct err){.code = 0};
    return policy_load(&p, &sources, err);
}

TestSuite(file, .init = make, .fini = drop);

Test(file, is_laid_over_the_users)
{
    auto_policy struct policy p;
    auto_free char *user = xasprintf("%s/user.yaml", dir);
    const struct policy_sources sources = {
        .templates = "/nonexistent", .user_file = user, .venv_file = file};
    struct err err;

    put(V1 "profile: strict\nlifetime: tree\nlimits: {processes: 9}\n", 0600);
    cr_assert_eq(rename(file, user), 0);
    put(V1 "limits: {processes: 8}\nnetwork: {mode: host}\n", 0644);
    policy_init(&p);
    cr_assert_eq(policy_load(&p, &sources, &err), 0, "%s", err.msg);
    cr_assert_str_eq(p.profile, "strict");
    cr_assert_eq(p.base.v[POLICY_LIMIT_PROCESSES].number, 8);
    cr_assert_str_eq(p.base.v[POLICY_LIMIT_PROCESSES].origin, "policy.yaml:2:21");
    cr_assert_eq(p.base.v[POLICY_LIFETIME].number, LIFETIME_TREE);
    cr_assert_str_eq(p.base.v[POLICY_LIFETIME].origin, "user policy:3:11");
    cr_assert_eq(p.base.v[POLICY_NET_MODE].number, NET_MODE_HOST);
    cr_assert_eq(p.base.v[POLICY_SYSCALLS_PROFILE].number, SYSCALLS_STRICT);
}

/* As `run --policy NAME` asks for it. */
Test(file, a_profile_alone_stands_for_a_venvs_file)
{
    auto_policy struct policy p;
    auto_free char *user = xasprintf("%s/user.yaml", dir);
    const struct policy_sources sources = {
        .templates = "/nonexistent", .user_file = user, .profile = "strict"};
    struct err err;

    put(V1 "profile: open\nlimits: {processes: 9}\n", 0600);
    cr_assert_eq(rename(file, user), 0);
    policy_init(&p);
    cr_assert_eq(policy_load(&p, &sources, &err), 0, "%s", err.msg);
    cr_assert_str_eq(p.profile, "strict");
    cr_assert_eq(p.base.v[POLICY_NET_MODE].number, NET_MODE_NONE);
    cr_assert_eq(p.base.v[POLICY_SYSCALLS_PROFILE].number, SYSCALLS_STRICT);
    cr_assert_eq(p.base.v[POLICY_LIMIT_PROCESSES].number, 9);
}

Test(file, may_be_absent_but_not_dangle)
{
    struct err err;

    cr_assert_eq(try_load(&err), 0, "%s", err.msg);
    cr_assert_eq(symlink("/nonexistent/x", file), 0);
    cr_assert_lt(try_load(&err), 0);
}

Test(file, profiles_of_the_site_are_found)
{
    auto_policy struct policy p;
    auto_free char *site = xasprintf("%s/site.yaml", dir);
    const struct policy_sources sources = {.templates = dir, .venv_file = file};
    struct err err;

    put(V1 "lifetime: program\n", 0644);
    cr_assert_eq(rename(file, site), 0);
    put(V1 "profile: site\n", 0600);
    policy_init(&p);
    cr_assert_eq(policy_load(&p, &sources, &err), 0, "%s", err.msg);
    cr_assert_eq(p.base.v[POLICY_LIFETIME].number, LIFETIME_PROGRAM);
    cr_assert_str_eq(p.base.v[POLICY_LIFETIME].origin, "profile site:2:11");
}

Test(file, a_profile_cannot_build_on_another)
{
    auto_policy struct policy p;
    auto_free char *site = xasprintf("%s/site.yaml", dir);
    const struct policy_sources sources = {.templates = dir, .venv_file = file};
    struct err err;

    put(V1 "profile: open\n", 0644);
    cr_assert_eq(rename(file, site), 0);
    put(V1 "profile: site\n", 0600);
    policy_init(&p);
    cr_assert_lt(policy_load(&p, &sources, &err), 0);
    cr_assert(strstr(err.msg, "cannot build on another"), "%s", err.msg);
}

Test(file, that_others_could_have_written_is_refused)
{
    struct err err;

    put(V1, 0620);
    cr_assert_eq(try_load(&err), -EPERM);
    cr_assert(strstr(err.msg, "chmod go-w"), "%s", err.msg);
    put(V1, 0602);
    cr_assert_eq(try_load(&err), -EPERM);
    put(V1, 0600);
    cr_assert_eq(try_load(&err), 0, "%s", err.msg);
    chmod(dir, 0777);
    cr_assert_eq(try_load(&err), -EPERM);
    chmod(dir, 01777);
    cr_assert_eq(try_load(&err), 0, "%s", err.msg);
    chmod(dir, 0700);
}

Test(file, behind_a_symlink_is_checked_where_it_is)
{
    auto_free char *open_dir = xasprintf("%s/open", dir);
    auto_free char *target = xasprintf("%s/real.yaml", open_dir);
    struct err err;

    put(V1, 0600);
    cr_assert_eq(mkdir(open_dir, 0700), 0);
    cr_assert_eq(rename(file, target), 0);
    cr_assert_eq(symlink(target, file), 0);
    cr_assert_eq(try_load(&err), 0, "%s", err.msg);
    cr_assert_eq(chmod(open_dir, 0777), 0);
    cr_assert_eq(try_load(&err), -EPERM);
}

Test(file, of_another_user_is_refused)
{
    struct err err;

    if (geteuid() != 0) {
        drop(); /* a skipped test does not come to its end */
        cr_skip_test("only root can give a file away");
    }
    put(V1, 0644);
    cr_assert_eq(chown(file, 12345, 12345), 0);
    cr_assert_eq(try_load(&err), -EPERM);
    cr_assert(strstr(err.msg, "belongs to another user"), "%s", err.msg);
}

Test(file, that_is_none_is_refused_at_once)
{
    struct err err;

    cr_assert_eq(mkfifo(file, 0600), 0);
    cr_assert_eq(try_load(&err), -EINVAL);
    unlink(file);
    cr_assert_eq(mkdir(file, 0700), 0);
    cr_assert_eq(try_load(&err), -EINVAL);
    rmdir(file);
    put(V1, 0600);
    cr_assert_eq(truncate(file, 70000), 0);
    cr_assert_lt(try_load(&err), 0);
    cr_assert_eq(truncate(file, 12), 0);
    cr_assert_lt(try_load(&err), 0, "NUL bytes");
}
