/* The history of a venv's policy, beside the audit log: policy-history/ID/ in the state directory
 * holds policy.yaml, the last one seen, and history.jsonl, a line per change. */
#ifndef SVENV_COMPILE_HISTORY_H
#define SVENV_COMPILE_HISTORY_H

struct buf;
struct err;
struct policy;
struct user;
struct venv;

#define HISTORY_NAME "history.jsonl"

/* Adds a line when `hash` is not that of the last policy. Values of environment.set are left out.
 * Return: 0 or negative errno with *err. */
int history_note(const struct user *user, const struct venv *venv, const struct policy *policy,
                 const char *hash, struct err *err);

/* Adds the lines that differ between two texts, with "-" and "+", and with " " the headings that
 * they stand under. */
void history_diff(const char *before, const char *after, struct buf *out);

#endif
