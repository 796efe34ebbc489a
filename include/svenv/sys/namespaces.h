/* Namespaces and the identity inside them. */
#ifndef SVENV_SYS_NAMESPACES_H
#define SVENV_SYS_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* Moves the caller into new user, mount, ipc, uts, cgroup (and net) namespaces; its children into a
 * new pid namespace. The caller's ids are mapped to `uid` and `gid` inside and setgroups is denied
 * (user_namespaces(7)). A refusal by the kernel names the sysctl or AppArmor rule that is in the
 * way. Return: 0 or negative errno with *err. */
int namespaces_enter(uint32_t uid, uint32_t gid, bool own_net, struct err *err);

/* Says in one line why the kernel refuses user namespaces and what the cure is, by looking at the
 * sysctls. code: errno of the refused unshare(2). */
void namespaces_refused(int code, struct err *err);

/* No further user namespaces below the caller's: user.max_user_namespaces = 0, which belongs to the
 * user namespace and cannot be raised without a capability there (namespaces(7)). */
int namespaces_close_nesting(struct err *err);

/* Brings up the loopback interface of the caller's network namespace. */
int namespaces_loopback_up(struct err *err);

#endif
