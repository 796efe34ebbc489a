/* A scope of systemd's for one process, wherever the user's systemd can be asked. Not for the
 * launcher: what comes from a bus are foreign bytes. */
#ifndef SVENV_SYS_SCOPE_H
#define SVENV_SYS_SCOPE_H

#include <sys/types.h>

#include "svenv/sys/cgroup.h"

struct err;

/* Where the user's bus may be, as the caller's environment says; NULL where it doesn't. */
struct scope_bus {
    const char *address;     /* DBUS_SESSION_BUS_ADDRESS */
    const char *runtime_dir; /* XDG_RUNTIME_DIR */
    int patience_ms;         /* for all that is asked, together */
};

/* Asks for a scope with the limits, whose name begins with `stem` (cgroup_new_name()), and for
 * `pid` to be moved into it. Return: 0 when systemd says that it was done, which only
 * cgroup_adopt() can tell; or negative errno with *err. */
int scope_ask(const struct scope_bus *bus, const struct cgroup_limits *limits, const char *stem,
              pid_t pid, struct err *err);

/* May `parent` ask that `pid` be moved into a group of that name? Only a child of its own, with the
 * caller's user id and no other, and only into a group that names it as answerable. The pid stays
 * that child's until `parent` waits for it. Return: 0, or negative errno with *err. */
int scope_check(pid_t parent, pid_t pid, const char *stem, struct err *err);

#endif
