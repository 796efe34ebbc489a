/* Processes of running sandboxes, as /proc shows them. `proc`: a descriptor of /proc; `pid`: a name
 * in it; `thread`: as thread_each() gives it. Where nothing else is said: return 1, 0, or negative
 * errno, of which none means no. */
#ifndef SVENV_INSIDE_PEER_INTERNAL_H
#define SVENV_INSIDE_PEER_INTERNAL_H

/* Is it a program in a sandbox of ours? Those of other containers are none. */
int peer_is_inside(int proc, const char *pid);

/* Does it hold `path`, or something below it, by a descriptor, its working directory or its memory,
 * in a way that no mount closes? `path`: as it is called inside. */
int peer_holds(int proc, const char *thread, const char *path);

#endif
