/* From files to a compiled plan. */
#ifndef SVENV_COMPILE_COMPILE_H
#define SVENV_COMPILE_COMPILE_H

#include "svenv/plan/plan.h"
#include "svenv/plan/stale.h"

struct buf;
struct err;
struct layers;
struct policy;
struct user;
struct venv;

/* Brings the venv's two sides together, makes its /etc, and computes the plan of `venv_path` (real)
 * under `layers`, with everything that it depends on recorded in file->inputs.
 * Return: 0, or negative errno with *err. plan_file_finish() in both cases. */
int compile_plan(const char *venv_path, const struct user *user, const struct layers *layers,
                 struct plan_file *file, struct err *err);

/* The plan that every start uses: compiled from the files alone and put at $venv/sandbox/plan,
 * atomically. */
int compile_store(const char *venv_path, const struct user *user, struct err *err);

/* Computes the plan and changes nothing: can this policy be carried out for this venv? */
int compile_dry(const struct venv *venv, const struct user *user, const struct policy *policy,
                struct plan_file *file, struct err *err);

/* The plan as it lies at $venv/sandbox/plan; its strings point into *bytes.
 * Return: 0, or negative errno with *err. plan_file_finish() in both cases. */
int compile_read(const char *venv_path, struct plan_file *file, struct buf *bytes, struct err *err);

/* In words, the directories that are read-only inside because nobody could look into all of them;
 * the caller frees them. NULL: there are none. */
char *compile_closed(const struct plan_file *file);

/* The first thing that plan was made from that is no longer so, on this host and for this version.
 */
struct plan_change compile_first_change(const char *venv_path, const struct plan_file *file);

#endif
