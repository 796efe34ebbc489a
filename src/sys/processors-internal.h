#ifndef SVENV_SYS_PROCESSORS_INTERNAL_H
#define SVENV_SYS_PROCESSORS_INTERNAL_H

#include <sched.h>
#include <sys/types.h>

/* Lets a process run on `own` again. The kernel remembers the set that was asked for, and holds to
 * it when it has more processors to give later (cpuset(7), hotplug). So a process that had all of
 * them asks for all that there can ever be, as if nobody had asked; only a narrower set was
 * somebody's wish.
 * Return: 0 or negative errno. */
int processors_give_back(pid_t pid, const cpu_set_t *own);

#endif
