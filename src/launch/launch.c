/* Theory of operation
 *
 *   launcher ──fork──> opener ──clone(CLONE_PARENT)──> pid 1
 *      │                  └─────clone(CLONE_PARENT)──> program
 *      └── parent of all three: waits, forwards signals (supervise)
 *
 * 1. The launcher forks the opener as soon as it knows which namespaces there will be, on another
 *    processor. When the plan has limits for a control group it moves the opener into one first,
 *    and stays outside itself.
 * 2. The opener enters new namespaces (user, mount, ipc, uts, cgroup; pid for its children) and
 *    maps the ids.                                             Mustn't: run anything foreign.
 * 3. It makes an empty root and clones pid 1 and then the program as children of the launcher: so
 *    limits, terminal, process group, rusage and stop/continue are native for the caller, and the
 *    parent of the program reads 0 inside, never 1, which pollers of the parent take for "my parent
 *    died". It lends the program its memory, stands still meanwhile, and exits after the exec.
 * 4. Beside steps 2 and 3 the launcher completes the plan for this start, in memory that it shares
 *    with its children. It hands the plan over, and makes what must exist on the host.
 * 5. The program names the host, makes the network namespace, the dearest of all, and hands it to
 *    pid 1. Both make the root by the plan's operations, when there is a plan, each what the other
 *    has not begun (parts.c): they have the capabilities of their user namespace (a proc of the new
 *    pid namespace can be mounted from inside it only). The one that mounts it closes nesting.
 * 6. Pid 1 pivots into the root, for the program too: from here on the host's files are out of
 *    reach. It drops the old root, then everything that it has itself, opens the last gate, and
 *    reaps (init.c).
 * 7. Meanwhile the program sets limits, drops capabilities and loads the filter; it makes the
 *    rules for Landlock once the root is built, and enters Landlock once the root stands; once all
 *    gates are open it executes (program.c).                  Should: have nothing to decide.
 * 8. The opener's end tells the launcher that the program has executed, or that it could not.
 *
 * The numbers stand in the code where the steps do, and the gates between them are in
 * launch-internal.h. An error in any child ends the launch: it is written to shared memory as data,
 * and printed once by the launcher. When pid 1 ends, the kernel ends the program at the gate. */
#include "svenv/launch/launch.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/status.h"
#include "svenv/sys/namespaces.h"
#include "svenv/sys/processors.h"
#include "svenv/sys/syscalls.h"

#include "launch-internal.h"

enum {
    STACK_BYTES = 64 * 1024 /* of the program, until it executes: a few paths and messages */
};
#define KILLED "the set-up of the sandbox was ended from outside before the program ran"

/* Where pid 1 has ended the kernel starts no process in its namespace, and calls that a want of
 * memory: what pid 1 ended of is the cause. */
static _Noreturn void cannot_start(struct shared *shared, int code)
{
    if (shared->failure.err.code == 0)
        err_set(&shared->failure.err, code, "cannot start a process in the sandbox");
    _exit(STATUS_OURS);
}

/* Return: 0 in pid 1. The kernel writes the number of pid 1, for the caller only, before pid 1 can
 * run: a caller that is killed leaves no child unknown. */
static pid_t fork_init(struct shared *shared)
{
    pid_t pid = sys_fork_with(CLONE_PARENT, &shared->init);

    if (pid < 0)
        cannot_start(shared, -pid);
    return pid;
}

struct lent {
    const struct plan *plan;
    int root, net;
    struct shared *shared;
};

static int program_begin(void *lent)
{
    const struct lent *with = lent;

    program_main(with->plan, with->root, with->net, with->shared);
}

/* The program runs in this process's memory, on a stack of its own, while this one stands still: so
 * there is nothing to copy before, and to give back at the exec. Returns when the program has
 * executed or ended. */
static void lend_to_program(struct lent *lent)
{
    _Alignas(16) char stack[STACK_BYTES]; /* of this process, too, which does not go on meanwhile */
    int flags = CLONE_PARENT | CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD;

    if (clone(program_begin, stack + sizeof(stack), flags, lent, &lent->shared->program) < 0)
        cannot_start(lent->shared, errno);
}

static _Noreturn void opener_main(const struct plan *plan, int control, struct shared *shared)
{
    struct err *err = &shared->failure.err;
    int net[2] = {-1, -1};
    int root;

    /* Step 2 */
    if (plan_group_needed(plan) != PLAN_GROUP__COUNT) {
        die_with_launcher(control);
        gate_wait(&shared->gates, GATE_IN_GROUP);
    }
    if (namespaces_enter(plan->uid, plan->gid, err) < 0)
        _exit(STATUS_OURS);
    die_with_launcher(control);
    if ((plan->flags & PLAN_OWN_NET) &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, net) < 0) {
        err_set(err, errno, "cannot make a socket pair for the network namespace");
        _exit(STATUS_OURS);
    }
    /* Step 3 */
    root = root_make(err);
    if (root < 0)
        _exit(STATUS_OURS);
    gate_wait(&shared->gates, GATE_OPENER_MOVED);
    if (fork_init(shared) == 0) {
        close(net[1]);
        init_main(control, root, net[0], shared);
    }
    close(net[0]);
    /* It forks nobody, so it hardly matters where it may run in the end. */
    (void)processors_apart(shared->init);
    lend_to_program(&(struct lent){plan, root, net[1], shared});
    _exit(0);
}

static void enter_state(struct launch *launch, enum launch_state from, enum launch_state to)
{
    assert(launch->state == from);
    launch->state = to;
}

/* A number is forgotten when its process is reaped: the kernel may give it to another. */
static void reap_process(pid_t *pid)
{
    while (*pid > 0 && waitpid(*pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *pid = 0;
}

/* Ends the opener first, or it would make more of them. Pid 1 ends when the program is reaped, too.
 * A process that cannot be killed here ends when this process does: nobody waits for that. */
static void end_processes(struct launch *launch)
{
    struct shared *shared = launch->shared;

    if (launch->opener > 0 && kill(launch->opener, SIGKILL) < 0)
        launch->opener = 0;
    reap_process(&launch->opener);
    if (shared->init > 0 && kill(shared->init, SIGKILL) < 0)
        return;
    reap_process(&shared->program);
    reap_process(&shared->init);
}

/* Has the set-up failed, and said why? An exec that failed has a status of its own. */
static bool set_up_failed(const struct shared *shared)
{
    const struct launch_failure *failure = &shared->failure;

    return failure->err.code != 0 && failure->status != STATUS_CANNOT_EXEC &&
           failure->status != STATUS_NOT_FOUND;
}

/* Step 8: waits for the opener, and so until the program has executed or ended; afterwards either
 * both children exist or none. */
static int finish_opener(struct launch *launch, struct err *err)
{
    struct shared *shared = launch->shared;

    while (waitpid(launch->opener, NULL, 0) < 0) {
        if (errno != EINTR)
            return err_set(err, errno, "cannot wait for the set-up of the sandbox");
    }
    launch->opener = 0;
    /* Its last act is to make the program's process: whatever it died of came after. */
    if (shared->program > 0 && !set_up_failed(shared))
        return 0;
    end_processes(launch);
    if (shared->failure.err.code == 0)
        return err_plain(err, EIO, KILLED);
    *err = shared->failure.err;
    return -err->code;
}

static int move_opener(const struct launch *launch, struct err *err)
{
    int rc = processors_apart(launch->opener);

    if (rc < 0)
        return err_set(err, -rc, "cannot let the sandbox run on all processors");
    gate_open(&launch->shared->gates, GATE_OPENER_MOVED);
    return 0;
}

/* Step 1. Nothing is left of what could not be finished. */
static int begin_opener(const struct plan *plan, struct launch *out, struct err *err)
{
    int pair[2], rc;
    pid_t opener;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return err_set(err, errno, "cannot make shared memory for the sandbox's set-up");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        rc = err_set(err, errno, "cannot make a socket pair for the sandbox's pid 1");
        munmap(shared, sizeof(*shared));
        return rc;
    }
    opener = sys_fork_with(0, NULL);
    if (opener == 0) {
        close(pair[0]);
        opener_main(plan, pair[1], shared);
    }
    close(pair[1]);
    if (opener < 0) {
        close(pair[0]);
        munmap(shared, sizeof(*shared));
        return err_set(err, -opener, "cannot fork");
    }
    *out = (struct launch){.state = LAUNCH_PREPARED,
                           .opener = opener,
                           .control = pair[0],
                           .group = GROUP_INIT,
                           .shared = shared,
                           .failure = &shared->failure};
    return 0;
}

int launch_prepare(const struct plan *plan, const struct group_asker *asker, struct launch *out,
                   struct err *err)
{
    int rc;

    assert(out->state == LAUNCH_NONE);
    rc = begin_opener(plan, out, err);
    if (rc < 0)
        return rc;
    rc = move_opener(out, err);
    if (rc == 0 && plan_group_needed(plan) != PLAN_GROUP__COUNT)
        rc = group_begin(plan, asker, out, err);
    if (rc < 0)
        launch_abandon(out);
    return rc;
}

void launch_abandon(struct launch *launch)
{
    if (launch->state == LAUNCH_NONE)
        return;
    enter_state(launch, LAUNCH_PREPARED, LAUNCH_NONE);
    /* First: a pid 1 that an opener makes which could not be killed sees the end, and ends. */
    close(launch->control);
    end_processes(launch);
    munmap(launch->shared, sizeof(*launch->shared));
    launch->shared = NULL;
    launch->failure = NULL;
    group_finish(&launch->group);
}

void launch_end_group(struct launch *launch)
{
    assert(launch->state != LAUNCH_PREPARED);
    if (launch->state == LAUNCH_NONE || launch->group.way != GROUP_DELEGATED)
        return;
    /* As in end_processes(); the next start removes the group then. */
    if (launch->init > 0 && kill(launch->init, SIGKILL) < 0)
        return;
    reap_process(&launch->program);
    reap_process(&launch->init);
    group_finish(&launch->group);
}

int launch_go(struct launch *launch, const struct plan *plan, const struct launch_program *program,
              struct err *err)
{
    struct shared *shared = launch->shared;
    int rc;

    assert(launch->state == LAUNCH_PREPARED);
    /* Step 4 */
    shared->plan = *plan;
    shared->program_words = *program;
    parts_make(plan, &shared->parts);
    gate_open(&shared->gates, GATE_PLAN_READY);
    rc = nodes_make(plan, err);
    if (rc == 0) {
        gate_open(&shared->gates, GATE_NODES_MADE);
        rc = finish_opener(launch, err);
    }
    if (rc < 0) {
        launch_abandon(launch);
        return rc;
    }
    enter_state(launch, LAUNCH_PREPARED, LAUNCH_RUNNING);
    launch->init = shared->init;
    launch->program = shared->program;
    return 0;
}

void launch_ended(struct launch *launch, bool by_caller)
{
    struct shared *shared = launch->shared;
    uint32_t gates = __atomic_load_n(&shared->gates, __ATOMIC_ACQUIRE);

    enter_state(launch, LAUNCH_RUNNING, LAUNCH_ENDED);
    if (by_caller || shared->failure.err.code != 0 ||
        (gates & GATES_BEFORE_EXEC) == GATES_BEFORE_EXEC)
        return;
    shared->failure.status = STATUS_OURS;
    err_plain(&shared->failure.err, EIO, KILLED);
}
