/* The directories of the project that nobody can say all of: those that cannot be read, and those
 * beyond the survey's limits. A name that must not change may be in each, so they are read-only as
 * a whole, and nothing below them is looked at. */
#include <stdlib.h>
#include <string.h>

#include "facts-internal.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

enum {
    CLOSED_MAX = 64 /* a mount each, at every start */
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* They are sorted: there may be thousands, and as many directories are asked for. */
static bool is_closed(const struct strv *closed, const char *rel)
{
    return closed->count > 0 && bsearch(&rel, closed->items, closed->count, sizeof(*closed->items),
                                        compare_texts) != NULL;
}

static bool is_below_closed(const struct strv *closed, const char *rel)
{
    auto_free char *above = xstrdup(rel);

    while (*above != '\0') {
        char *slash = strrchr(above, '/');

        *(slash ? slash : above) = '\0';
        if (is_closed(closed, above))
            return true;
    }
    return false;
}

/* Leaves each once, and none below another. */
static void closed_settle(struct strv *closed)
{
    struct strv kept = {0};

    qsort(closed->items, closed->count, sizeof(*closed->items), compare_texts);
    for (size_t i = 0; i < closed->count; i++) {
        if ((i == 0 || !str_eq(closed->items[i - 1], closed->items[i])) &&
            !is_below_closed(closed, closed->items[i]))
            strv_add(&kept, closed->items[i]);
    }
    strv_finish(closed);
    *closed = kept;
}

static unsigned closed_depth(const char *rel)
{
    unsigned depth = *rel != '\0';

    for (; *rel; rel++)
        depth += *rel == '/';
    return depth;
}

/* Closes the directories above the deepest ones, until there are few. */
static void closed_gather(struct strv *closed)
{
    while (closed->count > CLOSED_MAX) {
        unsigned deepest = 0;

        for (size_t i = 0; i < closed->count; i++) {
            unsigned depth = closed_depth(closed->items[i]);

            deepest = depth > deepest ? depth : deepest;
        }
        for (size_t i = 0; i < closed->count; i++) {
            char *slash = strrchr(closed->items[i], '/');

            if (closed_depth(closed->items[i]) == deepest)
                *(slash ? slash : closed->items[i]) = '\0';
        }
        closed_settle(closed);
    }
}

static int compare_seen(const void *a, const void *b)
{
    return strcmp(((const struct plan_seen *)a)->rel, ((const struct plan_seen *)b)->rel);
}

static void closed_add_tree(struct host_facts *host, const char *path)
{
    struct facts *facts = &host->facts;
    struct fact_tree *tree =
        arena_push(&host->arena, &facts->trees, &facts->tree_count, sizeof(*tree));

    *tree = (struct fact_tree){.path = arena_strdup(&host->arena, path), .kind = FACT_CLOSED};
    facts_ask(host, path); /* a directory whose permissions change is looked at again */
}

void facts_close(struct host_facts *host, const char *project, struct strv *closed)
{
    struct facts *facts = &host->facts;
    size_t kept = 0;

    if (closed->count > 0)
        closed_settle(closed);
    closed_gather(closed);
    for (size_t i = 0; i < facts->seen_count; i++) {
        struct plan_seen *seen = &facts->seen[i];

        if (is_below_closed(closed, seen->rel))
            continue;
        if (is_closed(closed, seen->rel))
            seen->kind = PLAN_SEEN_CLOSED;
        facts->seen[kept++] = *seen;
    }
    facts->seen_count = kept;
    if (kept > 0)
        qsort(facts->seen, kept, sizeof(*facts->seen), compare_seen);
    for (size_t i = 0; i < closed->count; i++) {
        auto_free char *path = path_join(project, closed->items[i]);

        closed_add_tree(host, path);
    }
}
