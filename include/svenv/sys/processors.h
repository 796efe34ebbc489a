/* On which processors a process may run (sched_setaffinity(2)). */
#ifndef SVENV_SYS_PROCESSORS_H
#define SVENV_SYS_PROCESSORS_H

#include <sys/types.h>

/* Has a process that was just forked begin on another processor than the caller's, where the caller
 * may use more than one: otherwise it often waits there until the caller sleeps. Afterwards it may
 * run wherever the caller may; until then it must not fork.
 * Return: 0, also when the process could not be moved, or negative errno: the process is still kept
 * from some processors. */
int processors_apart(pid_t pid);

#endif
