/* A control group with limits for one process and its children, in the way that this machine has:
 * a subtree that was delegated to the caller, or a scope of systemd's. */
#ifndef SVENV_SYS_GROUP_H
#define SVENV_SYS_GROUP_H

#include "svenv/sys/cgroup.h"

enum {
    GROUP_PATIENCE_MS = 25000 /* what others wait for an answer on D-Bus */
};

enum group_way {
    GROUP_NONE,
    GROUP_DELEGATED,
    GROUP_SYSTEMD
};

struct group {
    enum group_way way;
    struct cgroup cgroup;
};

#define GROUP_INIT                                                                                 \
    {                                                                                              \
        .way = GROUP_NONE, .cgroup = CGROUP_NONE                                                   \
    }

/* Asks systemd for a scope with the limits, whose name begins with `stem`, and for `pid` to be
 * moved into it, within GROUP_PATIENCE_MS. Return: 0, which is not believed, or negative errno with
 * *err. */
struct group_asker {
    int (*ask)(const void *context, const struct cgroup_limits *limits, const char *stem, pid_t pid,
               struct err *err);
    const void *context;
};

/* Moves `pid` into a new group with the limits, which are read back. Where the caller's own group
 * has a lower limit, the lower one counts. The limits hold for processes that `pid` starts from
 * then on, and for nothing else. asker: for machines where no subtree is delegated to the caller.
 * Return: 0 with *out, or negative errno with *err that says why neither way works, and the cure;
 * the process is where it was, or in a group that may not hold it to the limits: end it. */
int group_enter(const struct cgroup_limits *wanted, const struct group_asker *asker, pid_t pid,
                struct group *out, struct err *err);

/* For people: "a delegated control group". */
const char *group_way_text(enum group_way way);

/* Removes the parts of it that are ours; everything in it must have ended. */
void group_finish(struct group *group);

#endif
