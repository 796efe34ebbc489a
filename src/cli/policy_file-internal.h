/* Writing $venv/sandbox/policy.yaml when wrapping. */
#ifndef SVENV_CLI_POLICY_FILE_INTERNAL_H
#define SVENV_CLI_POLICY_FILE_INTERNAL_H

#include <stdbool.h>

struct args;
struct err;
struct user;
struct venv;

/* Puts the policy that the command line asks for in place: an existing file stays as it is when
 * nothing was asked; what `--policy` names replaces it; bubblewrap options are added to it. Nothing
 * is replaced before the result was loaded, checked and planned for `venv`, as inspected; the
 * replaced file is kept as policy.yaml.old. *kept_out: was the file left as found? Return: 0, or
 * negative errno with *err (file:line:col, or the option). */
int policy_file_place(const struct venv *venv, const struct user *user, const struct args *args,
                      bool *kept_out, struct err *err);

#endif
