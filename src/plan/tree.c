/* The mount tree as a whole: its list of mounts, what follows from them for a path, and the way
 * from and to a plan's list of operations. */
#include "svenv/plan/tree.h"

#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "tree-internal.h"

/* --- mounts -------------------------------------------------------------------------------------
 */

/* How each kind of mount holds the paths below it; TREE_ROOT: the operation is no mount. */
static const enum tree_kind tree_kinds[] = {
    [PLAN_DIR] = TREE_ROOT,      [PLAN_FILE] = TREE_ROOT,     [PLAN_SYMLINK] = TREE_ROOT,
    [PLAN_BIND] = TREE_HOST,     [PLAN_TMPFS] = TREE_TMPFS,   [PLAN_PROC] = TREE_KERNEL,
    [PLAN_DEVPTS] = TREE_KERNEL, [PLAN_MQUEUE] = TREE_KERNEL, [PLAN_REMOUNT_RO] = TREE_ROOT,
    [PLAN_CHMOD] = TREE_ROOT,    [PLAN_MASK] = TREE_MASK,
};
_Static_assert(ARRAY_SIZE(tree_kinds) == PLAN_OP__COUNT, "one kind of mount per operation");

static const struct tree_entry our_root = {.kind = TREE_ROOT, .dest = "/"};

static bool is_made(enum plan_op_kind kind)
{
    return kind == PLAN_DIR || kind == PLAN_FILE || kind == PLAN_SYMLINK;
}

static enum tree_kind kind_of_op(const struct plan_op *op)
{
    return op->flags & PLAN_OWN ? TREE_NODES : tree_kinds[op->kind];
}

static struct tree_entry entry_for(const struct plan_op *op)
{
    return (struct tree_entry){.kind = kind_of_op(op),
                               .dest = op->dest,
                               .src = op->src,
                               .base = op->base,
                               .writable = op->kind == PLAN_BIND && (op->flags & PLAN_RW),
                               .conditional = (op->flags & PLAN_PROJECT) != 0};
}

void tree_note(struct mount_tree *tree)
{
    struct tree_entry *entry =
        arena_push(tree->arena, &tree->entries, &tree->entry_count, sizeof(*entry));

    *entry = entry_for(&tree->plan->ops[tree->plan->op_count - 1]);
}

struct tree_entry *tree_entry_of(const struct mount_tree *tree, const char *path, bool certain)
{
    certain = certain || tree->grant == TREE_GRANT_REFUSED;
    for (size_t i = tree->entry_count; i-- > 1;) {
        struct tree_entry *entry = &tree->entries[i];

        if (path_is_beneath(path, entry->dest) && !(certain && entry->conditional))
            return entry;
    }
    return &tree->entries[0];
}

/* The first, second... operation that makes something in the entry's tree; NULL behind the last. */
static const struct plan_op *tree_made_at(const struct tree_entry *entry, size_t index)
{
    if (index < entry->compiled_count)
        return &entry->compiled[index];
    index -= entry->compiled_count;
    return index < entry->made_count ? &entry->made[index] : NULL;
}

const struct plan_op *tree_made(const struct tree_entry *entry, const char *path)
{
    const struct plan_op *op = NULL;

    for (size_t i = 0; (op = tree_made_at(entry, i)) && !str_eq(op->dest, path);)
        i++;
    return op;
}

const struct tree_entry *tree_find(const struct mount_tree *tree, const char *path, bool certain)
{
    return tree_entry_of(tree, path, certain);
}

const char *tree_behind(const struct mount_tree *tree, const struct tree_entry *entry,
                        const char *dest)
{
    const char *rel = path_relative_to(dest, entry->dest);
    auto_free char *path = rel && *rel ? path_join(entry->src, rel) : NULL;

    return path ? arena_strdup(tree->arena, path) : entry->src;
}

/* --- what follows from them ---------------------------------------------------------------------
 */

bool tree_is_settled(const struct mount_tree *tree, const char *path)
{
    const struct tree_entry *entry = tree_find(tree, path, false);
    const struct plan_op *made = NULL;

    if (entry != tree->entries && str_eq(path, entry->dest))
        return true;
    switch (entry->kind) {
    case TREE_ROOT:
    case TREE_TMPFS:
        made = tree_made(entry, path);
        return made && made->kind != PLAN_DIR;
    case TREE_NODES:
        return !entry->writable; /* ours, and not for a start to add to */
    case TREE_HOST:
    case TREE_KERNEL:
    case TREE_MASK:
        break;
    }
    return true;
}

bool tree_is_private(const struct mount_tree *tree, const char *path)
{
    const struct tree_entry *entry = tree_find(tree, path, false);

    return entry->kind == TREE_NODES && entry->writable && str_eq(path, entry->dest);
}

static bool holds_made(const struct tree_entry *entry, const char *path, bool directories)
{
    const struct plan_op *op = NULL;

    for (size_t i = 0; (op = tree_made_at(entry, i)); i++) {
        if ((directories || op->kind != PLAN_DIR) && path_is_beneath(op->dest, path))
            return true;
    }
    return false;
}

bool tree_holds(const struct mount_tree *tree, const char *path, bool directories)
{
    for (size_t i = 0; i < tree->entry_count; i++) {
        const struct tree_entry *entry = &tree->entries[i];

        if (entry->conditional && tree->grant == TREE_GRANT_REFUSED)
            continue;
        if ((i > 0 && path_is_beneath(entry->dest, path)) || holds_made(entry, path, directories))
            return true;
    }
    return false;
}

bool tree_hides(const struct mount_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->entry_count; i++) {
        const struct tree_entry *entry = &tree->entries[i];

        if (entry->kind == TREE_MASK && path_is_beneath(path, entry->dest))
            return true;
    }
    return false;
}

void tree_add_area(struct mount_tree *tree, const char *path, bool whole)
{
    struct tree_area *area =
        arena_push(tree->arena, &tree->areas, &tree->area_count, sizeof(*area));

    *area = (struct tree_area){.path = path, .whole = whole};
}

const char *tree_area(const struct mount_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->area_count; i++) {
        if (path_is_beneath(path, tree->areas[i].path))
            return tree->areas[i].path;
    }
    for (size_t i = 0; i < tree->entry_count; i++) {
        const struct tree_entry *entry = &tree->entries[i];

        if (entry->writable && path_is_beneath(path, entry->src))
            return entry->src;
    }
    return NULL;
}

static bool is_below(const char *path, const char *dir)
{
    return path_is_beneath(path, dir) && !str_eq(path, dir);
}

bool tree_is_exchangeable(const struct mount_tree *tree, const char *path)
{
    for (size_t i = 0; i < tree->area_count; i++) {
        const struct tree_area *area = &tree->areas[i];

        if (is_below(path, area->path) || (area->whole && str_eq(path, area->path)))
            return true;
    }
    for (size_t i = 0; i < tree->entry_count; i++) {
        if (tree->entries[i].writable && is_below(path, tree->entries[i].src))
            return true;
    }
    return false;
}

/* --- from and to a list of operations -----------------------------------------------------------
 */

void tree_init(struct mount_tree *tree, struct arena *arena, struct plan *plan,
               const struct tree_host *host)
{
    struct tree_entry *root = NULL;

    *tree = (struct mount_tree){.arena = arena, .plan = plan, .host = host};
    root = arena_push(arena, &tree->entries, &tree->entry_count, sizeof(*root));
    *root = our_root;
}

static size_t count_mounts(const struct plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->op_count; i++)
        count += kind_of_op(&plan->ops[i]) != TREE_ROOT;
    return count;
}

/* How many operations from `first` on are made in one tree of ours: nothing is mounted between. */
static size_t count_made(const struct plan *plan, size_t first)
{
    size_t count = 0;

    while (first + count < plan->op_count && is_made(plan->ops[first + count].kind))
        count++;
    return count;
}

static void open_entry(struct tree_entry *entry, const struct plan *plan, size_t first)
{
    entry->compiled = plan->op_count > 0 ? &plan->ops[first] : NULL;
    entry->compiled_count = count_made(plan, first);
}

void tree_open(struct mount_tree *tree, const struct plan *compiled)
{
    struct plan *plan = tree->plan;

    tree->compiled = compiled;
    plan->ops = NULL;
    plan->op_count = 0;
    plan->nodes = arena_array(tree->arena, compiled->node_count, sizeof(*plan->nodes));
    plan->node_count = compiled->node_count;
    if (compiled->node_count > 0)
        memcpy(plan->nodes, compiled->nodes, compiled->node_count * sizeof(*plan->nodes));
    tree->entries = arena_array(tree->arena, count_mounts(compiled) + 1, sizeof(*tree->entries));
    tree->entries[0] = our_root;
    open_entry(&tree->entries[0], compiled, 0);
    for (size_t i = tree->entries[0].compiled_count; i < compiled->op_count; i++) {
        const struct plan_op *op = &compiled->ops[i];

        if (kind_of_op(op) == TREE_ROOT)
            continue;
        tree->entries[tree->entry_count++] = entry_for(op);
        if (op->kind == PLAN_TMPFS)
            open_entry(&tree->entries[tree->entry_count - 1], compiled, i + 1);
    }
}

/* A list of operations in the making. */
struct joining {
    const struct mount_tree *tree;
    const struct tree_entry *next; /* of the mount that comes next */
    struct plan_op *ops;
    size_t count;
};

static void join_ops(struct joining *joining, const struct plan_op *ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct plan_op *op = &joining->ops[joining->count];

        *op = ops[i];
        if (!(op->flags & PLAN_PROJECT) || joining->tree->grant != TREE_GRANT_REFUSED)
            joining->count++;
        if (joining->tree->grant == TREE_GRANT_GIVEN)
            op->flags &= ~(uint32_t)PLAN_PROJECT;
    }
}

static void join_entry(struct joining *joining)
{
    const struct tree_entry *entry = joining->next++;

    join_ops(joining, entry->compiled, entry->compiled_count);
    join_ops(joining, entry->made, entry->made_count);
}

/* Operations in a mount follow the mount, and join_entry() adds them: so they are skipped here. */
static void join_plan(struct joining *joining, const struct plan *plan, size_t first)
{
    for (size_t i = first; i < plan->op_count; i++) {
        join_ops(joining, &plan->ops[i], 1);
        if (kind_of_op(&plan->ops[i]) == TREE_ROOT)
            continue;
        i += joining->next->compiled_count;
        join_entry(joining);
    }
}

void tree_join(struct mount_tree *tree)
{
    struct plan *plan = tree->plan;
    struct joining joining = {.tree = tree, .next = tree->entries};
    size_t total = plan->op_count + (tree->compiled ? tree->compiled->op_count : 0);

    for (size_t i = 0; i < tree->entry_count; i++)
        total += tree->entries[i].made_count;
    joining.ops = arena_array(tree->arena, total, sizeof(*joining.ops));
    join_entry(&joining);
    if (tree->compiled)
        join_plan(&joining, tree->compiled, tree->entries[0].compiled_count);
    join_plan(&joining, plan, 0);
    plan->ops = joining.ops;
    plan->op_count = joining.count;
}
