/* Namespaces and the identity inside them. */
#ifndef SVENV_SYS_NAMESPACES_H
#define SVENV_SYS_NAMESPACES_H

#include <stdint.h>

struct err;

/* Moves the caller into new user, mount, ipc, uts and cgroup namespaces; its children into a new
 * pid namespace. The caller's ids are mapped to `uid` and `gid` inside and setgroups is denied
 * (user_namespaces(7)). A refusal by the kernel names the sysctl or AppArmor rule that is in the
 * way. Return: 0 or negative errno with *err. */
int namespaces_enter(uint32_t uid, uint32_t gid, struct err *err);

/* Says in one line why the kernel refuses user namespaces and what the cure is, by looking at the
 * sysctls. code: errno of the refused unshare(2). */
void namespaces_refused(int code, struct err *err);

/* No further user namespaces below the caller's: user.max_user_namespaces = 0, which belongs to the
 * user namespace and cannot be raised without a capability there (namespaces(7)). proc: a
 * descriptor of the top of a /proc, by preference one that is new: the host's remembers this file
 * for every user namespace that there was lately, and looks at all of them. */
int namespaces_close_nesting(int proc, struct err *err);

/* Leaves half of the user's inotify(7) instances and watches to the host: the kernel counts those
 * of the namespace as the user's, too. To be called before namespaces_close_nesting()'s /proc is
 * given up. Return: 0 or negative errno with *err. */
int namespaces_limit_inotify(int proc, struct err *err);

/* Moves the caller into a new network namespace with a loopback interface that is up, and hands it
 * to the process at the other end of `peer` (AF_UNIX), which joins it by namespaces_join_net().
 * The dearest of the namespaces, so it is made beside other work. Return: 0 or
 * negative errno with *err. */
int namespaces_own_net(int peer, struct err *err);
/* Waits for what namespaces_own_net() hands over. */
int namespaces_join_net(int peer, struct err *err);

#endif
