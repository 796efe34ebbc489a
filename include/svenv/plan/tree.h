/* The mount tree: the mounts of a sandbox in their order, and what follows from them for a path:
 * the mount that holds it, the way a mount point for it comes to be, and whether code inside can
 * exchange it. The tree is built when a policy is compiled, and opened again from the compiled plan
 * when one start adds paths. It knows neither policy nor venv. */
#ifndef SVENV_PLAN_TREE_H
#define SVENV_PLAN_TREE_H

#include "svenv/plan/plan.h"

/* The kind of tree that a path inside lies in, which decides how a mount point for it comes to be.
 */
enum tree_kind {
    TREE_ROOT,   /* our own root: an operation of the skeleton, which goes before every mount */
    TREE_NODES,  /* a directory of the host that is ours alone: a node, made there beforehand */
    TREE_TMPFS,  /* a tmpfs of this plan: an operation right after it */
    TREE_HOST,   /* somebody's tree: it must be there already */
    TREE_KERNEL, /* proc and the like: the kernel's names */
    TREE_MASK,   /* an empty directory: nothing can be mounted in it */
};

/* A mount. A path lies in the last one that holds it. */
struct tree_entry {
    enum tree_kind kind;
    const char *dest;
    const char *src; /* HOST, NODES: what is shown */
    size_t base;     /* NODES: how much of src is the trusted directory above the nodes */
    /* ROOT, TMPFS: what is made in it, parents first: by the compiled plan, and since. */
    const struct plan_op *compiled;
    size_t compiled_count;
    struct plan_op *made;
    size_t made_count;
    bool writable;    /* HOST, NODES: code inside can change it */
    bool conditional; /* mounted only when the start is granted the project */
};

/* See tree_add_area(). */
struct tree_area {
    const char *path;
    bool whole;
};

enum tree_grant {
    TREE_GRANT_OPEN, /* each start has its own answer */
    TREE_GRANT_GIVEN,
    TREE_GRANT_REFUSED,
};

/* Questions of the tree to the host. Without this nothing is asked: a start shows only paths that
 * it has looked at. */
struct tree_host {
    void *context;
    bool (*exists)(void *context, const char *path);
    /* A bind whose source code inside can exchange: notes what must be found there at the start. */
    void (*identify)(void *context, struct plan_op *op);
};

struct mount_tree {
    struct arena *arena;
    struct plan
        *plan; /* gets the nodes and, until the end, what is added and not made in an entry */
    const struct plan *compiled;  /* whose operations come before those; NULL: none do */
    const struct tree_host *host; /* NULL: nothing is asked */
    enum tree_grant grant;
    struct tree_entry *entries; /* the first is our own root */
    size_t entry_count;
    struct tree_area *areas;
    size_t area_count;
};

/* Something of the host to be shown, or, without a source, something to be hidden. */
struct tree_bind {
    const char *src; /* NULL: dest is hidden */
    const char *dest;
    uint32_t flags; /* enum plan_op_flag */
    uint32_t base;  /* PLAN_OWN: how much of src is there already; the rest becomes a node */
    bool directory;
    const char *origin;
    uint64_t dev, ino; /* PLAN_IDENTITY in flags */
};

/* --- the tree as a whole ------------------------------------------------------------------------
 */

/* An empty tree, whose mounts go to `plan`, which has none so far. */
void tree_init(struct mount_tree *tree, struct arena *arena, struct plan *plan,
               const struct tree_host *host);

/* Fills an empty tree with the mounts of a compiled plan, to be added to. The compiled plan, which
 * stays as it is, has to last as long as the tree. */
void tree_open(struct mount_tree *tree, const struct plan *compiled);

/* Ends it: writes the plan's operations in their order. The directories and files in a tree of ours
 * come right after it. Conditional operations are left out when the grant is refused. */
void tree_join(struct mount_tree *tree);

/* --- what follows from the mounts ---------------------------------------------------------------
 */

/* The mount that holds `path`; without the conditional ones when `certain`. The pointer lasts until
 * the next mount. */
const struct tree_entry *tree_find(const struct mount_tree *tree, const char *path, bool certain);

/* The path of `dest`, at or below the entry's, in the tree of the host that the entry shows. */
const char *tree_behind(const struct mount_tree *tree, const struct tree_entry *entry,
                        const char *dest);

/* Is there something at `path` by a mount or a file of the plan, or is it hidden on purpose? Then a
 * start adds nothing to it. */
bool tree_is_settled(const struct mount_tree *tree, const char *path);

/* Is `path` itself the place of a directory of ours that programs write, like /tmp and $HOME? */
bool tree_is_private(const struct mount_tree *tree, const char *path);

/* Does the path hold a mount or a file of the plan, itself or below? with `directories`: or a
 * directory that the plan makes? */
bool tree_holds(const struct mount_tree *tree, const char *path, bool directories);

/* Is the path hidden, whether or not this start is granted the project? */
bool tree_hides(const struct mount_tree *tree, const char *path);

/* A place of the host where code inside can write, in this or another start. Writable mounts are
 * such places without being added. whole: the place's own name can be exchanged, too. */
void tree_add_area(struct mount_tree *tree, const char *path, bool whole);

/* The first area that is or holds the host's `path`, NULL: code inside cannot write there. */
const char *tree_area(const struct mount_tree *tree, const char *path);

/* Can code inside put something else in the place of the host's `path`? */
bool tree_is_exchangeable(const struct mount_tree *tree, const char *path);

/* `path` with the symlinks followed that the plan makes in trees of ours. */
int tree_dest(struct mount_tree *tree, const char *path, const char **out, struct err *err);

/* --- adding to it: 0, or negative errno with *err -----------------------------------------------
 */

/* Makes sure that `dest` exists to be mounted on. flags: of the mount. */
int tree_point(struct mount_tree *tree, const char *dest, bool directory, uint32_t flags,
               const char *origin, struct err *err);

/* A symlink of the host, made again where it would be missing. -EEXIST: something else is there. */
int tree_link(struct mount_tree *tree, const char *path, const char *target, const char *origin,
              struct err *err);

/* Adds a mount point and the bind, or mask. Above somebody's tree and a mask, directories that lie
 * in a writable tree become mount points, too (docs/SECURITY.md, C22). Mount points in a directory
 * of ours are made on the host. */
int tree_add(struct mount_tree *tree, const struct tree_bind *bind, struct err *err);

/* A mount of the kernel's: tmpfs, proc, devpts, mqueue. */
int tree_mount(struct mount_tree *tree, enum plan_op_kind kind, const char *dest, uint32_t mode,
               uint64_t size, const char *origin, struct err *err);

/* A node of the host in a directory of ours, once. */
void tree_node(struct mount_tree *tree, enum plan_node_kind kind, const char *base, const char *rel,
               const char *target);

#endif
