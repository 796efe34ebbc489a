/* The calls of the mount API. */
#include "svenv/sys/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/sys/syscalls.h"

int mount_clone(int dir, const char *path, uint64_t attrs)
{
    auto_fd int tree = sys_open_tree(
        dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    int rc;

    if (tree < 0)
        return tree;
    rc = sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, attrs, 0);
    return rc < 0 ? rc : steal_fd(&tree);
}

int mount_bind(const char *source, const char *dest, uint64_t attrs)
{
    if (mount(source, dest, NULL, MS_BIND | MS_REC, NULL) < 0)
        return 1;
    return sys_mount_setattr(AT_FDCWD, dest, AT_RECURSIVE, attrs, 0);
}

int mount_make(const char *type, const char *const *options, uint64_t attrs)
{
    auto_fd int context = sys_fsopen(type, FSOPEN_CLOEXEC);
    int rc;

    if (context < 0)
        return context;
    for (; options && options[0]; options += 2) {
        rc = sys_fsconfig_set(context, options[0], options[1]);
        if (rc < 0)
            return rc;
    }
    rc = sys_fsconfig_create(context);
    if (rc < 0)
        return rc;
    return sys_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attrs);
}

int mount_attach(int tree, int dir, const char *path)
{
    return sys_move_mount(tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one. */
int root_pivot(int root)
{
    if (fchdir(root) < 0)
        return -errno;
    return sys_pivot_root(".", ".");
}

int root_detach(void)
{
    return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}
