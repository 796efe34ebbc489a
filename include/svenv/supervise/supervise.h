/* The launcher's life beside a running sandbox: signals both ways, stop and continue, the
 * wall-clock limit, and how it ends. */
#ifndef SVENV_SUPERVISE_SUPERVISE_H
#define SVENV_SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <sys/resource.h>

#include "svenv/launch/launch.h"

struct guard; /* what is watched in the project, private to supervise */

struct outcome {
    enum {
        OUTCOME_EXITED,
        OUTCOME_KILLED,
        OUTCOME_TIME_LIMIT
    } how;
    int value;           /* exit status or signal */
    bool alive;          /* something of the sandbox lives on (lifetime: tree) */
    struct rusage usage; /* of the program and what it waited for */
    int64_t oom_kills;   /* by limits.memory; <= 0: none that is known */
};

/* Stays until the program has ended and what `lifetime` says is done. All signals must be blocked.
 * Return: 0 with *out, or negative errno with *err (the sandbox is gone then). */
int supervise(const struct plan *plan, struct launch *launch, struct guard *guard,
              struct outcome *out, struct err *err);

/* Ends the calling process the way the program ended: same status, or the same signal without a
 * core dump. Never returns. */
_Noreturn void outcome_repeat(const struct outcome *outcome);

#endif
