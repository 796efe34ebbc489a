/* The sandbox's root: one function per kind of operation (root_nodes.c, root_mounts.c), executed in
 * the plan's order. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/sys/mounts.h"
#include "svenv/sys/namespaces.h"
#include "svenv/sys/syscalls.h"

#include "root-internal.h"

static op_fn *const op_functions[] = {
    [PLAN_DIR] = op_dir,       [PLAN_FILE] = op_file,     [PLAN_SYMLINK] = op_symlink,
    [PLAN_BIND] = op_bind,     [PLAN_TMPFS] = op_tmpfs,   [PLAN_PROC] = op_proc,
    [PLAN_DEVPTS] = op_devpts, [PLAN_MQUEUE] = op_mqueue, [PLAN_REMOUNT_RO] = op_remount_ro,
    [PLAN_CHMOD] = op_chmod,   [PLAN_MASK] = op_mask,
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

/* Without a /proc of our own. */
static int close_nesting(struct err *err)
{
    auto_fd int proc = open("/proc", O_PATH | O_CLOEXEC);

    return proc < 0 ? err_set(err, errno, "cannot open /proc")
                    : namespaces_close_nesting(proc, err);
}

static int do_operations(struct builder *b, struct shared *shared, struct err *err)
{
    const struct plan *plan;
    int rc = 0;

    gate_wait(&shared->gates, GATE_PLAN_READY);
    plan = shared->plan;
    b->uid = plan->uid;
    b->close_nesting = !(plan->flags & PLAN_USERNS_OK);
    for (size_t i = 0; rc == 0 && i < plan->op_count; i++) {
        if (plan->ops[i].kind == PLAN_BIND)
            gate_wait(&shared->gates, GATE_NODES_MADE);
        rc = op_functions[plan->ops[i].kind](b, &plan->ops[i], err);
    }
    return rc == 0 && b->close_nesting ? close_nesting(err) : rc;
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
