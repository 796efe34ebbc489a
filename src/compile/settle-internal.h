/* The two sides of a venv in step, and what tells whether they still are. */
#ifndef SVENV_COMPILE_SETTLE_INTERNAL_H
#define SVENV_COMPILE_SETTLE_INTERNAL_H

struct err;
struct plan_file;
struct policy;
struct venv;

/* Syncs the venv (venv->path) until one sync saw nothing change under it, and records the
 * identities of both directories in *file: they are then those of directories that are in step.
 * policy: says which reserved names are published, and where it says nothing of one the user is
 * told; NULL: there is none that could be read. Return: 0, or negative errno with *err. */
int settle_venv(struct plan_file *file, struct venv *venv, const struct policy *policy,
                struct err *err);

#endif
