/* Decides whether a start that met a change on the host is tried again. */
#include <errno.h>

#include "svenv/base/clock.h"
#include "svenv/sys/pending.h"

#include "again-internal.h"

enum {
    AGAIN_MS = 1000,
    TRIES_MIN = 40, /* on a busy machine one try can take longer than all of that time */
    SAME_MAX = 5,   /* by a plan that holds: the cause is no change, or was over at once */
    UNKNOWN_MAX = 3 /* a directory that nobody can look through stays unknown to each plan */
};

/* Failures that come of a file that was removed or exchanged between the look and the mount. */
static bool again_is_change(int code)
{
    return code == ESTALE || code == ENOENT || code == ENOTDIR || code == ELOOP;
}

bool again_unknown(struct again *again)
{
    return again->unknown++ < UNKNOWN_MAX;
}

bool again_try(struct again *again, int code, bool holds)
{
    if (!again_is_change(code) || pending_end() != 0)
        return false;
    if (again->tries == 0)
        again->began_ms = clock_ms();
    again->tries++;
    /* A file that is not the one of the plan is a change, whatever is there now. */
    again->same = holds && code != ESTALE ? again->same + 1 : 0;
    if (again->same > SAME_MAX)
        return false;
    return again->tries < TRIES_MIN || clock_ms() - again->began_ms < AGAIN_MS;
}
