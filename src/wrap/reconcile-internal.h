/* One pass over a venv: survey, decide, move. Shared by wrap and sync; the lock is held. */
#ifndef SVENV_WRAP_RECONCILE_INTERNAL_H
#define SVENV_WRAP_RECONCILE_INTERNAL_H

#include <stdbool.h>

struct err;
struct site;
struct stubs;
struct sync_result;
struct venv;
struct wrap_options;

/* Brings both sides in step and sets manifest->entries and own_shell to the result. *changed_out:
 * does the manifest have to be written?
 * Return: 0 or negative errno with *err; changes before the failure stay, and are in step. */
int reconcile(const struct site *site, const struct stubs *stubs, struct venv *manifest,
              const struct wrap_options *options, struct sync_result *result, bool *changed_out,
              struct err *err);

/* Gives every real entry back to bin. The lock is held; `manifest` may know nothing. */
int reconcile_undo(const struct site *site, const struct stubs *stubs, const struct venv *manifest,
                   struct err *err);

#endif
