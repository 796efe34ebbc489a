/* The mounts planned so far, and how a mount point for the next one comes to be. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

#define LINKS_MAX 40

const struct cover *tree_cover(const struct compute *c, const char *path, bool certain)
{
    static const struct cover root = {.kind = COVER_ROOT, .dest = "/"};

    for (size_t i = c->cover_count; i-- > 0;) {
        const struct cover *cover = &c->covers[i];

        if (path_is_beneath(path, cover->dest) && !(certain && cover->conditional))
            return cover;
    }
    return &root;
}

static struct cover *push_cover(struct compute *c, enum cover_kind kind, const char *dest)
{
    struct cover *cover = arena_push(c->arena, &c->covers, &c->cover_count, sizeof(*cover));

    *cover = (struct cover){.kind = kind, .dest = dest};
    return cover;
}

/* The path of `dest` in the tree that `cover` shows. */
static const char *behind(const struct compute *c, const struct cover *cover, const char *dest)
{
    const char *rel = path_relative_to(dest, cover->dest);

    return rel && *rel ? compute_join(c, cover->src, rel) : cover->src;
}

static const struct plan_op *made(const struct plan *plan, size_t from, const char *dest)
{
    for (size_t i = from; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        bool node = op->kind == PLAN_DIR || op->kind == PLAN_FILE || op->kind == PLAN_SYMLINK;

        if (node && str_eq(op->dest, dest))
            return op;
    }
    return NULL;
}

/* Makes `dest` and the directories above it up to `top` in a tree of ours. */
static void make(struct compute *c, struct plan *plan, size_t from, const char *top,
                 const char *dest, bool directory, const char *origin)
{
    if (str_eq(dest, top) || str_eq(dest, "/") || made(plan, from, dest))
        return;
    auto_free char *parent = path_dirname(dest);

    make(c, plan, from, top, arena_strdup(c->arena, parent), true, origin);
    struct plan_op *op =
        plan_add(c->arena, plan, directory ? PLAN_DIR : PLAN_FILE, NULL, dest, origin);
    op->mode = directory ? 0755 : 0444;
}

static void tree_node(struct compute *c, enum plan_node_kind kind, const char *base,
                      const char *rel, const char *target)
{
    struct plan *plan = c->plan;

    for (size_t i = 0; i < plan->node_count; i++) {
        struct plan_node *node = &plan->nodes[i];

        if (!str_eq(node->base, base))
            continue;
        if (str_eq(node->rel, rel) || (kind == PLAN_NODE_DIR && path_is_beneath(node->rel, rel)))
            return; /* comes with the longer one */
        if (node->kind == PLAN_NODE_DIR && path_is_beneath(rel, node->rel)) {
            *node = (struct plan_node){.kind = kind, .base = base, .rel = rel, .target = target};
            return;
        }
    }
    struct plan_node *node = arena_push(c->arena, &plan->nodes, &plan->node_count, sizeof(*node));
    *node = (struct plan_node){.kind = kind, .base = base, .rel = rel, .target = target};
}

static const char *node_rel(const struct compute *c, const struct cover *cover, const char *dest)
{
    const char *rel = path_relative_to(dest, cover->dest);

    return cover->rel[0] ? compute_join(c, cover->rel, rel) : rel;
}

/* A mount point in what `cover` shows; `dest` is below cover->dest, not equal to it. */
static int point_in(struct compute *c, const struct cover *cover, const char *dest, bool directory,
                    uint32_t flags, const char *origin, struct err *err)
{
    switch (cover->kind) {
    case COVER_ROOT:
        make(c, &c->skeleton, 0, "/", dest, directory, origin);
        return 0;
    case COVER_NODES:
        tree_node(c, directory ? PLAN_NODE_DIR : PLAN_NODE_FILE, cover->src,
                  node_rel(c, cover, dest), NULL);
        return 0;
    case COVER_TMPFS:
        make(c, c->plan, cover->first_op, cover->dest, dest, directory, origin);
        return 0;
    case COVER_HOST:
        if ((flags & PLAN_TRY) || compute_fact(c, behind(c, cover, dest)).kind != FACT_ABSENT)
            return 0;
        return err_plain(err, ENOENT,
                         "%s: nothing can be mounted on '%s': it does not exist in '%s', which the "
                         "sandbox must not add to",
                         origin, dest, cover->src);
    case COVER_KERNEL:
        return 0;
    case COVER_MASK:
        break;
    }
    return err_plain(err, EINVAL, "%s: '%s' lies below '%s', which is hidden", origin, dest,
                     cover->dest);
}

int tree_point(struct compute *c, const char *dest, bool directory, uint32_t flags,
               const char *origin, struct err *err)
{
    const struct cover *cover = tree_cover(c, dest, false);
    int rc = 0;

    if (str_eq(dest, "/"))
        return err_plain(err, EINVAL, "%s: nothing can be mounted on '/'", origin);
    if (!str_eq(dest, cover->dest))
        rc = point_in(c, cover, dest, directory, flags, origin, err);
    /* A start without the project needs the mount point in what lies below it. */
    if (rc == 0 && cover->conditional && !(flags & PLAN_PROJECT) &&
        !str_eq(dest, tree_cover(c, dest, true)->dest))
        rc = point_in(c, tree_cover(c, dest, true), dest, directory, flags, origin, err);
    return rc;
}

static bool is_lasting(const struct compute *c, const char *src)
{
    const char *in_venv = path_relative_to(src, c->venv->path);

    return in_venv ? !*in_venv : !path_is_beneath(src, compute_temp_base(c));
}

/* What lies where programs can write is checked at the start: to be what it was when the plan was
 * made, or, where files come and go as in the venv, to belong to the caller. */
static void add_bind(struct compute *c, const char *src, const char *dest, uint32_t flags,
                     const char *origin)
{
    struct plan_op *op = plan_add(c->arena, c->plan, PLAN_BIND, src, dest, origin);
    struct fact_path fact = {.ino = 0};

    if (compute_is_hostile(c, src))
        flags |= PLAN_HOSTILE;
    if ((flags & PLAN_HOSTILE) && is_lasting(c, src)) {
        fact = compute_fact(c, src);
        flags |= PLAN_IDENTITY;
    }
    op->flags = flags;
    op->dev = fact.dev;
    op->ino = fact.ino;
}

/* Whoever may write a tree may rename a directory in it, and with it the mount points below: a
 * protected name would come back writable under its old path. A mount point cannot be renamed. */
static void pin_ancestors(struct compute *c, const char *dest, uint32_t flags, const char *origin)
{
    const struct cover *cover = tree_cover(c, dest, false);

    if (cover->kind != COVER_HOST || !cover->writable || str_eq(dest, cover->dest))
        return;
    for (const char *slash = strchr(dest + strlen(cover->dest) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        const char *path = arena_strndup(c->arena, dest, (size_t)(slash - dest));
        uint32_t kept = flags & (PLAN_TRY | PLAN_PROJECT);
        struct cover pinned = *cover;

        if (cover->conditional)
            kept |= PLAN_PROJECT;
        add_bind(c, behind(c, cover, path), path, kept | PLAN_RW | PLAN_HOSTILE, origin);
        pinned.src = behind(c, cover, path);
        pinned.dest = path;
        *push_cover(c, COVER_HOST, path) = pinned;
        cover = tree_cover(c, dest, false);
    }
}

int tree_bind(struct compute *c, const struct share *share, struct err *err)
{
    uint32_t flags = share->flags;
    int rc = tree_point(c, share->dest, share->directory, flags, share->origin, err);

    if (rc < 0)
        return rc;
    pin_ancestors(c, share->dest, flags, share->origin);
    add_bind(c, share->src, share->dest, flags, share->origin);
    struct cover *cover = push_cover(c, COVER_HOST, share->dest);
    cover->src = share->src;
    cover->writable = (flags & PLAN_RW) != 0;
    cover->conditional = (flags & PLAN_PROJECT) != 0;
    return 0;
}

int tree_bind_own(struct compute *c, const char *base, const char *rel, const char *dest,
                  uint32_t flags, struct err *err)
{
    const char *src = rel[0] ? compute_join(c, base, rel) : base;
    int rc = tree_point(c, dest, true, 0, ORIGIN_DEFAULT, err);

    if (rc < 0)
        return rc;
    if (rel[0])
        tree_node(c, PLAN_NODE_DIR, base, rel, NULL);
    plan_add(c->arena, c->plan, PLAN_BIND, src, dest, ORIGIN_DEFAULT)->flags = flags | PLAN_HOSTILE;
    struct cover *cover = push_cover(c, COVER_NODES, dest);
    cover->src = base;
    cover->rel = rel;
    return 0;
}

int tree_mask(struct compute *c, const struct share *share, struct err *err)
{
    int rc = tree_point(c, share->dest, share->directory, share->flags, share->origin, err);

    if (rc < 0)
        return rc;
    pin_ancestors(c, share->dest, share->flags, share->origin);
    plan_add(c->arena, c->plan, PLAN_MASK, NULL, share->dest, share->origin)->flags = share->flags;
    push_cover(c, COVER_MASK, share->dest)->conditional = (share->flags & PLAN_PROJECT) != 0;
    return 0;
}

int tree_mount(struct compute *c, enum plan_op_kind kind, const char *dest, uint32_t mode,
               uint64_t size, const char *origin, struct err *err)
{
    int rc = tree_point(c, dest, true, 0, origin, err);

    if (rc < 0)
        return rc;
    size_t index = c->plan->op_count;
    struct plan_op *op = plan_add(c->arena, c->plan, kind, NULL, dest, origin);
    op->mode = mode;
    op->size = size;
    push_cover(c, kind == PLAN_TMPFS ? COVER_TMPFS : COVER_KERNEL, dest)->first_op = index;
    return 0;
}

static int link_in(struct compute *c, const struct cover *cover, const char *path,
                   const char *target, const char *origin, struct err *err)
{
    struct plan *plan = cover->kind == COVER_ROOT ? &c->skeleton : c->plan;
    const struct plan_op *there = NULL;

    switch (cover->kind) {
    case COVER_NODES:
        tree_node(c, PLAN_NODE_SYMLINK, cover->src, node_rel(c, cover, path), target);
        return 0;
    case COVER_HOST: /* it can be seen as it is */
    case COVER_KERNEL:
    case COVER_MASK:
        return 0;
    case COVER_ROOT:
    case COVER_TMPFS:
        break;
    }
    there = made(plan, cover->first_op, path);
    if (there && there->kind == PLAN_SYMLINK && str_eq(there->src, target))
        return 0;
    if (there)
        return err_plain(err, EEXIST, "%s: there is something else at '%s' already", origin, path);
    auto_free char *parent = path_dirname(path);
    make(c, plan, cover->first_op, cover->dest, arena_strdup(c->arena, parent), true, origin);
    plan_add(c->arena, plan, PLAN_SYMLINK, target, path, origin);
    return 0;
}

int tree_link(struct compute *c, const char *path, const char *target, const char *origin,
              struct err *err)
{
    const struct cover *cover = tree_cover(c, path, false);
    int rc = link_in(c, cover, path, target, origin, err);

    if (rc == 0 && cover->conditional)
        rc = link_in(c, tree_cover(c, path, true), path, target, origin, err);
    return rc;
}

int tree_dest(const struct compute *c, const char *path, const char **out, struct err *err)
{
    for (unsigned round = 0; round <= LINKS_MAX; round++) {
        const struct plan_op *link = NULL;

        for (size_t i = 0; i < c->skeleton.op_count && !link; i++) {
            const struct plan_op *op = &c->skeleton.ops[i];

            if (op->kind == PLAN_SYMLINK && path_is_beneath(path, op->dest))
                link = op;
        }
        if (!link) {
            *out = path;
            return 0;
        }
        auto_free char *parent = path_dirname(link->dest);
        auto_free char *joined = path_join(parent, link->src);
        auto_free char *whole = path_normalise("/", joined);
        const char *rest = path_relative_to(path, link->dest);
        path = *rest ? compute_join(c, whole, rest) : arena_strdup(c->arena, whole);
    }
    return err_set(err, ELOOP, "cannot follow '%s'", path);
}
