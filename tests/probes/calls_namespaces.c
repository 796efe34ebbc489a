#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

/* The same numbers on every architecture; missing from the oldest headers. */
enum {
    NR_OPEN_TREE = 428,
    NR_MOVE_MOUNT = 429,
    NR_FSOPEN = 430,
    NR_FSCONFIG = 431,
    NR_FSMOUNT = 432,
    NR_FSPICK = 433,
    NR_CLONE3 = 435,
    NR_MOUNT_SETATTR = 442,
    NR_STATMOUNT = 457,
    NR_LISTMOUNT = 458,
    NR_OPEN_TREE_ATTR = 467
};

#define NOWHERE "/svenv-probe-does-not-exist"

static int call_unshare(char **words)
{
    return result_of(unshare((int)number_of(words[0])));
}

static int wait_child(long pid)
{
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
    return result_of(pid);
}

static int call_clone(char **words)
{
    return wait_child(syscall(SYS_clone, number_of(words[0]) | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int call_clone3(char **words)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = (uint64_t)number_of(words[0]), .exit_signal = SIGCHLD};

    return wait_child(syscall(NR_CLONE3, &args, sizeof(args)));
}

static int call_setns(char **words)
{
    int fd = open(words[0], O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : result_of(setns(fd, 0));
}

static int call_mount(char **words)
{
    (void)words;
    return result_of(mount("none", "/dev", "tmpfs", 0, NULL));
}

static int call_mount_proc(char **words)
{
    (void)words;
    return result_of(mount("none", "/proc", "proc", 0, NULL));
}

static int call_mount_bind(char **words)
{
    return result_of(mount(words[0], words[1], NULL, MS_BIND, NULL));
}

static int call_remount(char **words)
{
    return result_of(mount("none", words[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int call_umount(char **words)
{
    (void)words;
    return result_of(umount2(NOWHERE, MNT_DETACH));
}

static int call_pivot_root(char **words)
{
    (void)words;
    return result_of(syscall(SYS_pivot_root, NOWHERE, NOWHERE));
}

static int call_chroot(char **words)
{
    (void)words;
    return result_of(chroot("/"));
}

static int call_sethostname(char **words)
{
    (void)words;
    return result_of(sethostname("probe", 5));
}

static int call_fsopen(char **words)
{
    (void)words;
    return result_of(syscall(NR_FSOPEN, "tmpfs", 0));
}

static int call_fsconfig(char **words)
{
    (void)words;
    return result_of(syscall(NR_FSCONFIG, -1, 0, NULL, NULL, 0));
}

static int call_fsmount(char **words)
{
    (void)words;
    return result_of(syscall(NR_FSMOUNT, -1, 0, 0));
}

static int call_fspick(char **words)
{
    (void)words;
    return result_of(syscall(NR_FSPICK, AT_FDCWD, NOWHERE, 0));
}

static int call_open_tree(char **words)
{
    (void)words;
    return result_of(syscall(NR_OPEN_TREE, AT_FDCWD, "/", 0));
}

static int call_open_tree_attr(char **words)
{
    (void)words;
    return result_of(syscall(NR_OPEN_TREE_ATTR, AT_FDCWD, "/", 0, NULL, 0));
}

static int call_move_mount(char **words)
{
    (void)words;
    return result_of(syscall(NR_MOVE_MOUNT, AT_FDCWD, NOWHERE, AT_FDCWD, NOWHERE, 0));
}

static int call_mount_setattr(char **words)
{
    uint64_t attr[4] = {0};

    (void)words;
    return result_of(syscall(NR_MOUNT_SETATTR, AT_FDCWD, NOWHERE, 0, attr, sizeof(attr)));
}

/* An empty request is answered with EINVAL by a kernel that has the call. */
static int call_statmount(char **words)
{
    (void)words;
    return result_of(syscall(NR_STATMOUNT, NULL, NULL, 0, 0));
}

static int call_listmount(char **words)
{
    (void)words;
    return result_of(syscall(NR_LISTMOUNT, NULL, NULL, 0, 0));
}

const struct call namespace_calls[] = {
    {"unshare", call_unshare, true},
    {"clone", call_clone, true},
    {"clone3", call_clone3, true},
    {"setns", call_setns, true},
    {"mount", call_mount, true},
    {"mount-proc", call_mount_proc, true},
    {"mount-bind", call_mount_bind, true},
    {"remount-rw", call_remount, true},
    {"umount2", call_umount, true},
    {"pivot_root", call_pivot_root, true},
    {"chroot", call_chroot, true},
    {"sethostname", call_sethostname, true},
    {"fsopen", call_fsopen, true},
    {"fsconfig", call_fsconfig, true},
    {"fsmount", call_fsmount, true},
    {"fspick", call_fspick, true},
    {"open_tree", call_open_tree, true},
    {"open_tree_attr", call_open_tree_attr, true},
    {"move_mount", call_move_mount, true},
    {"mount_setattr", call_mount_setattr, true},
    {"statmount", call_statmount, false},
    {"listmount", call_listmount, false},
    {NULL, NULL, false},
};
