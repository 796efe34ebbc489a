#ifndef SVENV_LAUNCH_LAUNCH_INTERNAL_H
#define SVENV_LAUNCH_LAUNCH_INTERNAL_H

#include "svenv/launch/launch.h"

/* What pid 1 and the program wait for; it moves only upwards. pivot_root(2) moves the processes
 * that are in the kernel's list of tasks: a program that was still being cloned would keep the
 * host's root, so pid 1 waits until the opener has it. The program prepares itself while pid 1
 * drops the old root, which takes the kernel a grace period, and executes only when that is gone.
 */
enum gate_stage {
    GATE_CLOSED,
    GATE_PROGRAM_EXISTS, /* moved here by the opener */
    GATE_ROOT_STANDS,    /* by pid 1, as the next */
    GATE_OLD_ROOT_GONE
};

/* One page that the launcher and its children share until the program executes. */
struct shared {
    pid_t init; /* as the launcher knows them */
    pid_t program;
    uint32_t gate;  /* futex, enum gate_stage */
    dev_t root_dev; /* of the sandbox, set before GATE_ROOT_STANDS */
    ino_t root_inode;
    struct launch_failure failure;
};

/* Builds the plan's root in the caller's new mount namespace. Return: its descriptor, or negative
 * errno with *err. */
int root_build(const struct plan *plan, struct err *err);
/* Makes it the root directory of every process in that namespace; the old root lies on top of it
 * until root_drop_old(). Closes the descriptor. */
int root_enter(int root, struct shared *shared, struct err *err);
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
