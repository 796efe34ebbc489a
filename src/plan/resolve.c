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

static const char *real_path(struct completion *c, const char *path)
{
    if (c->lookups >= LOOKUPS_MAX)
        return NULL;
    c->lookups++;
    return c->start->host.real(c->start->host.context, c->arena, path);
}

static void add_link(struct completion *c, const char *path, const char *target)
{
    struct exposure_link *link = NULL;

    link = arena_push(c->arena, &c->links, &c->link_count, sizeof(*link));
    *link = (struct exposure_link){.path = path, .target = target};
}

/* One component onto the real directory `at`. Return: the real path, NULL: absent or refused. */
static const char *step(struct completion *c, const char *at, const char *name, size_t len)
{
    const char *candidate = NULL;
    const char *real = NULL;
    const char *area = NULL;

    if (len == 0 || (len == 1 && name[0] == '.'))
        return at;
    if (len == 2 && name[0] == '.' && name[1] == '.')
        return resolve_dirname(c, at);
    candidate = arena_printf(c->arena, "%s/%.*s", at[1] != '\0' ? at : "", (int)len, name);
    real = real_path(c, candidate);
    if (real == NULL || str_eq(real, candidate))
        return real;
    /* Code in the sandbox can put a symlink where it can write. If the next start followed it, the
     * link's maker would choose what is shown. */
    area = tree_area(&c->tree, candidate);
    if (area != NULL && !path_is_beneath(real, area))
        return NULL;
    add_link(c, candidate, real);
    return real;
}

static const char *follow(struct completion *c, const char *text)
{
    const char *at = *text == '/' ? "/" : c->start->cwd;
    size_t links = c->link_count;

    while (at != NULL && *text != '\0') {
        size_t len = strcspn(text, "/");

        at = step(c, at, text, len);
        text += len + (text[len] == '/');
    }
    for (size_t i = links; at != NULL && i < c->link_count; i++)
        c->links[i].leads_to = at;
    return at;
}

const char *resolve_path(struct completion *c, const char *text)
{
    const char *lexical = NULL;
    const char *real = NULL;

    if (strlen(text) >= TEXT_MAX)
        return NULL;
    lexical = resolve_lexical(c, text);
    real = real_path(c, lexical);
    /* Without ".." the two are equal exactly when no symlink is on the way. */
    if (real != NULL && str_eq(real, lexical) && strstr(text, "..") == NULL)
        return real;
    return follow(c, text);
}
