/* Operations that mount. Sources are looked up in the new mount namespace, where the old root is
 * still "/". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/sys/mounts.h"
#include "svenv/sys/syscalls.h"

#include "root-internal.h"

static uint64_t bind_attrs(const struct plan_op *op)
{
    return (uint64_t)MOUNT_ATTR_NOSUID | (op->flags & PLAN_RW ? 0 : (uint64_t)MOUNT_ATTR_RDONLY) |
           (op->flags & PLAN_DEVICES ? 0 : (uint64_t)MOUNT_ATTR_NODEV);
}

static int attach_to(const struct builder *b, int tree, const char *dest)
{
    auto_fd int target = -1;

    if (dest_is_ours(b, dest))
        return mount_attach(tree, b->root, dest_path(dest));
    target = dest_open(b, dest, O_PATH);
    return target < 0 ? target : mount_attach(tree, target, "");
}

static int attach(const struct builder *b, int tree, const struct plan_op *op, struct err *err)
{
    int rc = attach_to(b, tree, op->dest);

    if (rc == -ENOENT)
        return err_set(err, ENOENT, "no mount point '%s' in the sandbox (%s)", op->dest,
                       op->origin);
    return rc < 0 ? err_set(err, -rc, "cannot mount on '%s' (%s)", op->dest, op->origin) : 0;
}

static int root_mounts_check_source(const struct builder *b, int source, const struct plan_op *op,
                                    struct err *err)
{
    struct stat st;

    if (fstat(source, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", op->src);
    if ((op->flags & PLAN_IDENTITY) && (st.st_dev != op->dev || st.st_ino != op->ino))
        return err_plain(err, ESTALE, "'%s' is not the file that the plan was made for (%s)",
                         op->src, op->origin);
    if (!(op->flags & PLAN_IDENTITY) && st.st_uid != b->uid)
        return err_plain(err, EPERM,
                         "'%s' belongs to another user: remove it ('sandbox-venv wrap' takes "
                         "another name for a directory in /tmp)",
                         op->src);
    return 0;
}

/* Return: a descriptor of op->src, -ENOENT (with PLAN_TRY) or negative errno with *err. */
static int open_source(const struct builder *b, const struct plan_op *op, struct err *err)
{
    uint64_t resolve = op->flags & PLAN_HOSTILE ? RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS : 0;
    auto_fd int source = sys_openat2(AT_FDCWD, op->src, O_PATH | O_CLOEXEC, 0, resolve);
    int rc;

    if (source == -ENOENT && (op->flags & PLAN_TRY))
        return source;
    if (source == -ELOOP)
        return err_plain(err, ELOOP, "'%s' leads through a symbolic link: refused", op->src);
    if (source < 0)
        return err_set(err, -source, "cannot open '%s' (%s)", op->src, op->origin);
    rc = root_mounts_check_source(b, source, op, err);
    return rc < 0 ? rc : steal_fd(&source);
}

/* Clones a source that need not be looked at first by its path, which saves a look-up and a
 * descriptor. Return: as open_source(). */
static int clone_source(const struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int source = -1;
    int tree;

    if (op->flags & (PLAN_HOSTILE | PLAN_IDENTITY)) {
        source = open_source(b, op, err);
        if (source < 0)
            return source;
        tree = mount_clone(source, "", bind_attrs(op));
    } else {
        tree = mount_clone(AT_FDCWD, op->src, bind_attrs(op));
    }
    if (tree < 0 && !(tree == -ENOENT && (op->flags & PLAN_TRY)))
        return err_set(err, -tree, "cannot bind '%s' (%s)", op->src, op->origin);
    return tree;
}

/* Shows the directory `dest`, which is there already, once more on top of itself, with the flags
 * that it has. */
static int bind_on_itself(const struct builder *b, int dest)
{
    int rc = 0;

    if (fchdir(dest) < 0)
        return -errno;
    if (mount(".", ".", NULL, MS_BIND | MS_REC, NULL) < 0)
        rc = -errno;
    return fchdir(b->root) < 0 ? -errno : rc;
}

static bool is_writable_as_asked(int dest)
{
    const int flags = ST_RDONLY | ST_NOSUID | ST_NODEV;
    struct statfs fs;

    return fstatfs(dest, &fs) == 0 && (fs.f_flags & flags) == (ST_NOSUID | ST_NODEV);
}

static int clone_onto_itself(int dest, uint64_t attrs)
{
    auto_fd int tree = mount_clone(dest, "", attrs);

    return tree < 0 ? tree : mount_attach(tree, dest, "");
}

/* Hundreds of directories of the project are shown at their own places once more: to protect them,
 * or to hold them there. Then the file at dest is the source, which its identity proves, and need
 * not be looked up again. Return: as bind_by_path(). */
static int bind_in_place(const struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int dest = -1;
    struct stat st;
    int rc;

    if (!(op->flags & PLAN_IDENTITY) || (op->flags & PLAN_DEVICES) || !str_eq(op->src, op->dest))
        return 1;
    dest = dest_open(b, op->dest, O_PATH);
    if (dest < 0 || fstat(dest, &st) < 0 || st.st_dev != op->dev || st.st_ino != op->ino)
        return 1;
    if (!(op->flags & PLAN_RW))
        rc = clone_onto_itself(dest, bind_attrs(op));
    else if (S_ISDIR(st.st_mode) && is_writable_as_asked(dest))
        rc = bind_on_itself(b, dest);
    else
        return 1;
    return rc < 0 ? err_set(err, -rc, "cannot bind '%s' (%s)", op->src, op->origin) : 0;
}

/* Return: 0 when it is mounted, 1 when the longer way must be taken, which also knows what is
 * wrong. */
static int bind_by_path(const struct builder *b, const struct plan_op *op, struct err *err)
{
    int rc;

    if ((op->flags & (PLAN_HOSTILE | PLAN_IDENTITY)) || !dest_is_ours(b, op->dest))
        return 1;
    rc = mount_bind(op->src, dest_path(op->dest), bind_attrs(op));
    return rc < 0 ? err_set(err, -rc, "cannot bind '%s' (%s)", op->src, op->origin) : rc;
}

int op_bind(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int tree = -1;
    int rc = bind_by_path(b, op, err);

    if (rc > 0)
        rc = bind_in_place(b, op, err);
    if (rc <= 0) {
        dest_note_foreign(b, op);
        return rc;
    }
    tree = clone_source(b, op, err);
    if (tree < 0)
        return tree == -ENOENT && (op->flags & PLAN_TRY) ? 0 : tree;
    rc = attach(b, tree, op, err);
    dest_note_foreign(b, op);
    return rc;
}

static int make_error(struct err *err, int code, const struct plan_op *op, const char *type)
{
    if (op->kind == PLAN_PROC && code == EPERM)
        return err_plain(
            err, EPERM,
            "the kernel refuses a new /proc because parts of the host's are masked, as "
            "container engines do; start the container with an unmasked /proc");
    return err_set(err, code, "cannot mount a %s on '%s' (%s)", type, op->dest, op->origin);
}

/* options: pairs of key and value. */
static int mount_new(struct builder *b, const struct plan_op *op, const char *type,
                     const char *const *options, uint64_t attrs, struct err *err)
{
    auto_fd int tree = mount_make(type, options, attrs);

    return tree < 0 ? make_error(err, -tree, op, type) : attach(b, tree, op, err);
}

int op_tmpfs(struct builder *b, const struct plan_op *op, struct err *err)
{
    char mode[16], size[32];
    const char *options[] = {"mode", mode, op->size ? "size" : NULL, size, NULL};
    auto_fd int dir = -1;
    struct stat st;
    int rc;

    if (b->own_count == OWN_TREES_MAX)
        return err_plain(err, E2BIG, "more than %d tmpfs mounts (%s)", OWN_TREES_MAX - 1,
                         op->origin);
    snprintf(mode, sizeof(mode), "%o", op->mode ? op->mode : 0755u);
    snprintf(size, sizeof(size), "%llu", (unsigned long long)op->size);
    rc = mount_new(b, op, "tmpfs", options, FIXED_ATTRS, err);
    if (rc < 0)
        return rc;
    dir = dest_open(b, op->dest, O_PATH);
    if (dir < 0 || fstat(dir, &st) < 0)
        return err_set(err, dir < 0 ? -dir : errno, "cannot look at '%s'", op->dest);
    b->own[b->own_count++] = st.st_dev;
    return 0;
}

int op_proc(struct builder *b, const struct plan_op *op, struct err *err)
{
    /* Group 0 sees all by default, and root's programs are in it. So gid is a group that nobody
     * has. */
    static const char *const options[] = {"hidepid", "invisible", "gid", "4294967294", NULL};
    auto_fd int tree = mount_make("proc", options, FIXED_ATTRS | MOUNT_ATTR_NOEXEC);
    int rc;

    if (tree < 0)
        return make_error(err, -tree, op, "proc");
    rc = root_close_nesting(b->shared, tree, err);
    if (rc == 0)
        rc = attach(b, tree, op, err);
    dest_note_foreign(b, op); /* magic links lead out of it */
    return rc;
}

int op_devpts(struct builder *b, const struct plan_op *op, struct err *err)
{
    static const char *const options[] = {"ptmxmode", "0666", "mode", "0620", NULL};

    return mount_new(b, op, "devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
}

int op_mqueue(struct builder *b, const struct plan_op *op, struct err *err)
{
    return mount_new(b, op, "mqueue", NULL, FIXED_ATTRS | MOUNT_ATTR_NOEXEC, err);
}

int op_remount_ro(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int dest = dest_open(b, op->dest, O_PATH);
    int rc = dest < 0 ? dest : sys_mount_setattr(dest, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0);

    return rc < 0 ? err_set(err, -rc, "cannot make '%s' read-only (%s)", op->dest, op->origin) : 0;
}

/* The masks' own mount is read-only, and so is every copy of it. A directory that is exchanged for
 * a file in between cannot be mounted on. */
static int mask_at(const struct builder *b, const char *dest)
{
    auto_fd int target = dest_open(b, dest, O_PATH);
    auto_fd int tree = -1;
    struct stat st;

    if (target < 0 || fstat(target, &st) < 0)
        return target < 0 ? target : -errno;
    tree = sys_open_tree(b->root, S_ISDIR(st.st_mode) ? ROOT_EMPTY_DIR : ROOT_EMPTY_FILE,
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return tree < 0 ? tree : mount_attach(tree, target, "");
}

/* Looked at first, because a mount that fails is dear: the kernel waits until every processor has
 * let go of it, as long as ten others take. */
static int mask_by_path(const char *path)
{
    const char *empty = NULL;
    struct stat st;

    if (fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    empty = S_ISDIR(st.st_mode) ? ROOT_EMPTY_DIR : ROOT_EMPTY_FILE;
    return mount(empty, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

int op_mask(struct builder *b, const struct plan_op *op, struct err *err)
{
    int rc = dest_is_ours(b, op->dest) ? mask_by_path(dest_path(op->dest)) : mask_at(b, op->dest);

    if (rc == -ENOENT && (op->flags & PLAN_TRY))
        return 0;
    return rc < 0 ? err_set(err, -rc, "cannot hide '%s' (%s)", op->dest, op->origin) : 0;
}
