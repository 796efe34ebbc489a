/* The commands: one row each in main.c's table, one file each. */
#ifndef SVENV_CLI_COMMAND_INTERNAL_H
#define SVENV_CLI_COMMAND_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/status.h"

struct args;
struct buf;
struct err;
struct policy;
struct user;

enum exit_status {
    EXIT_DONE = 0,
    EXIT_CHECK = 1, /* `status --check` found something */
    EXIT_USAGE = 2,
    EXIT_FAILED = STATUS_OURS
};

struct command {
    const char *name;    /* one word, or two: "policy show" */
    const char *summary; /* NULL: hidden from --help */
    uint32_t accepts;    /* enum args_accept */
    int (*run)(const struct args *args);
    const char *usage; /* what follows the name, then a line per option */
};

/* Each gives back the exit status and has printed what there is to say. */
int command_wrap(const struct args *args);
int command_create(const struct args *args);
int command_unwrap(const struct args *args);
int command_status(const struct args *args);
int command_list(const struct args *args);
int command_run(const struct args *args);
int command_shell(const struct args *args);
int command_policy_show(const struct args *args);
int command_policy_check(const struct args *args);
int command_policy_log(const struct args *args);
int command_quarantine_list(const struct args *args);
int command_quarantine_restore(const struct args *args);
int command_log(const struct args *args);
int command_refresh(const struct args *args);
int command_before_install(const struct args *args);
int command_after_install(const struct args *args);
int command_late_install(const struct args *args);
int command_plan(const struct args *args);
int command_scope(const struct args *args);

/* `policy show --filter`: the filter of every plan that `policy` makes for the wrapped venv at
 * `venv_path` (real). Return: 0, or negative errno with *err. */
int filter_show(const char *venv_path, const struct user *user, const struct policy *policy,
                struct buf *out, struct err *err);

/* Prints the error. Return: EXIT_FAILED. */
int command_failed(const struct err *err);
/* Prints a mistake in the command line with where help is. Return: EXIT_USAGE. */
int command_misused(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
