/* Brings the two sides of a venv in step, and records how to tell whether they still are. */
#ifndef SVENV_COMPILE_SETTLE_INTERNAL_H
#define SVENV_COMPILE_SETTLE_INTERNAL_H

#include "svenv/base/fd.h"

struct err;
struct policy;
struct venv;

/* The identities of $venv/bin and $venv/sandbox/bin. */
struct venv_sides {
    struct file_id bin;
    struct file_id sandbox_bin;
};

/* Syncs the venv (venv->path) until one sync saw nothing change under it: *out are then the
 * identities of directories that are in step. policy: says which reserved names are published; the
 * user is told of a reserved name that it does not mention. NULL: no policy could be read.
 * Return: 0, or negative errno with *err. */
int settle_venv(struct venv *venv, const struct policy *policy, struct venv_sides *out,
                struct err *err);

#endif
