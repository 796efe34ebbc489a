/* A control group with limits for one process and its children, in the way that this machine has:
 * a subtree that was delegated to the caller, or a scope of systemd's. */
#ifndef SVENV_SYS_GROUP_H
#define SVENV_SYS_GROUP_H

#include "svenv/sys/cgroup.h"

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

/* Where the user's bus may be, as the caller's environment says; NULL where it doesn't. */
struct group_bus {
    const char *address;     /* DBUS_SESSION_BUS_ADDRESS */
    const char *runtime_dir; /* XDG_RUNTIME_DIR */
};

/* Moves `pid` into a new group with the limits, which are read back; where the caller's own group
 * is held to less it is that which counts. The limits hold for what it starts from then on, and for
 * nothing else. Return: 0 with *out, or negative errno with *err that says why neither way works,
 * and the cure; the process is where it was, or in a group that the limits are not sure to hold:
 * end it. */
int group_enter(const struct cgroup_limits *wanted, const struct group_bus *bus, pid_t pid,
                struct group *out, struct err *err);

/* For people: "a delegated control group". */
const char *group_way_text(enum group_way way);

/* Removes what is ours of it; everything in it must have ended. */
void group_finish(struct group *group);

#endif
