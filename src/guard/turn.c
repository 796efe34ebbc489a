/* Several programs of one venv have a guard each. One of them takes names away; the others cover
 * them in their own sandboxes. The one that holds the lock takes, and the lock goes with
 * its end. Nobody relies on it: a name that is still there after a moment is taken by each that saw
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"

#include "guard-internal.h"

enum {
    MOMENT_MS = 100 /* the holder may have been stopped with its job */
};

void turn_try(struct guard *guard)
{
    struct watch *watch = &guard->watch;
    char path[PATH_MAX];

    if (watch->turn < 0) {
        snprintf(path, sizeof(path), "%s/" IN_SANDBOX(SANDBOX_WATCHING), guard->quarantine.venv);
        watch->turn =
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    }
    /* Without a lock there is nobody to rely on. */
    watch->waits =
        watch->turn >= 0 && flock(watch->turn, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool turn_is_anothers(struct guard *guard)
{
    struct watch *watch = &guard->watch;

    if (watch->waits && watch->waits_until_ms == 0)
        watch->waits_until_ms = clock_ms() + MOMENT_MS;
    return watch->waits;
}

bool turn_is_due(struct guard *guard)
{
    struct watch *watch = &guard->watch;

    if (watch->waits)
        turn_try(guard);
    if (watch->waits_until_ms == 0 || (watch->waits && clock_ms() < watch->waits_until_ms))
        return false;
    watch->waits = false;
    return true;
}

void turn_looked(struct guard *guard)
{
    guard->watch.waits_until_ms = 0;
    turn_try(guard);
}
