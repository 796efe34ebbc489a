/* Answers the launcher's questions about the project: which names were there when the plan was
 * made, and which are obeyed on the host. */
#include <stdlib.h>
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static int project_compare_seen(const void *rel, const void *item)
{
    return strcmp(rel, ((const struct plan_seen *)item)->rel);
}

static int project_compare_present(const void *rel, const void *item)
{
    return strcmp(rel, ((const struct plan_present *)item)->rel);
}

const struct plan_seen *plan_find_seen(const struct plan_file *file, const char *rel)
{
    if (file->seen_count == 0)
        return NULL;
    return bsearch(rel, file->seen, file->seen_count, sizeof(*file->seen), project_compare_seen);
}

bool plan_seen_is_watched(const struct plan_seen *seen)
{
    return seen->kind == PLAN_SEEN_WATCHED || seen->kind == PLAN_SEEN_VENV ||
           seen->kind == PLAN_SEEN_PACKAGES;
}

struct plan_present *plan_find_present(const struct plan_file *file, const char *rel)
{
    if (file->present_count == 0)
        return NULL;
    return bsearch(rel, file->present, file->present_count, sizeof(*file->present),
                   project_compare_present);
}

/* Most patterns are plain names: their first letter decides nearly always. */
static bool may_fit(const char *pattern, const char *text)
{
    return *pattern == *text || *pattern == '*' || *pattern == '?' || *pattern == '\\';
}

const struct plan_obeyed *plan_obeyed_find(const struct plan_obeyed *obeyed, size_t count,
                                           const char *rel, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        const struct plan_obeyed *one = &obeyed[i];
        const char *text = one->anywhere ? name : rel;

        if (may_fit(one->pattern, text) && str_glob(one->pattern, text) &&
            (one->anywhere || path_depth(one->pattern) == path_depth(rel)))
            return one;
    }
    return NULL;
}

bool plan_takes_repositories(const struct plan_obeyed *obeyed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (obeyed[i].anywhere && obeyed[i].action == PLAN_OBEYED_TAKE &&
            str_glob(obeyed[i].pattern, REPOSITORY_DOT_GIT))
            return true;
    }
    return false;
}
