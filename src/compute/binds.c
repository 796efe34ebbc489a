/* The list of what is shown at the path that it has on the host, or hidden there. It is collected
 * first and mounted parents first, so that none hides another. */
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

struct bind *compute_bind(struct compute *c, const char *src, const char *dest, bool directory,
                          uint32_t flags, int rank, const char *origin)
{
    struct bind *bind = arena_push(c->arena, &c->binds, &c->bind_count, sizeof(*bind));

    *bind = (struct bind){.mount = {.src = src,
                                    .dest = dest,
                                    .flags = flags,
                                    .directory = directory,
                                    .origin = compute_origin(origin)},
                          .rank = rank};
    if (c->project == PROJECT_ARGUMENTS && rank != RANK_TREE && rank != RANK_VENV &&
        path_is_beneath(dest, c->venv->project))
        bind->mount.flags |= PLAN_PROJECT;
    return bind;
}

/* Parents before what lies in them: '/' sorts before every other byte. */
static int binds_compare(const struct bind *a, const struct bind *b)
{
    const char *x = a->mount.dest;
    const char *y = b->mount.dest;

    while (*x && *x == *y) {
        x++;
        y++;
    }
    if (*x == *y)
        return a->rank - b->rank;
    int left = *x == '/' ? 1 : (unsigned char)*x;
    int right = *y == '/' ? 1 : (unsigned char)*y;
    return *x && *y ? left - right : (*x != '\0') - (*y != '\0');
}

/* Insertion, because equal ones must keep their order. */
static void sort_binds(struct compute *c)
{
    for (size_t i = 1; i < c->bind_count; i++) {
        struct bind bind = c->binds[i];
        size_t at = i;

        for (; at > 0 && binds_compare(&c->binds[at - 1], &bind) > 0; at--)
            c->binds[at] = c->binds[at - 1];
        c->binds[at] = bind;
    }
}

/* The last one of equal paths counts: those before it would be mounted for nothing. */
static bool is_superseded(const struct compute *c, size_t index)
{
    const struct tree_bind *bind = &c->binds[index].mount;
    const struct tree_bind *next = index + 1 < c->bind_count ? &c->binds[index + 1].mount : NULL;

    return next && next->src && str_eq(next->dest, bind->dest) &&
           !((next->flags ^ bind->flags) & PLAN_PROJECT);
}

static bool is_pointless(const struct compute *c, const struct bind *bind)
{
    const struct tree_bind *mount = &bind->mount;
    const struct tree_entry *entry = tree_find(&c->tree, mount->dest, false);
    bool of_host = entry->kind == TREE_HOST;

    if (bind->protects)
        return !of_host || !entry->writable;
    if (!mount->src)
        return !of_host && entry->kind != TREE_KERNEL;
    if (!bind->reveals || !of_host || (entry->conditional && !(mount->flags & PLAN_PROJECT)))
        return false;
    return str_eq(tree_behind(&c->tree, entry, mount->dest), mount->src) &&
           (entry->writable || !(mount->flags & PLAN_RW));
}

int compute_mount_shares(struct compute *c, struct err *err)
{
    int rc = 0;

    sort_binds(c);
    for (size_t i = 0; rc == 0 && i < c->bind_count; i++) {
        const struct bind *bind = &c->binds[i];

        if (!is_superseded(c, i) && !is_pointless(c, bind))
            rc = tree_add(&c->tree, &bind->mount, err);
    }
    return rc;
}
