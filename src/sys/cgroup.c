/* The limits of any control group, and one that another has made. Making one is cgroup_make.c. */
#include "svenv/sys/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "cgroup-internal.h"

int cgroup_parse_event(const char *text, const char *name, uint64_t *value_out)
{
    size_t len = strlen(name);

    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char number[24];
        size_t digits;

        if (strncmp(line, name, len) != 0 || line[len] != ' ')
            continue;
        digits = strcspn(line + len + 1, "\n");
        if (digits >= sizeof(number))
            return -EINVAL;
        memcpy(number, line + len + 1, digits);
        number[digits] = '\0';
        return num_parse_u64(number, UINT64_MAX, value_out) < 0 ? -EINVAL : 0;
    }
    return -ENOENT;
}

/* "QUOTA PERIOD", both in microseconds. */
static bool holds_cpus(const char *text, uint64_t cpus)
{
    const char *space = strchr(text, ' ');
    char quota_text[24] = "";
    uint64_t quota, period, most;

    if (!space || (size_t)(space - text) >= sizeof(quota_text))
        return false;
    memcpy(quota_text, text, (size_t)(space - text));
    return num_parse_u64(quota_text, UINT64_MAX, &quota) == 0 &&
           num_parse_u64(space + 1, UINT64_MAX, &period) == 0 &&
           !__builtin_mul_overflow(period, cpus, &most) && quota <= most;
}

/* The file of each limit, and the most that it may say. */
static const struct {
    const char *file;
    const char *controller;
    size_t limit; /* offset in struct cgroup_limits */
    bool zero;    /* the limit being there means 0 in this file */
    bool can_lack;
} files[] = {
    /* First, so that memory.max never stands alone. A kernel that doesn't count swap has no file.
     */
    {"memory.swap.max", "memory", offsetof(struct cgroup_limits, memory), true, true},
    {"memory.max", "memory", offsetof(struct cgroup_limits, memory), false, false},
    {"pids.max", "pids", offsetof(struct cgroup_limits, processes), false, false},
    {"cpu.max", "cpu", offsetof(struct cgroup_limits, cpus), false, false},
};

static uint64_t limit_of(size_t row, const struct cgroup_limits *limits)
{
    uint64_t value;

    memcpy(&value, (const char *)limits + files[row].limit, sizeof(value));
    return value;
}

static bool row_holds(size_t row, const char *text, const struct cgroup_limits *limits)
{
    uint64_t limit = limit_of(row, limits);
    char first[48];
    size_t len = strcspn(text, "\n");
    uint64_t value;

    if (limit == 0)
        return true;
    if (len >= sizeof(first))
        return false;
    memcpy(first, text, len);
    first[len] = '\0';
    if (str_eq(files[row].file, "cpu.max"))
        return holds_cpus(first, limit);
    return num_parse_u64(first, UINT64_MAX, &value) == 0 && value <= (files[row].zero ? 0 : limit);
}

int cgroup_check_text(const char *file, const char *text, const struct cgroup_limits *limits)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (str_eq(files[i].file, file))
            return row_holds(i, text, limits) ? 0 : -ERANGE;
    }
    return -EINVAL;
}

const char *cgroup_missing(const char *list, const struct cgroup_limits *limits)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        const char *name = files[i].controller;
        size_t len = strlen(name);
        bool found = limit_of(i, limits) == 0;

        for (const char *at = list; !found && *at; at += strcspn(at, " \n")) {
            at += strspn(at, " \n");
            found = strcspn(at, " \n") == len && memcmp(at, name, len) == 0;
        }
        if (!found)
            return name;
    }
    return NULL;
}

int cgroup_apply(int dir, const struct cgroup_limits *limits, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        uint64_t limit = limit_of(i, limits);
        char text[64];
        int rc;

        if (limit == 0)
            continue;
        if (str_eq(files[i].file, "cpu.max"))
            snprintf(text, sizeof(text), "%llu 100000", (unsigned long long)limit * 100000);
        else
            snprintf(text, sizeof(text), "%llu", files[i].zero ? 0 : (unsigned long long)limit);
        rc = cgroup_write(dir, files[i].file, text);
        if (rc < 0 && !(rc == -ENOENT && files[i].can_lack))
            return err_set(err, -rc, "cannot write '%s' of a control group", files[i].file);
    }
    return 0;
}

int cgroup_verify(int dir, const struct cgroup_limits *limits, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char text[128] = "";
        int rc = limit_of(i, limits) ? cgroup_read(dir, files[i].file, text, sizeof(text)) : 0;

        if (rc == -ENOENT && files[i].can_lack)
            continue;
        if (rc == -ENOENT)
            return err_plain(err, ENOENT,
                             "the controller '%s' is not delegated to you (as root: systemctl edit "
                             "user@.service, [Service] Delegate=cpu memory pids)",
                             files[i].controller);
        if (rc < 0)
            return err_set(err, -rc, "cannot read '%s' of the control group", files[i].file);
        if (cgroup_check_text(files[i].file, text, limits) < 0)
            return err_plain(err, ERANGE, "the kernel did not take the limit: '%s' is '%.*s'",
                             files[i].file, (int)strcspn(text, "\n"), text);
    }
    return 0;
}

int cgroup_available(const struct cgroup_limits *limits, struct err *err)
{
    auto_fd int root = cgroup_open_hierarchy();
    char text[CGROUP_TEXT_MAX];
    const char *missing;

    if (root < 0)
        return err_plain(err, ENOENT,
                         "no cgroup v2 is mounted at /sys/fs/cgroup (boot with "
                         "systemd.unified_cgroup_hierarchy=1, or in a container ask its engine for "
                         "cgroup v2)");
    if (cgroup_read(root, "cgroup.controllers", text, sizeof(text)) < 0)
        return err_plain(err, ENOENT, "the cgroup v2 hierarchy cannot be read");
    missing = cgroup_missing(text, limits);
    if (missing)
        return err_plain(err, ENOENT,
                         "cgroup v2 has no controller '%s' here (boot with "
                         "systemd.unified_cgroup_hierarchy=1, or in a container ask its engine for "
                         "cgroup v2)",
                         missing);
    return 0;
}

int cgroup_adopt(const struct cgroup_limits *limits, pid_t pid, const char *stem,
                 struct cgroup *out, struct err *err)
{
    auto_fd int root = cgroup_open_hierarchy();
    auto_fd int dir = -1;
    char path[CGROUP_PATH_MAX], own[CGROUP_PATH_MAX];
    int rc;

    if (root < 0)
        return err_plain(err, ENOENT, "no cgroup v2 is mounted at /sys/fs/cgroup");
    rc = cgroup_path_of(pid, path, sizeof(path), err);
    if (rc == 0)
        rc = cgroup_path_of(0, own, sizeof(own), err);
    if (rc < 0)
        return rc;
    if (!str_starts(path_basename(path), stem))
        return err_plain(err, ESRCH, "the process was not moved into '%s': it is in '%s'", stem,
                         path);
    dir = openat(root, path + 1, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return err_set(err, errno, "cannot open the control group '%s'", path);
    rc = cgroup_verify(dir, limits, err);
    if (rc == 0)
        rc = cgroup_check_left(root, own, path, err);
    if (rc == 0)
        *out = (struct cgroup){.dir = steal_fd(&dir), .parent = -1};
    return rc;
}

int64_t cgroup_oom_kills(const struct cgroup *group)
{
    char text[CGROUP_TEXT_MAX];
    uint64_t count = 0;
    int rc = cgroup_read(group->dir, "memory.events", text, sizeof(text));

    if (rc == 0)
        rc = cgroup_parse_event(text, "oom_kill", &count);
    return rc < 0 ? rc : count > INT64_MAX ? INT64_MAX : (int64_t)count;
}
