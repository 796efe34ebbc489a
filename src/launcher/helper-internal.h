/* Tasks that the launcher has the installed program do, so that the launcher knows no policies, no
 * YAML and no D-Bus. */
#ifndef SVENV_LAUNCHER_HELPER_INTERNAL_H
#define SVENV_LAUNCHER_HELPER_INTERNAL_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

struct cgroup_limits;
struct err;
struct strv;

struct helper {
    const char *const *words; /* its argv: "sandbox-venv", a command, and more */
    struct strv *env;         /* becomes its environment; a PATH is added */
    int file;                 /* becomes its descriptor 3; -1: none */
    int answer;               /* becomes its standard output; -1: that is where messages go */
    int patience_ms;          /* it is killed after that, or with the launcher; 0: waited for */
    const sigset_t *mask;     /* the caller's signal mask */
};

/* Runs the installed sandbox-venv. Return: 0 when it ended with 0; or negative errno with *err,
 * whose message is empty when the program has explained itself: to the user, or in its answer. */
int helper_run(const struct helper *helper, struct err *err);

/* Adds those of the variables that the caller's environment has. */
void helper_pass(struct strv *env, const char *const *names, size_t count);

/* A struct group_asker's. mask: the caller's signal mask. */
int helper_ask_systemd(const void *mask, const struct cgroup_limits *limits, const char *stem,
                       pid_t pid, struct err *err);

#endif
