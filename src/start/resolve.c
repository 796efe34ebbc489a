/* Follows paths of the host for one start. */
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

/* Questions that one start may ask of the host: a command line of 100,000 words must not become as
 * many look-ups. */
#define LOOKUPS_MAX 1024
#define TEXT_MAX 4096

const char *resolve_lexical(const struct completion *c, const char *text)
{
    auto_free char *whole = path_normalise(c->start->cwd, text);

    return arena_strdup(c->arena, whole);
}

const char *resolve_dirname(const struct completion *c, const char *path)
{
    auto_free char *parent = path_dirname(path);

    return arena_strdup(c->arena, parent);
}

enum path_kind resolve_kind(struct completion *c, const char *path)
{
    if (c->lookups >= LOOKUPS_MAX)
        return PATH_ABSENT;
    c->lookups++;
    return c->start->host.kind(c->start->host.context, path);
}

static int ask_start(void *context, const char *path, const char **target_out)
{
    const struct completion *c = context;

    return c->start->host.link(c->start->host.context, c->arena, path, target_out);
}

/* Code in the sandbox can put a symlink where it can write. If the next start followed such a link
 * out of there, the link's maker would choose what is shown. So the link is refused wherever on the
 * way it is met. */
static bool is_misled(const struct completion *c, const struct followed *way)
{
    for (size_t i = 0; i < way->link_count; i++) {
        const char *area = tree_area(&c->tree, way->links[i].path);

        if (area != NULL && !path_is_beneath(way->real, area))
            return true;
    }
    return false;
}

static void note_links(struct completion *c, const struct followed *way)
{
    for (size_t i = 0; i < way->link_count; i++) {
        struct exposure_link *link = arena_push(c->arena, &c->links, &c->link_count, sizeof(*link));

        *link = (struct exposure_link){.link = way->links[i], .leads_to = way->real};
    }
}

const char *resolve_path(struct completion *c, const char *text)
{
    auto_free char *path = path_join(c->start->cwd, text);
    struct followed way;

    if (strlen(text) >= TEXT_MAX || c->lookups >= LOOKUPS_MAX)
        return NULL;
    c->lookups++;
    if (follow_path(c->arena, path, ask_start, c, &way) < 0 || is_misled(c, &way))
        return NULL;
    note_links(c, &way);
    return way.real;
}
