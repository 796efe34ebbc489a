/* Steps that wrap and sync have in common. */
#ifndef SVENV_WRAP_WRAP_INTERNAL_H
#define SVENV_WRAP_WRAP_INTERNAL_H

#include <stdbool.h>

struct err;
struct site;
struct stubs;
struct sync_result;
struct venv;
struct wrap_options;

/* Brings the two sides in step, and records it when something changed (or always when `force`). The
 * lock is held. Return: 0 or negative errno with *err. */
int wrap_in_step(const struct site *site, const struct stubs *stubs, struct venv *manifest,
                 const struct wrap_options *options, bool force, struct sync_result *result,
                 struct err *err);

/* Before sandbox/bin is made anew: refuses when it is gone while stubs still stand for its files,
 * for then every stub would be taken for one whose program was uninstalled. */
int wrap_check_real(const struct site *site, const struct stubs *stubs, const struct venv *manifest,
                    struct err *err);

#endif
