#ifndef SVENV_LAUNCH_INTERNAL_H
#define SVENV_LAUNCH_INTERNAL_H

#include "svenv/launch/launch.h"

/* One page that the launcher and its children share until the program executes. */
struct shared {
    pid_t init;    /* as the launcher knows them */
    pid_t program;
    uint32_t gate; /* futex: 1 once the root stands */
    struct launch_failure failure;
};

/* Builds the plan's root in the caller's new mount namespace and makes it the root directory, for
 * every process in that namespace. */
int root_build(const struct plan *plan, struct err *err);

/* Pid 1: builds the root, opens the gate, reaps, reports signals, ends when the launcher does. */
_Noreturn void init_main(const struct plan *plan, int control, struct shared *shared);

/* The program's last steps: wait at the gate, drop, exec. Returns only by writing the failure and
 * _exit(). */
_Noreturn void program_main(const struct plan *plan, const struct launch_program *program,
                            struct shared *shared);

/* Opens the gate, or waits at it. */
void gate_open(uint32_t *gate);
void gate_wait(uint32_t *gate);

#endif
