#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/sys/cgroup.h"

#include "../base/scratch.h"
#include "cgroup-internal.h"

Test(cgroup, the_own_path_is_found)
{
    static const struct {
        const char *text;
        int rc;
        const char *path;
    } rows[] = {
        {"0::/\n", 0, "/"},
        {"0::/", 0, "/"},
        {"0::/user.slice/user-1000.slice/session-c1.scope\n", 0,
         "/user.slice/user-1000.slice/session-c1.scope"},
        {"5:devices:/\n1:name=systemd:/a\n0::/b c\n", 0, "/b c"},
        {"10::/x\n0::/y\n", 0, "/y"},
        {"0::/a..b/..c/d..\n", 0, "/a..b/..c/d.."},
        {"", -ENOENT, ""},
        {"\n\n", -ENOENT, ""},
        {"4:memory:/a\n1:cpu:/\n", -ENOENT, ""},
        {"0::\n", -EINVAL, ""},
        {"0::relative\n", -EINVAL, ""},
        {"0::/..\n", -EXDEV, ""},
        {"0::/../../a\n", -EXDEV, ""},
        {"0::/a/../b\n", -EXDEV, ""},
        {"0::/gone (deleted)\n", -EXDEV, ""},
        {"0::/12345678901234567890123456789012345678901234567890123456789012", 0,
         "/12345678901234567890123456789012345678901234567890123456789012"},
        {"0::/123456789012345678901234567890123456789012345678901234567890123", -EINVAL, ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len = strlen(rows[i].text);
        auto_free char *copy = xcalloc(1, len ? len : 1); /* without a NUL */
        char path[64] = "";
        int rc;

        memcpy(copy, rows[i].text, len);
        rc = cgroup_parse_path(copy, len, path, sizeof(path));
        cr_expect_eq(rc, rows[i].rc, "'%s': %d", rows[i].text, rc);
        if (rc == 0)
            cr_expect_str_eq(path, rows[i].path);
    }
}

Test(cgroup, a_path_with_nul_in_it)
{
    char path[64];

    cr_expect_eq(cgroup_parse_path("0::/a\0b\n", 8, path, sizeof(path)), -EINVAL);
}

Test(cgroup, whose_group_it_is)
{
    static const struct {
        const char *name;
        pid_t owner;
    } rows[] = {
        {"sandbox-venv-12-a3f", 12},
        {"sandbox-venv-12", 12},
        {"sandbox-venv-2147483647-0", 2147483647},
        {"sandbox-venv-2147483648-0", 0},
        {"sandbox-venv-0-1", 0},
        {"sandbox-venv--1", 0},
        {"sandbox-venv-", 0},
        {"sandbox-venv-12.scope", 0},
        {"sandbox-venv-+12-1", 0},
        {"sandbox-venv-111111111111111111111-1", 0},
        {"a-sandbox-venv-12-1", 0},
        {"", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(cgroup_name_owner(rows[i].name), rows[i].owner, "'%s'", rows[i].name);
}

Test(cgroup, events)
{
    static const struct {
        const char *text;
        int rc;
        uint64_t value;
    } rows[] = {
        {"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 0, 2},
        {"oom_kill 18446744073709551615", 0, UINT64_MAX},
        {"oom_kill 0\n", 0, 0},
        {"oom_killer 1\nx oom_kill 2\n", -ENOENT, 0},
        {"", -ENOENT, 0},
        {"oom_kill \n", -EINVAL, 0},
        {"oom_kill -1\n", -EINVAL, 0},
        {"oom_kill 18446744073709551616\n", -EINVAL, 0},
        {"oom_kill 00000000000000000000000000000001\n", -EINVAL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t value = 0;

        cr_expect_eq(cgroup_parse_event(rows[i].text, "oom_kill", &value), rows[i].rc, "'%s'",
                     rows[i].text);
        cr_expect_eq(value, rows[i].value, "'%s'", rows[i].text);
    }
}

Test(cgroup, what_the_kernel_must_have_taken)
{
    static const struct cgroup_limits limits = {.memory = 1 << 20, .cpus = 2, .processes = 10};
    static const struct {
        const char *file;
        const char *text;
        int rc;
    } rows[] = {
        {"memory.max", "1048576\n", 0},
        {"memory.max", "1044480\n", 0},
        {"memory.max", "1048577\n", -ERANGE},
        {"memory.max", "max\n", -ERANGE},
        {"memory.max", "", -ERANGE},
        {"memory.swap.max", "0\n", 0},
        {"memory.swap.max", "4096\n", -ERANGE},
        {"memory.swap.max", "max\n", -ERANGE},
        {"pids.max", "10\n", 0},
        {"pids.max", "11\n", -ERANGE},
        {"pids.max", "max\n", -ERANGE},
        {"cpu.max", "200000 100000\n", 0},
        {"cpu.max", "100000 100000\n", 0},
        {"cpu.max", "200001 100000\n", -ERANGE},
        {"cpu.max", "max 100000\n", -ERANGE},
        {"cpu.max", "200000\n", -ERANGE},
        {"cpu.max", "1 18446744073709551615\n", -ERANGE},
        {"io.max", "0\n", -EINVAL},
    };
    static const struct cgroup_limits none = {.memory = 0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(cgroup_check_text(rows[i].file, rows[i].text, &limits), rows[i].rc, "%s '%s'",
                     rows[i].file, rows[i].text);
    cr_expect_eq(cgroup_check_text("memory.max", "max\n", &none), 0);
}

/* A tree that looks like one of control groups: files of limits, each in its directory. */
static void write_limit(const struct scratch *tree, const char *path, const char *text)
{
    char name[128];

    snprintf(name, sizeof(name), "%s", path);
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdirat(tree->fd, name, 0700);
        *slash = '/';
    }
    scratch_write(tree, path, text);
}

Test(cgroup, limits_that_would_be_left_behind)
{
    static const struct {
        const char *from, *to;
        const char *files[3][2];
        int rc;
    } rows[] = {
        /* nothing limits */
        {"/a", "/b", {{"a/memory.max", "max\n"}}, 0},
        {"/a", "/b", {{"b/memory.max", "9\n"}}, 0},
        /* the group left allows more, or as much */
        {"/a", "/b", {{"a/memory.max", "10\n"}, {"b/memory.max", "9\n"}}, 0},
        {"/a", "/b", {{"a/pids.max", "9\n"}, {"b/pids.max", "9\n"}}, 0},
        {"/a", "/b/c", {{"a/pids.max", "9\n"}, {"b/pids.max", "8\n"}}, 0},
        /* it allows less */
        {"/a", "/b", {{"a/memory.max", "8\n"}, {"b/memory.max", "9\n"}}, -EPERM},
        {"/a", "/b", {{"a/memory.max", "8\n"}}, -EPERM},
        {"/a", "/b", {{"a/memory.max", "8\n"}, {"b/memory.max", "max\n"}}, -EPERM},
        {"/a/x/y", "/b", {{"a/x/pids.max", "8\n"}, {"b/pids.max", "9\n"}}, -EPERM},
        {"/a", "/b", {{"a/pids.max", "8\n"}, {"b/memory.max", "8\n"}}, -EPERM},
        /* both lie in the group that does */
        {"/a/x", "/a/b", {{"a/memory.max", "8\n"}}, 0},
        {"/a/x", "/a/b", {{"a/memory.max", "8\n"}, {"a/x/memory.max", "9\n"}}, 0},
        {"/a/x", "/a/b", {{"a/memory.max", "8\n"}, {"a/x/memory.max", "7\n"}}, -EPERM},
        {"/a", "/a/b", {{"a/memory.max", "8\n"}}, 0},
        {"/ab/x", "/a/b", {{"ab/memory.max", "8\n"}}, -EPERM},
        {"/", "/b", {{"memory.max", "8\n"}}, 0},
        /* processors */
        {"/a", "/b", {{"a/cpu.max", "50000 100000\n"}, {"b/cpu.max", "100000 100000\n"}}, -EPERM},
        {"/a", "/b", {{"a/cpu.max", "20000 10000\n"}, {"b/cpu.max", "100000 100000\n"}}, 0},
        {"/a", "/b", {{"a/cpu.max", "max 100000\n"}, {"b/cpu.max", "100000 100000\n"}}, 0},
        {"/a", "/b", {{"a/cpu.max", "5 0\n"}, {"b/cpu.max", "100000 100000\n"}}, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scratch tree = scratch_new();
        struct err err = {0};
        int rc;

        for (size_t n = 0; n < ARRAY_SIZE(rows[i].files) && rows[i].files[n][0]; n++)
            write_limit(&tree, rows[i].files[n][0], rows[i].files[n][1]);
        rc = cgroup_check_left(tree.fd, rows[i].from, rows[i].to, &err);
        cr_expect_eq(rc, rows[i].rc, "row %zu: %d %s", i, rc, err.msg);
        scratch_drop(&tree);
    }
}

Test(cgroup, limits_that_the_caller_has_already)
{
    struct scratch tree = scratch_new();
    struct cgroup_limits limits = {.memory = 100, .cpus = 4, .processes = 100};
    struct cgroup_limits none = {.memory = 0};

    write_limit(&tree, "memory.max", "90\n");
    write_limit(&tree, "a/memory.max", "95\n");
    write_limit(&tree, "a/pids.max", "max\n");
    write_limit(&tree, "a/b/cpu.max", "250000 100000\n");
    cgroup_lower(tree.fd, "/a/b", &limits);
    cr_expect_eq(limits.memory, 90);
    cr_expect_eq(limits.processes, 100);
    cr_expect_eq(limits.cpus, 2);
    write_limit(&tree, "a/b/cpu.max", "50000 100000\n");
    cgroup_lower(tree.fd, "/a/b", &limits);
    cr_expect_eq(limits.cpus, 2, "half a processor cannot be asked for");
    cgroup_lower(tree.fd, "/a/b", &none);
    cr_expect_eq(none.memory, 0, "what is not limited stays so");
    scratch_drop(&tree);
}

Test(cgroup, controllers_that_lack)
{
    static const struct {
        const char *list;
        struct cgroup_limits limits;
        const char *missing;
    } rows[] = {
        {"cpuset cpu io memory pids\n", {1, 1, 1}, NULL},
        {"memory\n", {1, 0, 0}, NULL},
        {"memory\n", {1, 1, 0}, "cpu"},
        {"cpuset memory\n", {1, 1, 0}, "cpu"},
        {"cpu pids\n", {1, 1, 1}, "memory"},
        {"memoryx mem\n", {1, 0, 0}, "memory"},
        {"", {0, 0, 1}, "pids"},
        {"\n", {0, 0, 0}, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *missing = cgroup_missing(rows[i].list, &rows[i].limits);

        cr_expect(rows[i].missing ? missing && strcmp(missing, rows[i].missing) == 0 : !missing,
                  "'%s': %s", rows[i].list, missing ? missing : "all there");
    }
}
