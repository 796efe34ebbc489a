/* The guard as it begins. */
#include "svenv/guard/guard.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "svenv/base/clock.h"
#include "svenv/base/mem.h"

#include "guard-internal.h"

void guard_begin(struct guard *guard, const struct plan *plan, const char *venv)
{
    struct timespec now;
    struct stat st;

    guard->mode = guard->seen.top >= 0 && fstat(guard->seen.top, &st) == 0 ? st.st_mode : 0;
    /* The clock that files are stamped by; never ahead of it. */
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    guard->plan = plan;
    guard->began_ns = clock_ns_of(now);
    guard->report = &guard->own;
    guard->quarantine = (struct quarantine){.venv = venv, .dir = -1, .report = guard->report};
    guard->watch = (struct watch){.fd = -1, .turn = -1, .inside = {-1, -1, -1, 0}};
    guard->kept = (struct guard_kept){.count = 0};
    guard->process = (struct guard_process){.socket = -1, .pidfd = -1};
    own_init(&guard->own_venv);
}

void guard_keep(struct guard *guard, struct arena *arena, const char *venv)
{
    struct seen *seen = &guard->seen;
    size_t bytes = seen->file ? seen->file->seen_count * sizeof(*seen->ctimes_ns) : 0;

    guard->quarantine.venv = venv;
    if (seen->ctimes_ns)
        seen->ctimes_ns = memcpy(arena_alloc(arena, bytes), seen->ctimes_ns, bytes);
}

bool guard_is_new(const struct guard *guard, const struct stat *st)
{
    return clock_ns_of(st->st_ctim) >= guard->began_ns;
}
