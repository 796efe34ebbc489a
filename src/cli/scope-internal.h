/* A struct group_asker that asks in this process, on the bus that the environment names. */
#ifndef SVENV_CLI_SCOPE_INTERNAL_H
#define SVENV_CLI_SCOPE_INTERNAL_H

#include <sys/types.h>

struct cgroup_limits;
struct err;

int scope_ask_systemd(const void *unused, const struct cgroup_limits *limits, const char *stem,
                      pid_t pid, struct err *err);

#endif
