/* System calls without a libc wrapper and constants newer than the distribution's headers: the only
 * file that knows raw numbers. Every function gives back what the kernel does: >= 0, or negative
 * errno. Remove a definition when the oldest supported distribution ships it. */
#ifndef SVENV_SYS_SYSCALLS_H
#define SVENV_SYS_SYSCALLS_H

#include <linux/landlock.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Linux 6.2, 6.7, 6.10, 6.12: Landlock rights that Debian 12's headers do not know. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef LANDLOCK_ACCESS_FS_RESOLVE_UNIX
#define LANDLOCK_ACCESS_FS_RESOLVE_UNIX (1ULL << 16)
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* struct landlock_ruleset_attr as of ABI 6; older kernels take the shorter prefix. */
struct landlock_ruleset_v6 {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int sys_open_tree(int dir, const char *path, unsigned flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
/* This also takes the mounts out of propagation: a mount that is made below the original later on
 * would come without any of these attributes. */
int sys_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear);
int sys_fsopen(const char *type, unsigned flags);
/* Sets a string option, or with value NULL a flag. */
int sys_fsconfig_set(int fd, const char *key, const char *value);
int sys_fsconfig_create(int fd);
int sys_fsmount(int fd, unsigned flags, unsigned attrs);
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
/* Records of getdents64(2) into `buffer`. Return: bytes, 0 at the end. */
int sys_getdents(int dir, void *buffer, unsigned size);
/* The number of the mount that the file was opened through. */
int sys_mount_id(int fd);
/* When the file was made, which nobody can change; a link is not followed. Return: nanoseconds
 * since the epoch, -ENOSYS where the file system does not know, or negative errno. */
int64_t sys_birth_ns(int dir, const char *path);
/* The running kernel by release and build, to tell one kernel from another; never to conclude what
 * it can do. */
enum {
    KERNEL_NAME_MAX = 160
};
void sys_kernel_name(char name[KERNEL_NAME_MAX]);
int sys_pidfd_open(pid_t pid);
int sys_pidfd_kill(int pidfd, int number);
int sys_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags);
/* clone(2) without a new stack: fork, with flags. The C library's fork() blocks all signals for the
 * time of the call and restores the mask without looking whether it could. Not for a child that
 * uses raise(3). *pid_out, which may be NULL: the child's pid, written by the kernel before the
 * child runs. Return: as fork(2), but negative errno. */
pid_t sys_fork_with(unsigned long flags, pid_t *pid_out);
int sys_landlock_create(const struct landlock_ruleset_v6 *attr, size_t size, uint32_t flags);
int sys_landlock_add_path(int ruleset, uint64_t access, int path_fd);
int sys_landlock_restrict(int ruleset);
int sys_join_session_keyring(void);
int sys_find_session_keyring(void);

#endif
