/* How a mount point comes to be, and a symlink: by an operation in a tree of ours, by a node in a
 * directory of ours, and in nobody else's tree. */
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/follow.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "tree-internal.h"

static void add_made(struct mount_tree *tree, struct tree_entry *entry, struct plan_op op)
{
    struct plan_op *slot = arena_push(tree->arena, &entry->made, &entry->made_count, sizeof(*slot));

    *slot = op;
}

/* The directories of the entry's tree above `dest`. */
static void tree_make_parents(struct mount_tree *tree, struct tree_entry *entry, const char *dest,
                              const char *origin)
{
    size_t top = entry->dest[1] ? strlen(entry->dest) : 0;

    for (const char *slash = strchr(dest + top + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        const char *path = arena_strndup(tree->arena, dest, (size_t)(slash - dest));

        if (!tree_made(entry, path))
            add_made(
                tree, entry,
                (struct plan_op){.kind = PLAN_DIR, .mode = 0755, .dest = path, .origin = origin});
    }
}

static void make_point(struct mount_tree *tree, struct tree_entry *entry, const char *dest,
                       bool directory, const char *origin)
{
    if (tree_made(entry, dest))
        return;
    tree_make_parents(tree, entry, dest, origin);
    add_made(tree, entry,
             (struct plan_op){.kind = directory ? PLAN_DIR : PLAN_FILE,
                              .mode = directory ? 0755 : 0444,
                              .dest = dest,
                              .origin = origin});
}

void tree_node(struct mount_tree *tree, enum plan_node_kind kind, const char *base, const char *rel,
               const char *target)
{
    struct plan *plan = tree->plan;
    struct plan_node *node = NULL;

    for (size_t i = 0; i < plan->node_count; i++) {
        node = &plan->nodes[i];
        if (node->shared || !str_eq(node->base, base))
            continue;
        if (str_eq(node->rel, rel) || (kind == PLAN_NODE_DIR && path_is_beneath(node->rel, rel)))
            return; /* comes with the longer one */
        if (node->kind == PLAN_NODE_DIR && path_is_beneath(rel, node->rel)) {
            *node = (struct plan_node){.kind = kind, .base = base, .rel = rel, .target = target};
            return;
        }
    }
    node = arena_push(tree->arena, &plan->nodes, &plan->node_count, sizeof(*node));
    *node = (struct plan_node){.kind = kind, .base = base, .rel = rel, .target = target};
}

static void add_node(struct mount_tree *tree, const struct tree_entry *entry,
                     enum plan_node_kind kind, const char *dest, const char *target)
{
    const char *path = tree_behind(tree, entry, dest);

    tree_node(tree, kind, arena_strndup(tree->arena, path, entry->base), path + entry->base + 1,
              target);
}

/* `dest` is below the entry's, not equal to it. */
static int point_in(struct mount_tree *tree, struct tree_entry *entry, const char *dest,
                    bool directory, uint32_t flags, const char *origin, struct err *err)
{
    switch (entry->kind) {
    case TREE_ROOT:
    case TREE_TMPFS:
        make_point(tree, entry, dest, directory, origin);
        return 0;
    case TREE_NODES:
        add_node(tree, entry, directory ? PLAN_NODE_DIR : PLAN_NODE_FILE, dest, NULL);
        return 0;
    case TREE_HOST:
        if ((flags & PLAN_TRY) || !tree->host ||
            tree->host->exists(tree->host->context, tree_behind(tree, entry, dest)))
            return 0;
        return err_plain(err, ENOENT,
                         "%s: nothing can be mounted on '%s': it does not exist in '%s', which the "
                         "sandbox must not add to",
                         origin, dest, entry->src);
    case TREE_KERNEL:
        return 0;
    case TREE_MASK:
        break;
    }
    return err_plain(err, EINVAL, "%s: '%s' lies below '%s', which is hidden", origin, dest,
                     entry->dest);
}

/* Is the entry there in some starts only, so that others need what is made in it elsewhere? */
static bool is_open(const struct mount_tree *tree, const struct tree_entry *entry)
{
    return entry->conditional && tree->grant == TREE_GRANT_OPEN;
}

int tree_point(struct mount_tree *tree, const char *dest, bool directory, uint32_t flags,
               const char *origin, struct err *err)
{
    struct tree_entry *entry = tree_entry_of(tree, dest, false);
    int rc = 0;

    if (str_eq(dest, "/"))
        return err_plain(err, EINVAL, "%s: nothing can be mounted on '/'", origin);
    if (!str_eq(dest, entry->dest))
        rc = point_in(tree, entry, dest, directory, flags, origin, err);
    if (rc < 0 || !is_open(tree, entry) || (flags & PLAN_PROJECT))
        return rc;
    entry = tree_entry_of(tree, dest, true);
    return str_eq(dest, entry->dest) ? 0
                                     : point_in(tree, entry, dest, directory, flags, origin, err);
}

static int tree_link_in(struct mount_tree *tree, struct tree_entry *entry, const char *path,
                        const char *target, const char *origin, struct err *err)
{
    const struct plan_op *there = NULL;

    switch (entry->kind) {
    case TREE_NODES:
        add_node(tree, entry, PLAN_NODE_SYMLINK, path, target);
        return 0;
    case TREE_HOST: /* it can be seen as it is */
    case TREE_KERNEL:
    case TREE_MASK:
        return 0;
    case TREE_ROOT:
    case TREE_TMPFS:
        break;
    }
    there = tree_made(entry, path);
    if (there && there->kind == PLAN_SYMLINK && str_eq(there->src, target))
        return 0;
    if (there)
        return err_plain(err, EEXIST, "%s: there is something else at '%s' already", origin, path);
    tree_make_parents(tree, entry, path, origin);
    add_made(tree, entry,
             (struct plan_op){.kind = PLAN_SYMLINK, .src = target, .dest = path, .origin = origin});
    return 0;
}

int tree_link(struct mount_tree *tree, const char *path, const char *target, const char *origin,
              struct err *err)
{
    struct tree_entry *entry = tree_entry_of(tree, path, false);
    int rc = tree_link_in(tree, entry, path, target, origin, err);

    if (rc == 0 && is_open(tree, entry))
        rc = tree_link_in(tree, tree_entry_of(tree, path, true), path, target, origin, err);
    return rc;
}

static int ask_made(void *context, const char *path, const char **target_out)
{
    const struct tree_entry *entry = tree_find(context, path, false);
    const struct plan_op *op = tree_made(entry, path);

    if (op && op->kind == PLAN_SYMLINK)
        *target_out = op->src;
    return 0;
}

int tree_dest(struct mount_tree *tree, const char *path, const char **out, struct err *err)
{
    struct followed way;
    int rc = follow_path(tree->arena, path, ask_made, tree, &way);

    if (rc < 0)
        return err_set(err, -rc, "cannot follow '%s'", path);
    *out = way.real;
    return 0;
}
