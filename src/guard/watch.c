/* Beside a running program: names that appear in the project are taken away at once, and names that
 * lose their protection get it back. Short programs never come here: one look when they end is all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guard-internal.h"
#include "svenv/base/fd.h"

enum {
    EVENT_BYTES = 16384,
    LATE_READS_MAX = 512 /* of a full queue, when nothing inside adds to it any more */
};

static void watch_open(struct guard *guard)
{
    struct watch *watch = &guard->watch;
    const struct plan_file *file = guard->seen.file;
    bool looks = false;

    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    looks = watch->fd >= 0 && guard->seen.top >= 0 && guard->plan->obeyed_count > 0;
    own_watch(guard);
    for (size_t i = 0; looks && i < file->seen_count; i++) {
        const struct plan_seen *entry = &file->seen[i];
        auto_fd int dir = -1;

        if (!plan_seen_is_watched(entry))
            continue;
        dir = guard_open(guard, guard->seen.top, *entry->rel ? entry->rel : ".");
        if (dir >= 0)
            watch_add(guard, dir, entry->rel);
    }
}

void watch_arm(struct guard *guard, int pid)
{
    int rc = guard->watch.armed ? 0 : inside_open(&guard->watch.inside, pid);

    guard->watch.armed = rc != -ENOENT && rc != -ESRCH;
}

void watch_begin_looks(struct guard *guard, int pid)
{
    watch_arm(guard, pid);
    if (present_open(guard) < 0)
        guard->report->stop = GUARD_NO_MEMORY;
}

void watch_begin(struct guard *guard, int pid)
{
    struct watch *watch = &guard->watch;

    watch_begin_looks(guard, pid);
    watch->watched = calloc(WATCHES_MAX, sizeof(*watch->watched));
    if (watch->watched == NULL || touch_open(watch) < 0)
        guard->report->stop = GUARD_NO_MEMORY;
    else
        watch_open(guard);
    (void)inside_begin(&watch->inside); /* tried again when there is something to cover */
    present_look(guard, false);
    guard_sweep(guard, false); /* what came before the watching */
}

/* Events were lost, and with them the ends of watches: all are made anew. */
static void watch_again(struct guard *guard)
{
    struct watch *watch = &guard->watch;

    touch_lost(guard);
    close(watch->fd);
    for (size_t i = 0; i < watch->count; i++)
        free(watch->watched[i].rel);
    watch->count = 0;
    watch_open(guard);
    present_look(guard, true);
    guard_sweep(guard, false);
}

static void take_event(struct guard *guard, const struct inotify_event *event)
{
    const struct watched *watched = watch_of(&guard->watch, event->wd);

    if (event->mask & IN_IGNORED)
        watch_drop(&guard->watch, event->wd);
    guard->opened = guard->opened || (guard->passed_by && (event->mask & IN_ATTRIB) != 0 &&
                                      (event->mask & IN_ISDIR) != 0);
    if (watched == NULL || event->len == 0)
        return;
    touch_event(guard, watched->rel, event->name);
    present_event(guard, watched->rel, event->name);
    if (event->mask & (IN_CREATE | IN_MOVED_TO))
        guard_see(guard, watched->rel, event->name, (event->mask & IN_ISDIR) != 0);
}

void watch_end(struct guard *guard)
{
    int queued = 0;

    for (int i = 0; i < LATE_READS_MAX && guard->watch.fd >= 0 &&
                    ioctl(guard->watch.fd, FIONREAD, &queued) == 0 && queued > 0;
         i++)
        watch_take(guard);
}

/* Sweeps when a program has opened what it had closed before. */
static void watch_look_again(struct guard *guard)
{
    if (!guard->opened)
        return;
    guard->opened = guard->passed_by = false;
    guard_sweep(guard, false);
}

void watch_take(struct guard *guard)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BYTES];
    struct watch *watch = &guard->watch;
    ssize_t size = read(watch->fd, buffer, sizeof(buffer));
    uint64_t before = watch->read;

    watch->read += size > 0 ? (uint64_t)size : 0;
    top_open(guard);
    own_check(guard, false);
    for (ssize_t at = 0; at < size && guard->report->stop == GUARD_GOES_ON;) {
        const struct inotify_event *event = (const void *)(buffer + at);

        if (event->mask & IN_Q_OVERFLOW) {
            watch->event = 0;
            watch_again(guard);
            return;
        }
        at += (ssize_t)(sizeof(*event) + event->len);
        watch->at = before + (uint64_t)at;
        watch->event = event->mask;
        take_event(guard, event);
    }
    watch->event = 0;
    watch_look_again(guard);
}
