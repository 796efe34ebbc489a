/* Answers about the host's paths, from the facts: links followed, policy paths made absolute. */
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

#define LINKS_MAX 40 /* as the kernel's limit */

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

static struct fact_path ask(const struct compute *c, const char *path)
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
    struct fact_path fact = ask(c, path);
    arena_push(c->arena, &known->items, &known->count, sizeof(*known->items));
    memmove(&known->items[at + 1], &known->items[at],
            (known->count - 1 - at) * sizeof(*known->items));
    known->items[at] = fact;
    return fact;
}

/* One component onto the real directory *at; ".." is safe to take off because *at has no symlink.
 */
static void step(const struct compute *c, const char **at, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.'))
        return;
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        auto_free char *parent = path_dirname(*at);

        *at = arena_strdup(c->arena, parent);
        return;
    }
    *at = compute_join(c, *at, arena_strndup(c->arena, name, len));
}

int compute_resolve(const struct compute *c, const char *path, struct resolved *out,
                    struct err *err)
{
    struct resolved result = {.links = NULL};
    const char *at = "/";
    const char *rest = path;

    while (*rest) {
        size_t len = strcspn(rest, "/");
        const char *before = at;

        step(c, &at, rest, len);
        rest += len + (rest[len] == '/');
        result.fact = compute_fact(c, at);
        if (result.fact.kind != FACT_SYMLINK || len == 0)
            continue;
        if (result.link_count == LINKS_MAX)
            return err_set(err, ELOOP, "cannot follow '%s'", path);
        struct link_seen *seen =
            arena_push(c->arena, &result.links, &result.link_count, sizeof(*seen));
        *seen = (struct link_seen){.path = at, .target = result.fact.target};
        rest = arena_printf(c->arena, "%s/%s", result.fact.target, rest);
        at = result.fact.target[0] == '/' ? "/" : before;
    }
    result.fact = compute_fact(c, at);
    *out = result;
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

static bool is_inside(const char *path, const char *tree)
{
    return path_is_beneath(path, tree) && !str_eq(path, tree);
}

bool compute_is_hostile(const struct compute *c, const char *path)
{
    if (path_is_beneath(path, c->venv->path))
        return true;
    if (c->venv->project && path_is_beneath(path, c->venv->project))
        return true;
    if (path_is_beneath(path, compute_temp_base(c)))
        return true;
    for (size_t i = 0; i < c->share_count; i++) {
        const struct share *share = &c->shares[i];

        if (share->src && (share->flags & PLAN_RW) && is_inside(path, share->src))
            return true;
    }
    return false;
}

int compute_source(const struct compute *c, const struct policy_item *item, const char *text,
                   struct resolved *out, struct err *err)
{
    const char *path = NULL;
    int rc = compute_expand(c, item, text, &path, err);

    if (rc == 0)
        rc = compute_resolve(c, path, out, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < out->link_count; i++) {
        if (compute_is_hostile(c, out->links[i].path))
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
