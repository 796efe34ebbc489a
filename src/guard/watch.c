/* Beside a running program: what appears in the project is taken away at once, and what loses its
 * protection gets it back. Short programs never come here: when they end, a look is all. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/guard/guard.h"

enum {
    EVENT_BYTES = 16384
};

/* Where the number stands in the table, or is to stand. */
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

static struct watched *watch_of(const struct watch *watch, int number)
{
    size_t at = watch_find(watch, number);

    return at < watch->count && watch->watched[at].number == number ? &watch->watched[at] : NULL;
}

/* The kernel has given up the watch: the directory is gone. */
static void watch_drop(struct watch *watch, int number)
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
    number = inotify_add_watch(watch->fd, proc, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
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
        guard->record->stop = GUARD_NO_MEMORY;
        return;
    }
    if (known == NULL) {
        watch_insert(watch, number, copy);
    } else {
        free(known->rel);
        known->rel = copy;
    }
}

static void watch_open(struct guard *guard)
{
    struct watch *watch = &guard->watch;
    const struct plan_file *file = guard->places.file;

    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    for (size_t i = 0; watch->fd >= 0 && i < file->place_count; i++) {
        const struct plan_place *place = &file->places[i];
        auto_fd int dir = -1;

        if (!place_is_watched(place))
            continue;
        dir = guard_open(guard, guard->places.top, *place->rel ? place->rel : ".");
        if (dir >= 0)
            watch_add(guard, dir, place->rel);
    }
}

void watch_begin_looks(struct guard *guard, int pid)
{
    if (!guard->watch.armed)
        inside_open(&guard->watch.inside, pid);
    guard->watch.armed = true;
}

void watch_begin(struct guard *guard, int pid)
{
    struct watch *watch = &guard->watch;

    watch_begin_looks(guard, pid);
    watch->watched = calloc(WATCHES_MAX, sizeof(*watch->watched));
    if (watch->watched == NULL)
        guard->record->stop = GUARD_NO_MEMORY;
    else
        watch_open(guard);
    guard_sweep(guard, false); /* what came before the watching */
}

/* Events were lost, and with them the ends of watches: all are made anew. */
static void watch_again(struct guard *guard)
{
    struct watch *watch = &guard->watch;

    close(watch->fd);
    for (size_t i = 0; i < watch->count; i++)
        free(watch->watched[i].rel);
    watch->count = 0;
    watch_open(guard);
    guard_sweep(guard, false);
}

static void take_event(struct guard *guard, const struct inotify_event *event)
{
    const struct watched *watched = watch_of(&guard->watch, event->wd);

    if (event->mask & IN_IGNORED)
        watch_drop(&guard->watch, event->wd);
    else if (watched != NULL && event->len > 0)
        guard_see(guard, watched->rel, event->name, (event->mask & IN_ISDIR) != 0);
}

void watch_take(struct guard *guard)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BYTES];
    ssize_t size = read(guard->watch.fd, buffer, sizeof(buffer));

    for (ssize_t at = 0; at < size && guard->record->stop == GUARD_GOES_ON;) {
        const struct inotify_event *event = (const void *)(buffer + at);

        if (event->mask & IN_Q_OVERFLOW) {
            watch_again(guard);
            return;
        }
        take_event(guard, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
}
