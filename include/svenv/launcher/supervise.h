/* The launcher's life beside a running sandbox: signals both ways, stop and continue, the
 * wall-clock limit, and how it ends. */
#ifndef SVENV_LAUNCHER_SUPERVISE_H
#define SVENV_LAUNCHER_SUPERVISE_H

#include <stdbool.h>
#include <sys/resource.h>
#include <termios.h>

#include "svenv/launch/launch.h"

struct guard; /* svenv/guard/guard.h */

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
    int64_t ended_ms;    /* of clock_ms(), when the program ended or was stopped */
};

/* The descriptor by which supervise() hears of signals; made before launch_go(), because nothing
 * may fail once the program runs. All signals must be blocked. Return: a descriptor or negative
 * errno with *err. */
int supervise_signals(struct err *err);

/* The controlling terminal's settings, when this process is in its foreground. */
struct terminal {
    int fd; /* borrowed; -1: there is nothing to restore */
    struct termios modes;
};

/* Called once, when the program has run for a moment and may run for days. Most end before that. */
struct settle {
    void (*call)(void *context);
    void *context;
};

/* Taken before the program runs, which may change the terminal at once. */
struct before_program {
    int signals;  /* see supervise_signals() */
    int terminal; /* the controlling one; -1: it is not among the standard streams */
    struct terminal modes;
};

/* Stays until the program has ended and until the rest is done that `lifetime` asks for. All
 * signals must be blocked. Closes `before->signals`. */
void supervise(const struct plan *plan, struct launch *launch, struct guard *guard,
               const struct before_program *before, const struct settle *settle,
               struct outcome *out);

/* Ends the calling process the way the program ended: same status, or the same signal without a
 * core dump. Never returns. */
_Noreturn void outcome_repeat(const struct outcome *outcome);

#endif
