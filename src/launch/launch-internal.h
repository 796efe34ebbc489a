#ifndef SVENV_LAUNCH_LAUNCH_INTERNAL_H
#define SVENV_LAUNCH_LAUNCH_INTERNAL_H

#include "svenv/launch/launch.h"

/* What the program waits for. It prepares itself while pid 1 drops the old root, which takes the
 * kernel a grace period, and executes only when that is gone. Only pid 1 moves it, upwards. */
enum gate_stage {
    GATE_CLOSED,
    GATE_ROOT_STANDS,
    GATE_OLD_ROOT_GONE
};

/* One page that the launcher and its children share until the program executes. */
struct shared {
    pid_t init; /* as the launcher knows them */
    pid_t program;
    uint32_t gate; /* futex, enum gate_stage */
    struct launch_failure failure;
};

/* Builds the plan's root in the caller's new mount namespace and makes it the root directory, for
 * every process in that namespace; the old root lies on top of it until root_drop_old(). */
int root_build(const struct plan *plan, struct err *err);
int root_drop_old(struct err *err);

/* Pid 1: builds the root, opens the gate, reaps, reports signals, ends when the launcher does. */
_Noreturn void init_main(const struct plan *plan, int control, struct shared *shared);

/* The program's last steps: wait at the gate, drop, exec. Returns only by writing the failure and
 * _exit(). */
_Noreturn void program_main(const struct plan *plan, const struct launch_program *program,
                            struct shared *shared);

void gate_open(uint32_t *gate, enum gate_stage stage);
void gate_wait(uint32_t *gate, enum gate_stage stage);

#endif
