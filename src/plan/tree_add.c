/* Mounts that are added to the tree: each with its mount point and its operation. */
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "tree-internal.h"

static void add_bind(struct mount_tree *tree, const struct tree_bind *bind)
{
    struct plan_op *op =
        plan_add(tree->arena, tree->plan, PLAN_BIND, bind->src, bind->dest, bind->origin);

    op->flags = bind->flags;
    op->dev = bind->dev;
    op->ino = bind->ino;
    if (tree_is_exchangeable(tree, bind->src))
        op->flags |= PLAN_HOSTILE;
    if ((op->flags & PLAN_HOSTILE) && tree->host)
        tree->host->identify(tree->host->context, op);
    tree_note(tree);
}

/* A program that may write a tree may rename a directory in it, and with it the mount points below:
 * a protected name would come back writable under its old path. A mount point cannot be renamed. */
static void tree_pin_ancestors(struct mount_tree *tree, const char *dest, uint32_t flags,
                               const char *origin)
{
    const struct tree_entry *entry = tree_find(tree, dest, false);

    if (entry->kind != TREE_HOST || !entry->writable || str_eq(dest, entry->dest))
        return;
    for (const char *slash = strchr(dest + strlen(entry->dest) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        const char *path = arena_strndup(tree->arena, dest, (size_t)(slash - dest));
        struct tree_bind pinned = {.src = tree_behind(tree, entry, path),
                                   .dest = path,
                                   .flags = flags & (PLAN_TRY | PLAN_PROJECT),
                                   .origin = origin};

        pinned.flags |= PLAN_RW | PLAN_HOSTILE | (entry->conditional ? (uint32_t)PLAN_PROJECT : 0);
        add_bind(tree, &pinned);
        entry = tree_find(tree, dest, false);
    }
}

/* Made before the start where it is missing; whose it is the bind looks at. */
static void add_own(struct mount_tree *tree, const struct tree_bind *bind)
{
    const char *base = arena_strndup(tree->arena, bind->src, bind->base);
    struct plan_op *op =
        plan_add(tree->arena, tree->plan, PLAN_BIND, bind->src, bind->dest, bind->origin);

    if (bind->src[bind->base] != '\0')
        tree_node(tree, PLAN_NODE_DIR, base, bind->src + bind->base + 1, NULL);
    op->flags = bind->flags | PLAN_HOSTILE;
    op->base = bind->base;
    tree_note(tree);
}

int tree_add(struct mount_tree *tree, const struct tree_bind *bind, struct err *err)
{
    struct plan *plan = tree->plan;
    int rc = tree_point(tree, bind->dest, bind->directory, bind->flags, bind->origin, err);

    if (rc < 0)
        return rc;
    if (bind->flags & PLAN_OWN) {
        add_own(tree, bind);
        return 0;
    }
    tree_pin_ancestors(tree, bind->dest, bind->flags, bind->origin);
    if (bind->src) {
        add_bind(tree, bind);
        return 0;
    }
    plan_add(tree->arena, plan, PLAN_MASK, NULL, bind->dest, bind->origin)->flags = bind->flags;
    tree_note(tree);
    return 0;
}

int tree_mount(struct mount_tree *tree, enum plan_op_kind kind, const char *dest, uint32_t mode,
               uint64_t size, const char *origin, struct err *err)
{
    struct plan *plan = tree->plan;
    int rc = tree_point(tree, dest, true, 0, origin, err);

    if (rc < 0)
        return rc;
    struct plan_op *op = plan_add(tree->arena, plan, kind, NULL, dest, origin);
    op->mode = mode;
    op->size = size;
    tree_note(tree);
    return 0;
}
