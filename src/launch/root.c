/* The sandbox's root: one function per kind of operation, executed in the plan's order. Sources are
 * looked up in the new mount namespace, where the old root is still "/"; destinations only below
 * the new root's descriptor, and never through a symlink. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/sys/mounts.h"
#include "svenv/sys/syscalls.h"

#include "launch-internal.h"

#define OWN_DIR ".sandbox-venv"
#define EMPTY_DIR OWN_DIR "/empty"
#define EMPTY_FILE OWN_DIR "/file"
#define FIXED_ATTRS ((uint64_t)(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))

enum {
    OWN_TREES_MAX = 32,
    FOREIGN_MAX = 128
};

struct builder {
    int root;
    uint32_t uid;                     /* inside */
    const char *foreign[FOREIGN_MAX]; /* binds and symlinks so far: what lies beneath is not ours */
    size_t foreign_count;             /* more than FOREIGN_MAX: everything counts as foreign */
    dev_t own[OWN_TREES_MAX]; /* file systems made here: the only ones where nodes are made (C4) */
    size_t own_count;
};

static const char *below_root(const char *dest)
{
    while (*dest == '/')
        dest++;
    return *dest ? dest : ".";
}

static void note_foreign(struct builder *b, const struct plan_op *op)
{
    if (b->foreign_count < FOREIGN_MAX)
        b->foreign[b->foreign_count] = op->dest;
    b->foreign_count++;
}

/* Was everything on the way to `dest`, and `dest` itself, made here? Then it can be used by its
 * path, which is cheaper: nothing leads elsewhere, and nobody else can change it. */
static bool is_ours(const struct builder *b, const char *dest)
{
    if (b->foreign_count > FOREIGN_MAX)
        return false;
    for (size_t i = 0; i < b->foreign_count; i++) {
        if (path_is_beneath(dest, b->foreign[i]))
            return false;
    }
    return true;
}

static int open_dest(const struct builder *b, const char *dest, uint64_t flags)
{
    return sys_openat2(b->root, below_root(dest), flags | O_CLOEXEC, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static int is_own(const struct builder *b, int dir)
{
    struct stat st;

    if (fstat(dir, &st) < 0)
        return -errno;
    for (size_t i = 0; i < b->own_count; i++) {
        if (b->own[i] == st.st_dev)
            return 0;
    }
    return -EXDEV;
}

/* The directory in which the node `dest` is to be made, and its name there. */
static int open_parent(const struct builder *b, const char *dest, int *dir_out,
                       const char **name_out)
{
    const char *path = below_root(dest);
    const char *slash = strrchr(path, '/');
    auto_fd int fd = -1;
    char dir[PATH_MAX];
    int rc;

    if (slash && (size_t)(slash - path) >= sizeof(dir))
        return -ENAMETOOLONG;
    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    fd = open_dest(b, dir, O_PATH | O_DIRECTORY);
    rc = fd < 0 ? fd : is_own(b, fd);
    if (rc < 0)
        return rc;
    *dir_out = steal_fd(&fd);
    *name_out = slash ? slash + 1 : path;
    return 0;
}

static int node_error(struct err *err, int code, const struct plan_op *op)
{
    if (code == EXDEV)
        return err_plain(err, code,
                         "mount point '%s' does not exist in a directory of the host, and nothing "
                         "is created there; make it first (%s)",
                         op->dest, op->origin);
    return err_set(err, code, "cannot make '%s' in the sandbox (%s)", op->dest, op->origin);
}

/* Return: 1 when the node is there already. */
static int prepare_node(const struct builder *b, const struct plan_op *op, int *dir_out,
                        const char **name_out, struct err *err)
{
    auto_fd int present = -1;
    int rc;

    if (is_ours(b, op->dest)) {
        *dir_out = AT_FDCWD;
        *name_out = below_root(op->dest);
        return 0;
    }
    present = open_dest(b, op->dest, O_PATH);
    if (present >= 0)
        return 1;
    rc = open_parent(b, op->dest, dir_out, name_out);
    return rc < 0 ? node_error(err, -rc, op) : 0;
}

static int do_dir(struct builder *b, const struct plan_op *op, struct err *err)
{
    const char *name = NULL;
    auto_fd int dir = -1;
    int rc = prepare_node(b, op, &dir, &name, err);

    if (rc == 0 && mkdirat(dir, name, op->mode ? op->mode : 0755) < 0 && errno != EEXIST)
        return node_error(err, errno, op);
    return rc < 0 ? rc : 0;
}

static int do_file(struct builder *b, const struct plan_op *op, struct err *err)
{
    const char *name = NULL;
    auto_fd int dir = -1;
    auto_fd int fd = -1;
    mode_t mode = op->mode ? op->mode : 0644;
    int rc = prepare_node(b, op, &dir, &name, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (!op->src) {
        if (mknodat(dir, name, S_IFREG | mode, 0) < 0 && errno != EEXIST)
            return node_error(err, errno, op);
        return 0;
    }
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return node_error(err, errno, op);
    rc = fd_write_all(fd, op->src, strlen(op->src));
    return rc < 0 ? node_error(err, -rc, op) : 0;
}

static int do_symlink(struct builder *b, const struct plan_op *op, struct err *err)
{
    const char *name = NULL;
    auto_fd int dir = -1;
    int rc = prepare_node(b, op, &dir, &name, err);

    if (rc == 0 && symlinkat(op->src, dir, name) < 0 && errno != EEXIST)
        return node_error(err, errno, op);
    note_foreign(b, op);
    return rc < 0 ? rc : 0;
}

static uint64_t bind_attrs(const struct plan_op *op)
{
    return (uint64_t)MOUNT_ATTR_NOSUID | (op->flags & PLAN_RW ? 0 : (uint64_t)MOUNT_ATTR_RDONLY) |
           (op->flags & PLAN_DEVICES ? 0 : (uint64_t)MOUNT_ATTR_NODEV) |
           (op->flags & PLAN_EXEC_OFF ? (uint64_t)MOUNT_ATTR_NOEXEC : 0);
}

static int attach_to(const struct builder *b, int tree, const char *dest)
{
    auto_fd int target = -1;

    if (is_ours(b, dest))
        return mount_attach(tree, b->root, below_root(dest));
    target = open_dest(b, dest, O_PATH);
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

static int check_source(const struct builder *b, int source, const struct plan_op *op,
                        struct err *err)
{
    struct stat st;

    if (fstat(source, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", op->src);
    if ((op->flags & PLAN_IDENTITY) && (st.st_dev != op->dev || st.st_ino != op->ino))
        return err_plain(err, ESTALE, "'%s' is not the file that the plan was made for (%s)",
                         op->src, op->origin);
    if (!(op->flags & PLAN_IDENTITY) && st.st_uid != b->uid)
        return err_plain(err, EPERM, "'%s' belongs to another user", op->src);
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
    rc = check_source(b, source, op, err);
    return rc < 0 ? rc : steal_fd(&source);
}

/* What need not be looked at first is cloned by its path, which saves a look-up and a descriptor.
 * Return: as open_source(). */
static int clone_source(const struct builder *b, const struct plan_op *op, struct err *err)
{
    bool deep = !(op->flags & PLAN_FLAT);
    auto_fd int source = -1;
    int tree;

    if (op->flags & (PLAN_HOSTILE | PLAN_IDENTITY)) {
        source = open_source(b, op, err);
        if (source < 0)
            return source;
        tree = mount_clone(source, "", deep, bind_attrs(op));
    } else {
        tree = mount_clone(AT_FDCWD, op->src, deep, bind_attrs(op));
    }
    if (tree < 0 && !(tree == -ENOENT && (op->flags & PLAN_TRY)))
        return err_set(err, -tree, "cannot bind '%s' (%s)", op->src, op->origin);
    return tree;
}

static int do_bind(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int tree = clone_source(b, op, err);
    int rc;

    if (tree < 0)
        return tree == -ENOENT && (op->flags & PLAN_TRY) ? 0 : tree;
    rc = attach(b, tree, op, err);
    note_foreign(b, op);
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

static int do_tmpfs(struct builder *b, const struct plan_op *op, struct err *err)
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
    dir = open_dest(b, op->dest, O_PATH);
    if (dir < 0 || fstat(dir, &st) < 0)
        return err_set(err, dir < 0 ? -dir : errno, "cannot look at '%s'", op->dest);
    b->own[b->own_count++] = st.st_dev;
    return 0;
}

static int do_proc(struct builder *b, const struct plan_op *op, struct err *err)
{
    /* Group 0 sees all by default, and root's programs are in it: a group that nobody has. */
    static const char *const options[] = {"hidepid", "invisible", "gid", "4294967294", NULL};

    return mount_new(b, op, "proc", options, FIXED_ATTRS | MOUNT_ATTR_NOEXEC, err);
}

static int do_devpts(struct builder *b, const struct plan_op *op, struct err *err)
{
    static const char *const options[] = {"ptmxmode", "0666", "mode", "0620", NULL};

    return mount_new(b, op, "devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
}

static int do_mqueue(struct builder *b, const struct plan_op *op, struct err *err)
{
    return mount_new(b, op, "mqueue", NULL, FIXED_ATTRS | MOUNT_ATTR_NOEXEC, err);
}

static int do_remount_ro(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int dest = open_dest(b, op->dest, O_PATH);
    int rc = dest < 0 ? dest : sys_mount_setattr(dest, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0);

    return rc < 0 ? err_set(err, -rc, "cannot make '%s' read-only (%s)", op->dest, op->origin) : 0;
}

static int do_chmod(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int dest = open_dest(b, op->dest, O_RDONLY | O_NONBLOCK);
    int rc = dest < 0 ? dest : is_own(b, dest);

    if (rc == 0 && fchmod(dest, op->mode) < 0)
        rc = -errno;
    return rc < 0 ? err_set(err, -rc, "cannot change the mode of '%s' (%s)", op->dest, op->origin)
                  : 0;
}

static int look_at(const struct builder *b, const char *dest, struct stat *out)
{
    auto_fd int fd = -1;

    if (is_ours(b, dest))
        return fstatat(b->root, below_root(dest), out, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    fd = open_dest(b, dest, O_PATH);
    if (fd < 0)
        return fd;
    return fstat(fd, out) < 0 ? -errno : 0;
}

/* The masks' own mount is read-only, and so is every copy of it. A directory that is exchanged for
 * a file in between cannot be mounted on. */
static int do_mask(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int tree = -1;
    struct stat st;
    int rc = look_at(b, op->dest, &st);

    if (rc == -ENOENT && (op->flags & PLAN_TRY))
        return 0;
    if (rc == 0) {
        tree = sys_open_tree(b->root, S_ISDIR(st.st_mode) ? EMPTY_DIR : EMPTY_FILE,
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        rc = tree < 0 ? tree : attach_to(b, tree, op->dest);
    }
    return rc < 0 ? err_set(err, -rc, "cannot hide '%s' (%s)", op->dest, op->origin) : 0;
}

typedef int op_fn(struct builder *b, const struct plan_op *op, struct err *err);

static op_fn *const op_functions[] = {
    [PLAN_DIR] = do_dir,       [PLAN_FILE] = do_file,     [PLAN_SYMLINK] = do_symlink,
    [PLAN_BIND] = do_bind,     [PLAN_TMPFS] = do_tmpfs,   [PLAN_PROC] = do_proc,
    [PLAN_DEVPTS] = do_devpts, [PLAN_MQUEUE] = do_mqueue, [PLAN_REMOUNT_RO] = do_remount_ro,
    [PLAN_CHMOD] = do_chmod,   [PLAN_MASK] = do_mask,
};
_Static_assert(ARRAY_SIZE(op_functions) == PLAN_OP__COUNT, "one function per kind of operation");

/* What masks are made of, on a read-only mount of its own. */
static int make_masks(void)
{
    uint64_t attrs = FIXED_ATTRS | (uint64_t)MOUNT_ATTR_RDONLY;

    if (mkdirat(AT_FDCWD, OWN_DIR, 0755) < 0 || mkdirat(AT_FDCWD, EMPTY_DIR, 0555) < 0 ||
        mknodat(AT_FDCWD, EMPTY_FILE, S_IFREG | 0444, 0) < 0 ||
        mount(OWN_DIR, OWN_DIR, NULL, MS_BIND, NULL) < 0)
        return -errno;
    return sys_mount_setattr(AT_FDCWD, OWN_DIR, 0, attrs, 0);
}

int root_make(struct err *err)
{
    static const char *const options[] = {"mode", "0755", NULL};
    int root = mount_make("tmpfs", options, FIXED_ATTRS);

    return root < 0 ? err_set(err, -root, "cannot make the sandbox's root") : root;
}

/* On top of "/": path look-ups from "/" still start at the old root below it, so nothing of the
 * host is hidden while sources are opened. The current directory becomes the new root, where
 * destinations are looked up. */
static int attach_root(struct builder *b, struct err *err)
{
    auto_fd int old = open("/", O_PATH | O_CLOEXEC);
    struct stat st;
    int rc = mount_attach(b->root, old, "");

    if (rc == 0 && (fchdir(b->root) < 0 || fstat(b->root, &st) < 0))
        rc = -errno;
    if (rc == 0)
        rc = make_masks();
    if (rc < 0)
        return err_set(err, -rc, "cannot mount the sandbox's root");
    b->own[b->own_count++] = st.st_dev;
    return 0;
}

static int do_operations(struct builder *b, struct shared *shared, struct err *err)
{
    const struct plan *plan;
    int rc = 0;

    gate_wait(&shared->gates, GATE_PLAN_READY);
    plan = shared->plan;
    b->uid = plan->uid;
    for (size_t i = 0; rc == 0 && i < plan->op_count; i++) {
        if (plan->ops[i].kind == PLAN_BIND)
            gate_wait(&shared->gates, GATE_NODES_MADE);
        rc = op_functions[plan->ops[i].kind](b, &plan->ops[i], err);
    }
    return rc;
}

int root_build(int root, struct shared *shared, struct err *err)
{
    struct builder b = {.root = root};
    mode_t mask = umask(0);
    int rc = attach_root(&b, err);

    if (rc == 0)
        rc = do_operations(&b, shared, err);
    umask(mask);
    if (rc < 0)
        return rc;
    rc = sys_mount_setattr(root, "", AT_EMPTY_PATH, FIXED_ATTRS | MOUNT_ATTR_RDONLY, 0);
    return rc < 0 ? err_set(err, -rc, "cannot make the sandbox's root read-only") : 0;
}

int root_enter(int root, struct shared *shared, struct err *err)
{
    struct stat st;
    int rc = fstat(root, &st) < 0 ? -errno : root_pivot(root);

    close(root);
    if (rc < 0)
        return err_set(err, -rc, "cannot enter the sandbox's root");
    shared->root_dev = st.st_dev;
    shared->root_inode = st.st_ino;
    return 0;
}

int root_drop_old(struct err *err)
{
    int rc = root_detach();

    return rc < 0 ? err_set(err, -rc, "cannot leave the host's root") : 0;
}
