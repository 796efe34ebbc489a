/* Where records are kept: ${XDG_STATE_HOME:-~/.local/state}/sandbox-venv, where ~ is what passwd
 * says and XDG_STATE_HOME counts only when it is absolute. */
#ifndef SVENV_FIND_STATE_H
#define SVENV_FIND_STATE_H

struct user;

/* Caller frees. */
char *state_dir(const struct user *user);

/* The audit log in it, with the symlinks in the existing part followed: writers follow none. Caller
 * frees. */
char *state_audit_log(const struct user *user);

/* The policy's history of the venv with that id: policy-history/ID/ in it. Caller frees. */
char *state_policy_history(const struct user *user, const char *id);

#endif
