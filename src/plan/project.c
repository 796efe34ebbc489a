/* Answers the launcher's questions about the project: which names were there when the plan was
 * made, and which are obeyed on the host. */
#include <stdlib.h>
#include <string.h>

#include "svenv/base/dotenv_names.h"
#include "svenv/base/mem.h"
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

static char fixed_letter(char c)
{
    return c == '*' || c == '?' || c == '\\' ? '\0' : str_capital(c);
}

static void settle_one(struct plan_obeyed *one)
{
    const char *slash = strrchr(one->pattern, '/');
    const char *name = slash != NULL ? slash + 1 : one->pattern;

    one->deep = slash != NULL;
    one->first = fixed_letter(name[0]);
    one->second = one->first != '\0' ? fixed_letter(name[1]) : '\0';
}

void plan_obeyed_settle(struct plan_obeyed *obeyed, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        struct plan_obeyed *one = &obeyed[i];
        bool same = false;

        settle_one(one);
        same = i + 1 < count && one[1].first == one->first && one[1].run < UINT16_MAX;
        one->run = (uint16_t)(same ? one[1].run + 1 : 1);
    }
}

/* The end of a path that has as many parts as the pattern; a shorter path itself. */
static const char *obeyed_end_of(const char *rel, const char *pattern)
{
    size_t parts = path_depth(rel);
    size_t wanted = path_depth(pattern);

    for (; parts > wanted; parts--)
        rel = strchr(rel, '/') + 1;
    return rel;
}

static bool fits_text(const struct plan_obeyed *one, const char *text)
{
    return str_glob_any_case(one->pattern, text) &&
           (one->action != PLAN_OBEYED_TAKE ||
            !dotenv_pattern_spares(one->pattern, path_basename(text)));
}

bool plan_obeyed_fits(const struct plan_obeyed *one, const char *rel)
{
    const char *text = one->anywhere ? obeyed_end_of(rel, one->pattern) : rel;

    return fits_text(one, text) && path_depth(one->pattern) == path_depth(text);
}

/* The same, when the end of the path is known. */
static bool fits_name(const struct plan_obeyed *one, const char *rel, const char *name)
{
    bool is_settled = one->run > 0;

    return is_settled && one->anywhere && !one->deep ? fits_text(one, name)
                                                     : plan_obeyed_fits(one, rel);
}

/* Does a part of the pattern fit, from its beginning to one of its slashes? */
static bool obeyed_leads_to(const struct plan_obeyed *one, const char *rel)
{
    struct plan_obeyed above = {.anywhere = one->anywhere};

    for (const char *at = strchr(one->pattern, '/'); at != NULL; at = strchr(at + 1, '/')) {
        auto_free char *pattern = xstrndup(one->pattern, (size_t)(at - one->pattern));

        above.pattern = pattern;
        if (plan_obeyed_fits(&above, rel))
            return true;
    }
    return false;
}

bool plan_obeyed_leads(const struct plan_obeyed *obeyed, size_t count, const char *rel)
{
    for (size_t i = 0; i < count; i++) {
        if (obeyed[i].deep && obeyed[i].action == PLAN_OBEYED_TAKE &&
            obeyed_leads_to(&obeyed[i], rel))
            return true;
    }
    return false;
}

const struct plan_obeyed *plan_obeyed_find(const struct plan_obeyed *obeyed, size_t count,
                                           const char *rel, const char *name)
{
    char first = str_capital(name[0]);
    char second = first != '\0' ? str_capital(name[1]) : '\0';

    for (size_t i = 0; i < count;) {
        const struct plan_obeyed *one = &obeyed[i];

        if (one->first != '\0' && one->first != first) {
            i += one->run > 0 ? one->run : 1;
            continue;
        }
        if ((one->second == '\0' || one->second == second) && fits_name(one, rel, name))
            return one;
        i++;
    }
    return NULL;
}

bool plan_obeyed_takes(const struct plan_obeyed *obeyed, size_t count, const char *rel,
                       const char *name)
{
    const struct plan_obeyed *end = obeyed + count;
    const struct plan_obeyed *one = plan_obeyed_find(obeyed, count, rel, name);

    while (one != NULL && one->action != PLAN_OBEYED_TAKE)
        one = plan_obeyed_find(one + 1, (size_t)(end - one) - 1, rel, name);
    return one != NULL;
}

bool plan_takes_repositories(const struct plan_obeyed *obeyed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (obeyed[i].anywhere && obeyed[i].action == PLAN_OBEYED_TAKE &&
            str_glob_any_case(obeyed[i].pattern, REPOSITORY_DOT_GIT))
            return true;
    }
    return false;
}
