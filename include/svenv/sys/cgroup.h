/* Control groups, version 2 (cgroups(7)): limits on all processes of a group together. */
#ifndef SVENV_SYS_CGROUP_H
#define SVENV_SYS_CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum {
    CGROUP_PATH_MAX = 4096,
    CGROUP_NAME_MAX = 64
};

/* 0: no limit. */
struct cgroup_limits {
    uint64_t memory; /* bytes; nothing goes to swap */
    uint64_t cpus;
    uint64_t processes; /* and threads */
};

struct cgroup {
    int dir;    /* -1: none */
    int parent; /* to remove a group of our own making; -1: whoever made it removes it */
    char name[CGROUP_NAME_MAX];
};

#define CGROUP_NONE                                                                                \
    {                                                                                              \
        .dir = -1, .parent = -1                                                                    \
    }

/* A name that no other group has, and that names the process that is answerable for it: the caller.
 * Some bytes are left for those who append to it. */
void cgroup_new_name(char name_out[CGROUP_NAME_MAX]);
/* Return: that process; 0: the name is none of ours. */
pid_t cgroup_name_owner(const char *name);

/* Finds the line of the unified hierarchy in the text of /proc/PID/cgroup. A path that leads out of
 * the caller's cgroup namespace, or to a group that was removed, cannot be reached: refused.
 * Return: 0, or -ENOENT, -EXDEV, -EINVAL. */
int cgroup_parse_path(const char *text, size_t len, char *path_out, size_t size);

/* One number of a file like memory.events. Return: 0, or -ENOENT, -EINVAL. */
int cgroup_parse_event(const char *text, const char *name, uint64_t *value_out);

/* Does the text of `file` (memory.max, pids.max, cpu.max, memory.swap.max) hold a group to the
 * limit? "max" never does. */
int cgroup_check_text(const char *file, const char *text, const struct cgroup_limits *limits);

/* Can this machine have such limits at all? Return: 0, or negative errno with *err naming what is
 * missing and the cure. */
int cgroup_available(const struct cgroup_limits *limits, struct err *err);

/* Lowers each limit that is set to that of the caller's own group, where that is less: a process
 * that is moved out of the group must not get more by that. Return: 0 or negative errno with *err.
 */
int cgroup_lower_to_own(struct cgroup_limits *limits, struct err *err);

/* Makes a group with the limits where a subtree was delegated to the caller, and moves `pid` into
 * it. Leaves those of ended launchers are swept. Return: 0 with *out, or negative errno with *err
 * (-ENOENT: there is no such subtree); nothing is left then. */
int cgroup_make(const struct cgroup_limits *limits, pid_t pid, struct cgroup *out, struct err *err);

/* The group that somebody else made and moved `pid` into: checks that its name is `stem` and more,
 * and that the kernel holds it to the limits. Return: 0 with *out, or negative errno with *err. */
int cgroup_adopt(const struct cgroup_limits *limits, pid_t pid, const char *stem,
                 struct cgroup *out, struct err *err);

/* How many of its processes the kernel killed for want of memory. -errno when that cannot be read.
 */
int64_t cgroup_oom_kills(const struct cgroup *group);

/* Removes a group of our own making, which must be empty, and closes the rest. */
void cgroup_finish(struct cgroup *group);

#endif
