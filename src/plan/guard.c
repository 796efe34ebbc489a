/* Answers the launcher's questions about the project: which names in it are known, and which are
 * guarded. */
#include <stdlib.h>
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static int compare_place(const void *rel, const void *item)
{
    return strcmp(rel, ((const struct plan_place *)item)->rel);
}

static int guard_compare_known(const void *rel, const void *item)
{
    return strcmp(rel, ((const struct plan_known *)item)->rel);
}

const struct plan_place *plan_find_place(const struct plan_file *file, const char *rel)
{
    if (file->place_count == 0)
        return NULL;
    return bsearch(rel, file->places, file->place_count, sizeof(*file->places), compare_place);
}

struct plan_known *plan_find_known(const struct plan_file *file, const char *rel)
{
    if (file->known_count == 0)
        return NULL;
    return bsearch(rel, file->known, file->known_count, sizeof(*file->known), guard_compare_known);
}

/* Most patterns are plain names: their first letter decides nearly always. */
static bool may_fit(const char *pattern, const char *text)
{
    return *pattern == *text || *pattern == '*' || *pattern == '?' || *pattern == '\\';
}

const struct plan_guard *plan_guard_of(const struct plan_guard *guards, size_t count,
                                       const char *rel, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const struct plan_guard *guard = &guards[i];
        const char *text = guard->anywhere ? name : rel;

        if (may_fit(guard->pattern, text) && str_glob(guard->pattern, text) &&
            (guard->anywhere || path_depth(guard->pattern) == path_depth(rel)))
            return guard;
    }
    return NULL;
}

bool plan_takes_repositories(const struct plan_guard *guards, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (guards[i].anywhere && guards[i].action == PLAN_GUARD_TAKE &&
            str_glob(guards[i].pattern, REPOSITORY_DOT_GIT))
            return true;
    }
    return false;
}
