/* The sandbox's root: one function per kind of operation (root_files.c, root_mounts.c), executed in
 * the plan's order. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/sys/mounts.h"
#include "svenv/sys/syscalls.h"

#include "root-internal.h"

static op_fn *const op_functions[] = {
    [PLAN_DIR] = op_dir,       [PLAN_FILE] = op_file,     [PLAN_SYMLINK] = op_symlink,
    [PLAN_BIND] = op_bind,     [PLAN_TMPFS] = op_tmpfs,   [PLAN_PROC] = op_proc,
    [PLAN_DEVPTS] = op_devpts, [PLAN_MQUEUE] = op_mqueue, [PLAN_REMOUNT_RO] = op_remount_ro,
    [PLAN_CHMOD] = op_chmod,   [PLAN_MASK] = op_mask,
};
_Static_assert(ARRAY_SIZE(op_functions) == PLAN_OP__COUNT, "one function per kind of operation");

/* Makes the file and the directory that masks are copies of, on a read-only mount of its own. */
static int make_masks(void)
{
    uint64_t attrs = FIXED_ATTRS | (uint64_t)MOUNT_ATTR_RDONLY;

    if (mkdirat(AT_FDCWD, ROOT_OWN, 0755) < 0 || mkdirat(AT_FDCWD, ROOT_EMPTY_DIR, 0555) < 0 ||
        mknodat(AT_FDCWD, ROOT_EMPTY_FILE, S_IFREG | 0444, 0) < 0 ||
        mount(ROOT_OWN, ROOT_OWN, NULL, MS_BIND, NULL) < 0)
        return -errno;
    return sys_mount_setattr(AT_FDCWD, ROOT_OWN, 0, attrs, 0);
}

/* On top of "/": path look-ups from "/" still start at the old root below it, so nothing of the
 * host is hidden while sources are opened. The current directory becomes the new root, where
 * destinations are looked up. */
static int attach_root(int root)
{
    auto_fd int old = open("/", O_PATH | O_CLOEXEC);
    mode_t mask = umask(0);
    int rc = mount_attach(root, old, "");

    if (rc == 0 && fchdir(root) < 0)
        rc = -errno;
    if (rc == 0)
        rc = make_masks();
    umask(mask);
    return rc;
}

int root_make(struct err *err)
{
    static const char *const options[] = {"mode", "0755", NULL};
    auto_fd int root = mount_make("tmpfs", options, FIXED_ATTRS);
    int rc;

    if (root < 0)
        return err_set(err, -root, "cannot make the sandbox's root");
    rc = attach_root(root);
    return rc < 0 ? err_set(err, -rc, "cannot mount the sandbox's root") : steal_fd(&root);
}

/* Tells of the last one. */
static void part_is_made(struct shared *shared)
{
    uint32_t made = __atomic_add_fetch(&shared->parts.made, 1, __ATOMIC_ACQ_REL);

    if (made == shared->parts.count)
        gate_open(&shared->gates, GATE_PARTS_MADE);
}

static int make_part(struct builder *b, const struct part *part, struct err *err)
{
    struct shared *shared = b->shared;
    size_t at = part->first;
    int rc = 0;

    b->own_count = 1;
    b->foreign_count = 0;
    for (size_t i = 0; rc == 0 && i < part->size; i++, at = shared->parts.next[at]) {
        const struct plan_op *op = &shared->plan.ops[at];

        if (op->kind == PLAN_BIND)
            gate_wait(&shared->gates, GATE_NODES_MADE);
        rc = op_functions[op->kind](b, op, err);
    }
    if (rc == 0)
        part_is_made(shared);
    return rc;
}

static int make_parts(struct builder *b, struct err *err)
{
    const struct part *part;
    struct stat st;
    int rc = 0;

    if (fstat(b->root, &st) < 0)
        return err_set(err, errno, "cannot look at the sandbox's root");
    b->own[0] = st.st_dev;
    while (rc == 0 && (part = parts_take(&b->shared->parts)))
        rc = make_part(b, part, err);
    return rc;
}

int root_share(int root, struct shared *shared)
{
    struct builder b = {.root = root, .shared = shared};
    struct err err = {0};
    mode_t mask;
    int rc;

    gate_wait(&shared->gates, GATE_PLAN_READY);
    b.uid = shared->plan.uid;
    mask = umask(0);
    rc = make_parts(&b, &err);
    umask(mask);
    if (rc < 0)
        launch_fail(shared, &err);
    return rc;
}

int root_finish(int root, struct shared *shared, struct err *err)
{
    auto_fd int proc = -1;
    int rc = 0;

    /* Without a /proc inside. */
    if (!gate_is_open(&shared->gates, GATE_NESTING_CLOSED)) {
        proc = open("/proc", O_PATH | O_CLOEXEC);
        rc = proc < 0 ? err_set(err, errno, "cannot open /proc")
                      : root_close_nesting(shared, proc, err);
    }
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
