/* Answers about the host's paths, from the facts: links followed, policy paths made absolute. */
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

const char *compute_origin(const char *origin)
{
    return origin ? origin : ORIGIN_DEFAULT;
}

const char *compute_join(const struct compute *c, const char *dir, const char *name)
{
    auto_free char *joined = path_join(dir, name);

    return arena_strdup(c->arena, joined);
}

const char *compute_temp_base(const struct compute *c)
{
    return arena_printf(c->arena, TEMPORARY_TMP "/" TEMPORARY_PREFIX "%s", c->venv->id);
}

static struct fact_path paths_ask(const struct compute *c, const char *path)
{
    struct fact_path fact = {.path = path, .kind = FACT_ABSENT};

    for (size_t i = 0; i < c->facts->path_count; i++) {
        if (str_eq(c->facts->paths[i].path, path))
            return c->facts->paths[i];
    }
    if (c->facts->lookup)
        c->facts->lookup(c->facts->context, path, &fact);
    fact.path = path;
    return fact;
}

/* Where `path` is, or would be, among the sorted answers. */
static size_t known_place(const struct known_facts *known, const char *path)
{
    size_t low = 0;
    size_t high = known->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(known->items[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct fact_path compute_fact(const struct compute *c, const char *path)
{
    struct known_facts *known = c->known;
    size_t at = known_place(known, path);

    if (at < known->count && str_eq(known->items[at].path, path))
        return known->items[at];
    struct fact_path fact = paths_ask(c, path);
    arena_push(c->arena, &known->items, &known->count, sizeof(*known->items));
    memmove(&known->items[at + 1], &known->items[at],
            (known->count - 1 - at) * sizeof(*known->items));
    known->items[at] = fact;
    return fact;
}

static int ask_facts(void *context, const char *path, const char **target_out)
{
    struct fact_path fact = compute_fact(context, path);

    if (fact.kind == FACT_SYMLINK)
        *target_out = fact.target;
    return 0;
}

int compute_resolve(struct compute *c, const char *path, struct resolved *out, struct err *err)
{
    struct followed way;
    int rc = follow_path(c->arena, path, ask_facts, c, &way);

    if (rc < 0)
        return err_set(err, -rc, "cannot follow '%s'", path);
    *out = (struct resolved){
        .fact = compute_fact(c, way.real), .links = way.links, .link_count = way.link_count};
    return 0;
}

int compute_expand(const struct compute *c, const struct policy_item *item, const char *text,
                   const char **out, struct err *err)
{
    const char *base = c->venv->project;

    if (str_eq(text, "~") || str_starts(text, "~/")) {
        base = c->facts->home;
        text += text[1] ? 2 : 1;
    } else if (text[0] == '~') {
        return err_plain(err, EINVAL, "%s: '%s': another user's home cannot be named by '~'",
                         compute_origin(item->origin), text);
    }
    if (text[0] != '/' && !base)
        return err_plain(err, EINVAL,
                         "%s: '%s' is relative to the project, but this venv has no project: give "
                         "an absolute path, or wrap with --project",
                         compute_origin(item->origin), text);
    auto_free char *whole = path_normalise(base ? base : "/", text);
    *out = arena_strdup(c->arena, whole);
    return 0;
}

static bool exists(void *context, const char *path)
{
    return compute_fact(context, path).kind != FACT_ABSENT;
}

static bool is_lasting(const struct compute *c, const char *src)
{
    const char *in_venv = path_relative_to(src, c->venv->path);

    return in_venv ? !*in_venv : !path_is_beneath(src, compute_temp_base(c));
}

/* A source that lies where programs can write is checked at the start: it must be the one that was
 * there when the plan was made, or, where files come and go as in the venv, it must belong to the
 * caller. */
static void identify(void *context, struct plan_op *op)
{
    const struct compute *c = context;

    if (!is_lasting(c, op->src))
        return;
    struct fact_path fact = compute_fact(c, op->src);
    op->flags |= PLAN_IDENTITY;
    op->dev = fact.dev;
    op->ino = fact.ino;
}

void compute_tree(struct compute *c)
{
    c->host = (struct tree_host){.context = c, .exists = exists, .identify = identify};
    tree_init(&c->tree, c->arena, c->plan, &c->host);
    if (c->venv->project)
        tree_add_area(&c->tree, c->venv->project, true);
    tree_add_area(&c->tree, c->venv->path, true);
    tree_add_area(&c->tree, compute_temp_base(c), true);
}

int compute_bind_own(struct compute *c, const char *base, const char *rel, const char *dest,
                     uint32_t flags, struct err *err)
{
    const struct tree_bind bind = {.src = compute_join(c, base, rel),
                                   .dest = dest,
                                   .flags = flags | PLAN_OWN,
                                   .base = (uint32_t)strlen(base),
                                   .directory = true,
                                   .origin = ORIGIN_DEFAULT};

    return tree_add(&c->tree, &bind, err);
}

int compute_source(struct compute *c, const struct policy_item *item, const char *text,
                   struct resolved *out, struct err *err)
{
    const char *path = NULL;
    int rc = compute_expand(c, item, text, &path, err);

    if (rc == 0)
        rc = compute_resolve(c, path, out, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < out->link_count; i++) {
        if (tree_is_exchangeable(&c->tree, out->links[i].path))
            return err_plain(err, ELOOP,
                             "%s: '%s' goes through the symbolic link '%s', which programs in the "
                             "sandbox can change: name its target",
                             compute_origin(item->origin), text, out->links[i].path);
    }
    if (out->fact.kind == FACT_ABSENT)
        return err_plain(err, ENOENT, "%s: '%s' does not exist", compute_origin(item->origin),
                         text);
    return 0;
}
