#ifndef SVENV_LAUNCH_ROOT_INTERNAL_H
#define SVENV_LAUNCH_ROOT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/types.h>

#include "launch-internal.h"

#define FIXED_ATTRS ((uint64_t)(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))

enum {
    OWN_TREES_MAX = 32,
    FOREIGN_MAX = 128
};

struct builder {
    int root;     /* the current directory, too */
    uint32_t uid; /* inside */
    struct shared *shared;
    /* Binds, symlinks and /proc of the part so far: what lies beneath is not ours. More than
     * FOREIGN_MAX: everything counts as foreign. */
    const struct plan_op *foreign[FOREIGN_MAX];
    size_t foreign_count;
    /* The root's file system, and those made here for the part: the only ones where nodes are made
     * (docs/SECURITY.md, C4). */
    dev_t own[OWN_TREES_MAX];
    size_t own_count;
};

/* --- destinations: looked up only below the new root, and never through a symlink --- */

/* The path as it is from the root's descriptor on. */
const char *dest_path(const char *dest);
void dest_note_foreign(struct builder *b, const struct plan_op *op);
/* Was everything on the way to `dest`, and `dest` itself, made here? Then `dest` can be used by its
 * path, which is cheaper: nothing leads elsewhere, and nobody else can change the path. The
 * kernel's own files at the top of a /proc made here count, too. */
bool dest_is_ours(const struct builder *b, const char *dest);
/* Return: a descriptor, or negative errno. */
int dest_open(const struct builder *b, const char *dest, uint64_t flags);
/* Return: 0 when the file behind the descriptor lies in a file system made here, -EXDEV if not. */
int dest_is_own(const struct builder *b, int dir);
/* The directory in which the node `dest` is to be made, and its name there. */
int dest_open_parent(const struct builder *b, const char *dest, int *dir_out,
                     const char **name_out);

/* When the plan closes nesting and nobody has. proc: the top of a /proc, best of a new one. */
int root_close_nesting(struct shared *shared, int proc, struct err *err);

/* --- operations of the plan --- */

typedef int op_fn(struct builder *b, const struct plan_op *op, struct err *err);

op_fn op_bind, op_chmod, op_devpts, op_dir, op_file, op_mask, op_mqueue, op_proc, op_remount_ro,
    op_symlink, op_tmpfs;

#endif
