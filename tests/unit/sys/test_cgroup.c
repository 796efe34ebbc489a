#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/sys/cgroup.h"

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
