/* Executes a plan: namespaces, mounts, pid 1, drop, exec. See launch/launch.c for the theory of
 * operation. Knows no policy, no YAML, no libseccomp. */
#ifndef SVENV_LAUNCH_LAUNCH_H
#define SVENV_LAUNCH_LAUNCH_H

#include <sys/types.h>

#include "svenv/plan/plan.h"

struct launch_program {
    const char *path;         /* inside */
    const char *path_as_called; /* tried first when it is the same file inside; may be NULL */
    const char *const *argv;
    const char *const *env;
    const char *cwd;
};

struct launch {
    pid_t init;    /* pid 1 of the sandbox */
    pid_t program;
    int control;   /* socket to pid 1 */
};

int launch_start(const struct plan *plan, const struct launch_program *program, struct launch *out,
                 struct err *err);

#endif
