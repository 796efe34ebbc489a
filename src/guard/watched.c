/* The directories that inotify(7) reports about, by the numbers that it gives them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "guard-internal.h"

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
    number = inotify_add_watch(watch->fd, proc, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD);
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
