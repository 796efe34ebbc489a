/* System calls that probes make, one function each. The same binary runs inside a sandbox and, as
 * the control, outside: a probe that cannot succeed anywhere proves nothing. */
#ifndef SVENV_TESTS_PROBES_CALLS_H
#define SVENV_TESTS_PROBES_CALLS_H

#include <stdbool.h>
#include <stddef.h>

struct call {
    const char *name;
    /* Makes the call, harmlessly should it succeed; words are the probe's own arguments.
     * Return: 0 when the kernel did it, else negative errno. */
    int (*make)(char **words);
    /* The control needs the capabilities of a user namespace: it gets one of its own, with mount,
     * pid, ipc, uts and net namespaces, so that nothing of it reaches the machine. */
    bool caps;
};

extern const struct call namespace_calls[];
extern const struct call process_calls[];
extern const struct call kernel_calls[];
extern const struct call file_calls[];
extern const struct call socket_calls[];

/* Result of a raw system call as 0 or negative errno; a descriptor or number that it gave is
 * forgotten. */
int result_of(long value);

/* Numbers on the command line. Return: the number, or the process ends with status 2. */
long number_of(const char *word);

/* A child that sleeps until end_child(), as the target of a call. */
int start_child(void);
void end_child(int pid);

#endif
