/* Writing $venv/sandbox/policy.yaml when wrapping. */
#ifndef SVENV_CLI_POLICY_FILE_INTERNAL_H
#define SVENV_CLI_POLICY_FILE_INTERNAL_H

#include <stdbool.h>

struct args;
struct err;
struct user;

enum policy_placed {
    POLICY_PLACED_NEW,     /* there was none */
    POLICY_PLACED_KEPT,    /* the file is as it was found */
    POLICY_PLACED_REPLACED /* what was there is policy.yaml.old now */
};

/* Puts the policy that the command line asks for in place: an existing file stays as it is when
 * nothing was asked and it is the person's (known), or says no more than the default; the file or
 * profile that `--policy` names replaces it; bubblewrap options are added to it. Nothing is
 * replaced before the result was loaded and checked. Return: 0, or negative errno with *err
 * (file:line:col, or the option). */
int policy_file_place(const char *venv_path, const struct user *user, const struct args *args,
                      bool known, enum policy_placed *out, struct err *err);

/* After POLICY_PLACED_REPLACED: the new one could not be carried out, so the old one counts again.
 */
void policy_file_take_back(const char *venv_path);

#endif
