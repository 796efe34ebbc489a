/* Finds the limits of the group that a process leaves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"

#include "cgroup-internal.h"

#define NO_LIMIT UINT64_MAX
#define MILLION 1000000

/* "max", a number, or processor time as "QUOTA PERIOD": that becomes millionths of a processor. */
static uint64_t limit_in(char *text)
{
    char *space;
    uint64_t value, period;

    text[strcspn(text, "\n")] = '\0';
    space = strchr(text, ' ');
    if (space)
        *space = '\0';
    if (num_parse_u64(text, UINT64_MAX, &value) < 0)
        return NO_LIMIT;
    if (!space)
        return value;
    if (num_parse_u64(space + 1, UINT64_MAX, &period) < 0 || period == 0 ||
        value > UINT64_MAX / MILLION)
        return NO_LIMIT;
    return value * MILLION / period;
}

/* The lowest limit of a group and of the groups above it, without those that are also above
 * `beside` (NULL: none). */
static uint64_t lowest(int root, const char *group, const char *beside, const char *file)
{
    char path[CGROUP_PATH_MAX + CGROUP_NAME_MAX];
    uint64_t min = NO_LIMIT;

    snprintf(path, sizeof(path), "%s", group);
    do {
        char name[sizeof(path) + CGROUP_NAME_MAX], text[128];
        uint64_t limit;

        if (beside && path_is_beneath(beside, path))
            break;
        snprintf(name, sizeof(name), "%s%s%s", path + 1, path[1] ? "/" : "", file);
        limit = cgroup_read(root, name, text, sizeof(text)) < 0 ? NO_LIMIT : limit_in(text);
        min = limit < min ? limit : min;
    } while (cgroup_go_up(path));
    return min;
}

static void lower(uint64_t *limit, uint64_t given)
{
    if (given > 0 && given < *limit)
        *limit = given;
}

void cgroup_lower(int root, const char *own, struct cgroup_limits *limits)
{
    lower(&limits->memory, lowest(root, own, NULL, "memory.max"));
    lower(&limits->processes, lowest(root, own, NULL, "pids.max"));
    lower(&limits->cpus, lowest(root, own, NULL, "cpu.max") / MILLION);
}

int cgroup_check_left(int root, const char *from, const char *to, struct err *err)
{
    static const char *const files[] = {"memory.max", "pids.max", "cpu.max"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        uint64_t left = lowest(root, from, to, files[i]);

        if (left != NO_LIMIT && left < lowest(root, to, NULL, files[i]))
            return err_plain(err, EPERM,
                             "the control group '%s' that you are in has a lower '%s', which the "
                             "program would leave behind: set no higher limit than that",
                             from, files[i]);
    }
    return 0;
}

int cgroup_lower_to_own(struct cgroup_limits *limits, struct err *err)
{
    auto_fd int root = cgroup_open_hierarchy();
    char own[CGROUP_PATH_MAX];
    int rc;

    if (root < 0)
        return err_plain(err, ENOENT, "no cgroup v2 is mounted at /sys/fs/cgroup");
    rc = cgroup_path_of(0, own, sizeof(own), err);
    if (rc == 0)
        cgroup_lower(root, own, limits);
    return rc;
}
