/* The directories that inotify(7) reports about, by the numbers that it gives them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "svenv/base/path.h"

#include "guard-internal.h"

enum {
    NEIGHBOURS_MAX = 256 /* that are looked through */
};

/* The row of the number in the table, or the one that it is to get. */
static size_t watch_find(const struct watch *watch, int number)
{
    size_t low = 0, high = watch->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (watch->watched[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct watched *watch_of(const struct watch *watch, int number)
{
    size_t at = watch_find(watch, number);

    return at < watch->count && watch->watched[at].number == number ? &watch->watched[at] : NULL;
}

void watch_drop(struct watch *watch, int number)
{
    struct watched *gone = watch_of(watch, number);

    if (gone == NULL)
        return;
    free(gone->rel);
    watch->count--;
    memmove(gone, gone + 1, (size_t)(watch->watched + watch->count - gone) * sizeof(*gone));
}

static void watch_insert(struct watch *watch, int number, char *rel)
{
    size_t at = watch_find(watch, number);
    struct watched *row = &watch->watched[at];

    memmove(row + 1, row, (watch->count - at) * sizeof(*row));
    *row = (struct watched){.number = number, .rel = rel};
    watch->count++;
}

/* Is a name in the directory `rel` protected, or hidden? *below_out: or one below it. */
static bool holds_present(const struct plan_file *file, const char *rel, bool *below_out)
{
    size_t first = present_below(file, rel), len = strlen(rel);

    *below_out =
        first < file->present_count && (len == 0 || path_is_beneath(file->present[first].rel, rel));
    if (len == 0)
        return true;
    for (size_t i = first; i < file->present_count; i++) {
        if (!path_is_beneath(file->present[i].rel, rel))
            return false;
        if (i - first == NEIGHBOURS_MAX || strchr(file->present[i].rel + len + 1, '/') == NULL)
            return true;
    }
    return false;
}

static bool hides(const struct guard *guard)
{
    const struct plan *plan = guard->plan;

    for (size_t i = 0; i < plan->obeyed_count; i++) {
        if (plan->obeyed[i].action == PLAN_OBEYED_HIDE)
            return true;
    }
    for (size_t i = 0; i < plan->op_count; i++) {
        const char *rel = path_relative_to(plan->ops[i].dest, guard->seen.file->project);

        if (plan->ops[i].kind == PLAN_MASK && rel != NULL &&
            plan_find_present(guard->seen.file, rel) != NULL)
            return true;
    }
    return false;
}

/* Names that come are asked for everywhere, and directories that are opened. Each write and each
 * end of one costs something, so they are asked for only beside names that are protected, and
 * openings beside hidden ones. A directory that goes takes those below it along. */
static uint32_t watch_mask(const struct guard *guard, const char *rel)
{
    uint32_t mask = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
    bool below = false, here = holds_present(guard->seen.file, rel, &below);

    if (here || below)
        mask |= IN_MOVED_FROM | IN_DELETE;
    if (!here)
        return mask;
    mask |= IN_MODIFY | IN_CLOSE_WRITE;
    return hides(guard) ? mask | IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE : mask;
}

void watch_add(struct guard *guard, int dir, const char *rel)
{
    struct watch *watch = &guard->watch;
    struct watched *known = NULL;
    char proc[64];
    char *copy = NULL;
    int number;

    if (watch->fd < 0)
        return;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dir);
    number = inotify_add_watch(watch->fd, proc, watch_mask(guard, rel));
    if (number < 0)
        return; /* the last look comes here, too */
    known = watch_of(watch, number);
    if (known != NULL && str_eq(known->rel, rel))
        return;
    if (known == NULL && watch->count == WATCHES_MAX) {
        inotify_rm_watch(watch->fd, number);
        return; /* likewise */
    }
    copy = strdup(rel);
    if (copy == NULL) {
        guard->report->stop = GUARD_NO_MEMORY;
        return;
    }
    if (known == NULL) {
        watch_insert(watch, number, copy);
    } else {
        free(known->rel);
        known->rel = copy;
    }
}
