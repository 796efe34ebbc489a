/* The threads of a process, and what each holds. `proc`: a descriptor of /proc, of the host or of a
 * sandbox; `pid`: a name in it. */
#ifndef SVENV_INSIDE_THREAD_INTERNAL_H
#define SVENV_INSIDE_THREAD_INTERNAL_H

#include <stdbool.h>

enum {
    THREAD_PATH_MAX = 48
};

/* thread: its path below /proc, "PID/task/TID". Return: not 0 to stop. */
typedef int thread_fn(void *context, int proc, const char *thread);

/* Calls `fn` for each thread that has not ended, nor is about to. A failure with one that has ended
 * meanwhile is none. Return: 0, what fn returned, or negative errno. */
int thread_each(int proc, const char *pid, thread_fn *fn, void *context);

struct thread_holding {
    const char *path; /* it, or something below it, is looked for: as it is called inside */
    bool closely;     /* also in memory, and descriptors that were sent and not received */
    int mount;        /* for leads() */
    /* Is the descriptor one that no mount closes? */
    bool (*leads)(const struct thread_holding *holding, int fd);
};

/* Does the thread hold the path by a descriptor, its root or working directory? Return: 1, 0, or
 * negative errno: unknown. */
int thread_holds(int proc, const char *thread, const struct thread_holding *holding);

#endif
