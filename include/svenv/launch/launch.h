/* Executes a plan: namespaces, mounts, pid 1, drop, exec. See launch/launch.c for the theory of
 * operation. Knows no policy, no YAML, no libseccomp, and decides nothing. */
#ifndef SVENV_LAUNCH_LAUNCH_H
#define SVENV_LAUNCH_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "svenv/base/err.h"
#include "svenv/plan/plan.h"
#include "svenv/sys/group.h"

/* Mappings of the caller. */
enum launch_memory_kind {
    LAUNCH_ARENA, /* shared with the children */
    LAUNCH_STAYS, /* the caller's own */
    LAUNCH_PLANS, /* the compiled plan, and the one that a start began with and found stale */
    LAUNCH_MEMORY__COUNT = LAUNCH_PLANS + 2
};
struct launch_memory {
    const void *start; /* NULL: none */
    size_t size;
};

struct launch_program {
    const char *path;           /* inside; without '/' it is searched in the PATH of env */
    const char *path_as_called; /* executed instead when it is the same file inside; may be NULL */
    const char *const *argv;
    const char *const *env;
    const char *cwd; /* inside */
    sigset_t mask;   /* the caller's signal mask, restored for the program */
    bool own_group;  /* leads a process group that has the terminal on its standard input */
    /* Where all of this lies, with the caller's environment: pid 1 gives it up. */
    struct launch_memory memory[LAUNCH_MEMORY__COUNT];
};

/* Why the program never ran, written by a child into memory that the launcher shares with it. */
struct launch_failure {
    int status; /* of svenv/base/status.h; 0: none */
    struct err err;
};

struct shared; /* of the launcher and its children, private to launch */

/* The life of a start. Only the launcher moves it, by these calls, and each insists on the state
 * that it begins in:
 *
 *   NONE ──launch_prepare()──> PREPARED ──launch_go()──> RUNNING ──launch_ended()──> ENDED
 *     ^                           │
 *     └── launch_abandon(), or launch_go() when it fails: all that was begun has ended
 *
 * From RUNNING and ENDED nothing leads back: the sandbox ends by itself, with the launcher, or by
 * launch_end_group().
 */
enum launch_state {
    LAUNCH_NONE,     /* zeroed, or taken back: nothing is there */
    LAUNCH_PREPARED, /* the opener works, and the plan is awaited */
    LAUNCH_RUNNING,  /* both children exist; the program has executed, or could not */
    LAUNCH_ENDED     /* the program's process has */
};

struct launch {
    enum launch_state state;
    pid_t opener;  /* a child of the caller; 0: it has ended */
    pid_t init;    /* pid 1 of the sandbox, likewise; as the others from RUNNING on */
    pid_t program; /* likewise */
    int control;   /* socket to pid 1, see launch/control.h */
    struct group group;
    struct shared *shared;
    struct launch_failure *failure; /* err.code != 0 in ENDED: the program never ran */
};

/* Begins a start: forks the process that opens the namespaces (of the plan only ids, namespaces,
 * host name, nesting, capabilities and the control group's limits are read, and they may not change
 * later), and when the plan has such limits moves it into a group that holds it and its children to
 * them. asker: has systemd make one. The caller has blocked all signals, and the descriptors that
 * the program may inherit are those without close-on-exec. When the caller ends without
 * launch_go(), everything begun ends with it. Return: 0 with *out, or negative errno with *err. */
int launch_prepare(const struct plan *plan, const struct group_asker *asker, struct launch *out,
                   struct err *err);

/* Ends what launch_prepare() began; does nothing where that, or launch_go(), failed. */
void launch_abandon(struct launch *launch);

/* Removes a control group of our own making, and ends what is left in it first; any other goes by
 * itself. For the end of a start of which nothing is to live on, however far it came. Not in
 * PREPARED. */
void launch_end_group(struct launch *launch);

/* Goes through with it: plan and program are complete now. All that they point to lies in memory
 * that was there before launch_prepare() or is shared (MAP_SHARED) since before it. Nothing of it
 * is needed any more when this returns. Return: 0 when the program has executed, or failed to, and
 * said so; or negative errno with *err; nothing is left mounted, and what runs ends with the
 * caller. */
int launch_go(struct launch *launch, const struct plan *plan, const struct launch_program *program,
              struct err *err);

/* Call it when the program's process has ended. A program that was killed before the sandbox stood
 * (or whose pid 1 was) never ran, and launch->failure says so. by_caller: the caller ended it, and
 * knows why. */
void launch_ended(struct launch *launch, bool by_caller);

/* --- descriptors -------------------------------------------------------------------------- */

/* Holds inherited descriptors to the rule: 0-2 stay, pipes, regular files and harmless devices
 * stay, systemd's LISTEN_FDS stay, everything else is closed. Closed ones among 0-2 become
 * /dev/null until the program starts. A directory among 0-2 is refused: it would be a way out by
 * openat(2). */
int descriptors_sanitize(struct err *err);

/* --- host nodes ---------------------------------------------------------------------------- */

/* Makes what must exist on the host before the mounts (struct plan_node). */
int nodes_make(const struct plan *plan, struct err *err);

#endif
