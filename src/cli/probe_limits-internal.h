/* Can this machine hold a sandbox to limits that need a control group? Asked by making one. */
#ifndef SVENV_CLI_PROBE_LIMITS_INTERNAL_H
#define SVENV_CLI_PROBE_LIMITS_INTERNAL_H

#include <stdbool.h>

#include "svenv/sys/group.h"

struct err;
struct plan_file;

/* Has a process that does nothing held to the limits for a moment. Return: 0 with how that was done
 * here, or negative errno with *err that says why it can't be and the cure. */
int probe_group(const struct cgroup_limits *limits, enum group_way *way_out, struct err *err);

/* The same for the limits of every kind of start that has any; GROUP_NONE: none has. *err begins
 * with the key and where it was set. */
int probe_limits(const struct plan_file *file, enum group_way *way_out, struct err *err);

/* Is the caller the system's root? The kernel lets that one have more processes than
 * RLIMIT_NPROC says (getrlimit(2)). */
bool probe_root_exempt(void);

#endif
