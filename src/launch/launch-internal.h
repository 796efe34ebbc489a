#ifndef SVENV_LAUNCH_LAUNCH_INTERNAL_H
#define SVENV_LAUNCH_LAUNCH_INTERNAL_H

#include "svenv/launch/launch.h"

/* The three processes of a start, opener, pid 1 and program, work side by side and wait for one
 * another at gates. They stand here in the order in which they open in a usual start, each with the
 * step of launch.c in which it opens and the process that opens it. The gates of step 4 may open
 * later than the program's first: the launcher works beside the opener. */
enum gate {
    /* Step 1, the launcher: the opener may run on all processors again, and fork. */
    GATE_OPENER_MOVED = 1 << 0,
    /* Step 1, the launcher, when there are limits for a control group: the opener is in it. A
     * cgroup namespace begins at the group that its maker is in, and what is forked in a group is
     * in it from its first moment. */
    GATE_IN_GROUP = 1 << 1,
    /* Step 4, the launcher: the plan is complete. */
    GATE_PLAN_READY = 1 << 2,
    /* Step 4, the launcher: what is to be mounted exists on the host. */
    GATE_NODES_MADE = 1 << 3,
    /* Step 5, the program. pivot_root(2) moves the processes that are in the kernel's list of
     * tasks: one that was still being cloned would keep the host's root. */
    GATE_PROGRAM_EXISTS = 1 << 4,
    /* Step 5, whoever mounted a /proc: there are no further user namespaces. */
    GATE_NESTING_CLOSED = 1 << 5,
    /* Step 5, whoever made the last part of the root. */
    GATE_PARTS_MADE = 1 << 6,
    /* Step 6, pid 1: Landlock rules may be looked up below the new root's descriptor. */
    GATE_ROOT_BUILT = 1 << 7,
    /* Step 6, pid 1: it is the root directory of both. */
    GATE_ROOT_STANDS = 1 << 8,
    /* Step 6, pid 1: nothing of the host can be reached any more, and it has given up all that it
     * had. */
    GATE_INIT_READY = 1 << 9,
    GATES_BEFORE_EXEC = GATE_ROOT_STANDS | GATE_INIT_READY,
};

enum {
    PARTS_MAX = 24 /* names at the top of the root that are told apart */
};

/* Operations of the plan that must be made in their order, by one process. */
struct part {
    const char *top; /* name at the top of the root */
    size_t len;
    size_t first, last; /* numbers in the plan; `next` leads from the one to the other */
    size_t size;
};

struct parts {
    struct part items[PARTS_MAX];
    size_t count;
    size_t *next;         /* of each operation: the one after it in its part */
    uint32_t taken, made; /* how many, by whomever */
};

/* Memory that the launcher and its children share until the program executes. */
struct shared {
    pid_t init; /* as the launcher knows them; 0: not yet */
    pid_t program;
    uint32_t gates; /* futex of enum gate bits: set, never cleared */
    dev_t root_dev; /* of the sandbox, set before GATE_ROOT_STANDS */
    ino_t root_inode;
    struct plan plan; /* with GATE_PLAN_READY, and `parts` */
    struct parts parts;
    struct launch_program program_words; /* likewise */
    uint32_t failed;                     /* somebody has set the failure of the shared work */
    struct launch_failure failure;
};

/* Divides the plan's operations. Allocates: for the launcher only. */
void parts_make(const struct plan *plan, struct parts *out);
/* Return: one that nobody had; NULL: all are taken. */
const struct part *parts_take(struct parts *parts);

/* The first failure of those that work side by side is the one that is told. */
void launch_fail(struct shared *shared, const struct err *err);

/* Has a control group hold the opener, and all that comes from it, to the plan's limits. Return: 0,
 * or negative errno with *err; the opener must be ended then. */
int group_begin(const struct plan *plan, const struct group_asker *asker, struct launch *launch,
                struct err *err);

/* An empty root in the caller's new mount namespace, on top of the old one, as current directory.
 * Return: its descriptor, or negative errno with *err. */
int root_make(struct err *err);
/* Makes the root of the plan on it, once there is a plan: by several processes at once, each with
 * it as current directory, until nothing is left to begin. Return: 0, or negative with the failure
 * set. */
int root_share(int root, struct shared *shared);
/* When all parts are made: what remains. */
int root_finish(int root, struct shared *shared, struct err *err);
/* Makes it the root directory of every process in that namespace; the old root lies on top of it
 * until root_drop_old(). Closes the descriptor. */
int root_enter(int root, struct shared *shared, struct err *err);
int root_drop_old(struct err *err);

/* Pid 1: builds the root, opens gates, reaps, reports signals, ends when the launcher does. root:
 * of root_make(). net: on it comes the network namespace that the program makes; -1: the host's
 * stays. */
_Noreturn void init_main(int control, int root, int net, struct shared *shared);

/* The program's last steps: drop and exec. Returns only by writing the failure and _exit(). plan:
 * as far as it is known before the start's own part of it. root, net: as for init_main(). */
_Noreturn void program_main(const struct plan *plan, int root, int net, struct shared *shared);

/* From here on the caller ends when the launcher does, however the launcher ends. Must follow the
 * last gain of privileges, which makes the kernel forget the wish (PR_SET_PDEATHSIG(2const)).
 * control: this side of the socket whose other end only the launcher has. */
void die_with_launcher(int control);

void gate_open(uint32_t *gates, uint32_t which);
bool gate_is_open(uint32_t *gates, uint32_t all);
void gate_wait(uint32_t *gates, uint32_t all);

#endif
