/* Asks a service manager for a control group, over its D-Bus bus. */
#ifndef SVENV_SYS_SYSTEMD_H
#define SVENV_SYS_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "svenv/sys/cgroup.h"

struct buf;
struct err;

struct systemd_bus {
    struct sockaddr_un address;
    socklen_t len;
    int patience_ms; /* for the whole conversation */
};

/* Has a transient scope with the limits made, and `pid` moved into it. It ends with its last
 * process. stem: what its name begins with. The manager's word alone proves nothing: cgroup_adopt()
 * looks. Return: 0 with the name ("stem.scope"), or negative errno with *err. */
int systemd_scope(const struct systemd_bus *bus, const char *stem,
                  const struct cgroup_limits *limits, pid_t pid, char name_out[CGROUP_NAME_MAX],
                  struct err *err);

/* --- for tests: the conversation's parts ------------------------------------------------------ */

/* The question's body. oom_policy: systemd 253 and newer must be told to leave the others alone
 * when the kernel kills one of a scope's processes; older ones don't know the word. */
void systemd_scope_body(struct buf *out, const char *name, const struct cgroup_limits *limits,
                        pid_t pid, bool oom_policy);

#endif
