#ifndef SVENV_LAUNCHER_SESSION_INTERNAL_H
#define SVENV_LAUNCHER_SESSION_INTERNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/mem.h"
#include "svenv/launch/launch.h"
#include "svenv/plan/plan.h"

struct err;
struct guard;
struct outcome;

/* The task that the launcher was given; see docs/formats.md, "launcher". */
struct request {
    const char *venv;        /* real path */
    const char *entry;       /* name in bin; NULL: `run` of something else */
    const char *called_as;   /* the name the stub was executed by; NULL: `run` */
    const char *program;     /* `run`: what to execute */
    bool shell;              /* `run` of an interactive shell */
    int plan_fd;             /* `run`: a plan made for this start; -1: the venv's own */
    const char *const *argv; /* of the program, argv[0] as the caller gave it */
    size_t argc;
};

int request_parse(struct arena *arena, int argc, const char *const *argv, struct request *out,
                  struct err *err);

/* The stub `shell`, to which nothing inside answers: it stands for `sandbox-venv shell`. */
bool request_is_shell(const struct request *request);
/* Returns only on failure. */
int request_run_shell(const struct request *request, struct err *err);

enum {
    SESSION_MAPS = LAUNCH_MEMORY__COUNT - LAUNCH_PLANS
};

/* The plan that a start goes by. */
struct session {
    struct plan_file file;                   /* by the functions below alone */
    bool settled;                            /* known to hold: nothing is left to be compared */
    struct launch_memory maps[SESSION_MAPS]; /* that plans were read from */
};

/* Opens the venv's compiled plan as it lies there, or makes it where there is none, or one with the
 * overrides of BWRAP_ARGS and its like. `mask`: the caller's signal mask, for the installed
 * sandbox-venv, which makes plans. Return: 0 or negative errno with *err. */
int session_open(const struct request *request, const sigset_t *mask, struct session *out,
                 struct err *err);
/* Do all inputs of the plan stand as they were? Some dozens of look-ups, so done beside the opening
 * of the namespaces. When not, session_renew() makes the plan again. */
bool session_holds(const struct session *session, const struct request *request);
/* The same question after a start by the plan failed, also of a plan that had just been made. */
bool session_is_stale(const struct session *session, const struct request *request);
int session_renew(struct session *session, const struct request *request, const sigset_t *mask,
                  struct err *err);
/* The plan that is known to hold: it insists on that. */
struct plan_file *session_plan(struct session *session);
/* The plan there is: for undoing a start when the plan turns out not to hold, and for the record of
 * a start that came no further. */
struct plan_file *session_any_plan(struct session *session);
/* Gives back the bytes that plans were read from: nothing may point into them any more. */
void session_give_back(struct session *session);

/* Before an installer: each file of the venv that is shared with another venv by a hard link
 * becomes a copy (docs/SECURITY.md, C27), and the files are listed. *files_out: that list, for the
 * second function. After the installer: new entries get stubs, and the files that it left and that
 * run unasked are reported (docs/SECURITY.md, C32).
 * Return: 0 or negative errno with *err. */
int session_before_install(const char *venv, const sigset_t *mask, int *files_out, struct err *err);
int session_after_install(const char *venv, const sigset_t *mask, int files, struct err *err);
/* The list is not needed: no installer started. */
void session_forget_install(const char *venv, int files);
/* Names the policy's line for a directory outside the project that the command line names: one line
 * when the installer failed, and when it made an editable install of it. */
void hint_installer(const struct plan *plan, const struct request *request, bool succeeded);

/* How a start ended, for the audit log. */
struct ended {
    const struct request *request;
    const struct plan_file *file;
    const struct plan *plan;
    const char *const *env;     /* of the program; NULL: it was given back */
    const char *const *secrets; /* of it, see session_secrets(); NULL: none */
    int64_t began_ms;           /* since 1970 */
    int64_t wall_ms;
    const struct outcome *outcome; /* NULL: the program never ran */
    int status;                    /* ours, when it never ran */
    const struct guard *guard;     /* what was taken out of the project */
    const struct err *failure;     /* why not, or what failed after it; NULL: nothing */
};

/* Copies the variables of the program's environment that are secrets and not the caller's own: set
 * by the policy, an option or .env. Their values are taken out of the log's lines, as those of the
 * caller's environment are. Return: NULL-terminated. */
const char *const *session_secrets(struct arena *arena, const char *const *env);

/* Writes the lines that the policy's audit.level asks for. Return: 0 or negative errno with *err.
 */
int session_audit(const struct ended *ended, struct err *err);

/* Is this process inside one of our sandboxes already? The kernel's word decides, which shows a
 * root file system of our making, and never a variable (docs/SECURITY.md, C8). */
bool session_nested(void);
/* Executes the real entry point in the sandbox that we are in already. Returns only on failure:
 * negative errno with *err. */
int session_run_nested(const struct request *request, struct err *err);

#endif
