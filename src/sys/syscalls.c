/* System calls for which the C library has no function. */
#include "svenv/sys/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/stat.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static int result(long value)
{
    return value < 0 ? -errno : (int)value;
}

int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

    return result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

int sys_open_tree(int dir, const char *path, unsigned flags)
{
    return result(syscall(SYS_open_tree, dir, path, flags));
}

int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
    return result(syscall(SYS_move_mount, from, from_path, to, to_path, flags));
}

int sys_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear)
{
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = MS_PRIVATE};

    return result(syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof(attr)));
}

int sys_getdents(int dir, void *buffer, unsigned size)
{
    return result(syscall(SYS_getdents64, dir, buffer, size));
}

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

int sys_mount_id(int fd)
{
    struct statx sx;
    long rc = syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx);

    return rc < 0 ? -errno : sx.stx_mask & STATX_MNT_ID ? (int)sx.stx_mnt_id : -ENOSYS;
}

int64_t sys_birth_ns(int dir, const char *path)
{
    struct statx sx;
    long rc = syscall(SYS_statx, dir, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &sx);

    if (rc < 0 || !(sx.stx_mask & STATX_BTIME))
        return rc < 0 ? -errno : -ENOSYS;
    return (int64_t)sx.stx_btime.tv_sec * 1000000000 + sx.stx_btime.tv_nsec;
}

void sys_kernel_name(char name[KERNEL_NAME_MAX])
{
    struct utsname names = {.release = ""};

    (void)uname(&names);
    snprintf(name, KERNEL_NAME_MAX, "%s %s", names.release, names.version);
}

int sys_pidfd_open(pid_t pid)
{
    return result(syscall(SYS_pidfd_open, pid, 0));
}

int sys_pidfd_kill(int pidfd, int number)
{
    return result(syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0));
}

int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    return result(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int sys_fsopen(const char *type, unsigned flags)
{
    return result(syscall(SYS_fsopen, type, flags));
}

int sys_fsconfig_set(int fd, const char *key, const char *value)
{
    unsigned command = value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

    return result(syscall(SYS_fsconfig, fd, command, key, value, 0));
}

int sys_fsconfig_create(int fd)
{
    return result(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
}

int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
    return result(syscall(SYS_fsmount, fd, flags, attrs));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
    return result(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    return result(syscall(SYS_close_range, first, last, flags));
}

pid_t sys_fork_with(unsigned long flags, pid_t *pid_out)
{
    unsigned long tell = pid_out ? CLONE_PARENT_SETTID : 0;

    return result(syscall(SYS_clone, flags | tell | SIGCHLD, NULL, pid_out, NULL, NULL));
}

int sys_landlock_create(const struct landlock_ruleset_v6 *attr, size_t size, uint32_t flags)
{
    return result(syscall(SYS_landlock_create_ruleset, attr, size, flags));
}

int sys_landlock_add_path(int ruleset, uint64_t access, int path_fd)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = path_fd};

    return result(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
}

int sys_landlock_restrict(int ruleset)
{
    return result(syscall(SYS_landlock_restrict_self, ruleset, 0));
}

int sys_join_session_keyring(void)
{
    return result(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
}

int sys_find_session_keyring(void)
{
    return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
}
