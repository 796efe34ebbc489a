/* Adds what one start shows to the plan's mounts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

#define EXPOSURES_MAX 256

/* The venv's shared memory, which is not with its other temporary directories. */
#define OWN_SHM TEMPORARY_SHM "/" TEMPORARY_PREFIX

/* Where ttyname(3) finds a terminal that has no name in the sandbox's own /dev/pts. */
#define CONSOLE "/dev/console"

/* What a path inside lies in, and so how a mount point for it comes to be. */
enum ground {
    GROUND_SETTLED, /* a mount that shows it, or hides it on purpose */
    GROUND_ROOT,    /* our own root */
    GROUND_TMPFS,   /* a tmpfs of the plan */
    GROUND_OWN,     /* a private directory of the venv: made on the host beforehand */
};

/* Operations to come before the plan's operation number `before`. */
struct insertion {
    size_t before;
    struct plan_op op;
};
struct placer {
    struct completion *c;
    struct insertion *inserted;
    size_t inserted_count;
    struct exposure *accepted; /* parents before what lies below them */
    size_t accepted_count;
    size_t first_bind;
};

/* A bind of one of the venv's private directories: home, cache, temporary directories. */
static bool is_own(const struct completion *c, const struct plan_op *op)
{
    if ((op->flags & PLAN_RW) == 0 || str_eq(op->src, op->dest) ||
        path_is_beneath(op->dest, c->file->venv))
        return false;
    return path_is_beneath(op->src, c->file->venv) || str_starts(op->src, OWN_SHM) ||
           (c->file->temp_base != NULL && path_is_beneath(op->src, c->file->temp_base));
}

static enum ground ground_of_op(const struct completion *c, const struct plan_op *op,
                                const char *path)
{
    bool equal = str_eq(path, op->dest);

    switch (op->kind) {
    case PLAN_BIND:
        return is_own(c, op) && !equal ? GROUND_OWN : GROUND_SETTLED;
    case PLAN_TMPFS:
        return equal ? GROUND_SETTLED : GROUND_TMPFS;
    case PLAN_FILE:
    case PLAN_SYMLINK:
        return equal ? GROUND_SETTLED : GROUND_ROOT;
    case PLAN_PROC:
    case PLAN_DEVPTS:
    case PLAN_MQUEUE:
    case PLAN_MASK:
        return GROUND_SETTLED;
    case PLAN_DIR:
    case PLAN_REMOUNT_RO:
    case PLAN_CHMOD:
    case PLAN_OP__COUNT:
        break;
    }
    return GROUND_ROOT;
}

/* The last mount that holds a path decides. *index_out: its operation. */
static enum ground ground_of(const struct completion *c, const char *path, size_t *index_out)
{
    for (size_t i = c->plan->op_count; i > 0; i--) {
        const struct plan_op *op = &c->plan->ops[i - 1];
        enum ground ground = GROUND_ROOT;

        if (!path_is_beneath(path, op->dest))
            continue;
        ground = ground_of_op(c, op, path);
        if (ground == GROUND_ROOT)
            continue;
        *index_out = i - 1;
        return ground;
    }
    return GROUND_ROOT;
}

bool place_is_settled(const struct completion *c, const char *path)
{
    size_t index = 0;

    return ground_of(c, path, &index) == GROUND_SETTLED;
}

bool place_is_private(const struct completion *c, const char *path)
{
    for (size_t i = 0; i < c->plan->op_count; i++) {
        const struct plan_op *op = &c->plan->ops[i];

        if (op->kind == PLAN_BIND && str_eq(op->dest, path) && is_own(c, op))
            return true;
    }
    return false;
}

static bool exists_in_tree(const struct placer *p, const char *path)
{
    for (size_t i = 0; i < p->c->plan->op_count; i++) {
        const struct plan_op *op = &p->c->plan->ops[i];

        if (op->kind == PLAN_DIR ? path_is_beneath(op->dest, path) : str_eq(op->dest, path))
            return true;
    }
    for (size_t i = 0; i < p->inserted_count; i++) {
        if (str_eq(p->inserted[i].op.dest, path))
            return true;
    }
    return false;
}

static void insert(struct placer *p, size_t before, enum plan_op_kind kind, const char *src,
                   const char *dest, const char *origin)
{
    struct insertion *one = NULL;

    if (exists_in_tree(p, dest))
        return;
    one = arena_push(p->c->arena, &p->inserted, &p->inserted_count, sizeof(*one));
    one->before = before;
    one->op = (struct plan_op){.kind = kind,
                               .mode = kind == PLAN_DIR ? 0755 : 0444,
                               .src = src,
                               .dest = dest,
                               .origin = origin};
    if (kind == PLAN_SYMLINK)
        one->op.mode = 0;
}

/* Makes `path` in a tree of ours, and the directories between `floor` and it. */
static void insert_point(struct placer *p, size_t before, const char *floor, enum plan_op_kind kind,
                         const char *src, const char *path, const char *origin)
{
    const char *slash = path + (floor[1] != '\0' ? strlen(floor) : 0);

    for (slash = strchr(slash + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
        insert(p, before, PLAN_DIR, NULL, arena_strndup(p->c->arena, path, (size_t)(slash - path)),
               origin);
    insert(p, before, kind, src, path, origin);
}

/* Makes `path` in a private directory, on the host, before the mounts. */
static void add_node(struct placer *p, const struct plan_op *own, enum plan_node_kind kind,
                     const char *path, const char *target)
{
    struct completion *c = p->c;
    const char *rel = path_relative_to(path, own->dest);
    const char *base = own->src;
    struct plan_node *node = NULL;

    /* The temporary directories' own parent is shared with other users, so the walk starts above.
     */
    if (c->file->temp_base != NULL && path_is_beneath(base, c->file->temp_base)) {
        const char *above = resolve_dirname(c, c->file->temp_base);

        rel = arena_printf(c->arena, "%s/%s", path_relative_to(base, above), rel);
        base = above;
    }
    node = arena_push(c->arena, &c->plan->nodes, &c->plan->node_count, sizeof(*node));
    *node = (struct plan_node){.kind = kind, .base = base, .rel = rel, .target = target};
}

static const enum plan_node_kind node_kinds[] = {
    [PLAN_DIR] = PLAN_NODE_DIR, [PLAN_FILE] = PLAN_NODE_FILE, [PLAN_SYMLINK] = PLAN_NODE_SYMLINK};

/* Makes sure that `path` exists inside. kind: PLAN_DIR, PLAN_FILE or PLAN_SYMLINK. */
static void make_point(struct placer *p, enum plan_op_kind kind, const char *path,
                       const char *target, const char *origin)
{
    size_t index = 0;

    switch (ground_of(p->c, path, &index)) {
    case GROUND_ROOT:
        insert_point(p, p->first_bind, "/", kind, target, path, origin);
        break;
    case GROUND_TMPFS:
        insert_point(p, index + 1, p->c->plan->ops[index].dest, kind, target, path, origin);
        break;
    case GROUND_OWN:
        add_node(p, &p->c->plan->ops[index], node_kinds[kind], path, target);
        break;
    case GROUND_SETTLED:
        break;
    }
}

/* The accepted directory that shows `path`, NULL: none. */
static const struct exposure *shown_by(const struct placer *p, const char *path)
{
    const struct exposure *found = NULL;

    for (size_t i = 0; i < p->accepted_count; i++) {
        if (path_is_beneath(path, p->accepted[i].path))
            found = &p->accepted[i];
    }
    return found;
}

static bool is_below_mount(const struct completion *c, const char *path)
{
    for (size_t i = 0; i < c->plan->op_count; i++) {
        if (path_is_beneath(c->plan->ops[i].dest, path))
            return true;
    }
    return false;
}

static void add_landlock(struct completion *c, const char *path, bool write)
{
    struct plan_landlock *rule = NULL;

    if ((c->plan->flags & PLAN_USE_LANDLOCK) == 0)
        return;
    rule = arena_push(c->arena, &c->plan->landlock, &c->plan->landlock_count, sizeof(*rule));
    *rule = (struct plan_landlock){
        .path = path, .write = write, .connect = c->plan->landlock_abi >= PLAN_ABI_WITH_SOCKETS};
}

/* For the audit log: a program will miss what its caller named. */
static void note_refusal(struct completion *c, const struct exposure *one, const char *why)
{
    struct plan_refusal *refusal =
        arena_push(c->arena, &c->plan->refusals, &c->plan->refusal_count, sizeof(*refusal));

    *refusal = (struct plan_refusal){.path = one->path, .origin = one->origin, .why = why};
}

static void accept(struct placer *p, const struct exposure *one)
{
    const struct exposure *parent = shown_by(p, one->path);
    struct exposure *slot = NULL;
    const char *why = NULL;

    if (place_is_settled(p->c, one->path) || (parent != NULL && (parent->rw || !one->rw)))
        return;
    if (one->empty && is_below_mount(p->c, one->path))
        return;
    why = one->empty ? NULL : deny_reason(p->c, one->path, one->directory);
    if (why != NULL) {
        note_refusal(p->c, one, why);
        return;
    }
    if (parent == NULL)
        make_point(p, one->directory ? PLAN_DIR : PLAN_FILE, one->path, NULL, one->origin);
    add_landlock(p->c, one->path, one->rw);
    if (one->empty)
        return;
    slot = arena_push(p->c->arena, &p->accepted, &p->accepted_count, sizeof(*slot));
    *slot = *one;
}

/* Equal paths: the writable one first, so that the other adds nothing. An empty directory comes
 * last because somebody may have shown it. */
static int compare(const void *a, const void *b)
{
    const struct exposure *left = a;
    const struct exposure *right = b;
    int order = strcmp(left->path, right->path);

    if (order == 0)
        order = (int)left->empty - (int)right->empty;
    return order != 0 ? order : (int)right->rw - (int)left->rw;
}

static void place_links(struct placer *p)
{
    for (size_t i = 0; i < p->c->link_count; i++) {
        const struct exposure_link *link = &p->c->links[i];

        if (link->leads_to == NULL || shown_by(p, link->path) != NULL)
            continue;
        if (place_is_settled(p->c, link->leads_to) || shown_by(p, link->leads_to) != NULL)
            make_point(p, PLAN_SYMLINK, link->path, link->target, "symbolic link on the way");
    }
}

/* In another user's directory, or the sandbox's own, a path could be exchanged for a symlink. */
static bool is_exchangeable(const struct completion *c, const char *path)
{
    return hostile_area(c, path) != NULL || path_is_beneath(path, "/tmp") ||
           path_is_beneath(path, "/var/tmp");
}

static void merge(struct placer *p)
{
    struct plan *plan = p->c->plan;
    size_t all = plan->op_count + p->inserted_count;
    struct plan_op *ops = arena_array(p->c->arena, all, sizeof(*ops));
    size_t count = 0;

    for (size_t i = 0; i <= plan->op_count; i++) {
        for (size_t j = 0; j < p->inserted_count; j++) {
            if (p->inserted[j].before == i)
                ops[count++] = p->inserted[j].op;
        }
        if (i < plan->op_count)
            ops[count++] = plan->ops[i];
    }
    plan->ops = ops;
    plan->op_count = count;
}

static void rebuild(struct placer *p)
{
    struct completion *c = p->c;

    if (p->inserted_count > 0)
        merge(p);
    for (size_t i = 0; i < p->accepted_count; i++) {
        const struct exposure *one = &p->accepted[i];
        struct plan_op *op =
            plan_add(c->arena, c->plan, PLAN_BIND, one->path, one->path, one->origin);

        /* What goes away between the look and the mount is simply not there. */
        op->flags = (uint32_t)PLAN_TRY | (one->rw ? (uint32_t)PLAN_RW : 0) |
                    (is_exchangeable(c, one->path) ? (uint32_t)PLAN_HOSTILE : 0);
    }
}

/* After rebuild(), which makes the mount point. */
static void bind_terminal(struct completion *c)
{
    const struct start *start = c->start;
    struct plan_op *op =
        plan_add(c->arena, c->plan, PLAN_BIND, start->terminal, CONSOLE, "terminal");

    op->flags = PLAN_RW | PLAN_DEVICES | PLAN_IDENTITY | PLAN_TRY;
    op->dev = start->terminal_dev;
    op->ino = start->terminal_ino;
}

int place_all(struct completion *c, struct err *err)
{
    struct placer p = {.c = c};
    bool has_console = c->start->terminal != NULL && !place_is_settled(c, CONSOLE);

    while (p.first_bind < c->plan->op_count && c->plan->ops[p.first_bind].kind != PLAN_BIND)
        p.first_bind++;
    if (c->shown_count > 0)
        qsort(c->shown, c->shown_count, sizeof(*c->shown), compare);
    for (size_t i = 0; i < c->shown_count; i++)
        accept(&p, &c->shown[i]);
    if (p.accepted_count > EXPOSURES_MAX)
        return err_plain(err, E2BIG,
                         "the command line names %zu files outside the sandbox, more than %d: name "
                         "their directory under filesystem.read in the policy",
                         p.accepted_count, EXPOSURES_MAX);
    place_links(&p);
    if (has_console)
        make_point(&p, PLAN_FILE, CONSOLE, NULL, "terminal");
    rebuild(&p);
    if (has_console)
        bind_terminal(c);
    return 0;
}
