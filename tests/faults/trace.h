/* The kernel's side of tracing: names for processes, and one system call made into another. */
#ifndef SVENV_TESTS_FAULTS_TRACE_H
#define SVENV_TESTS_FAULTS_TRACE_H

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>

enum {
    NAME_SIZE = 32,
    TRACEES_MAX = 64
};

struct tracee {
    pid_t pid;            /* 0: a free slot */
    char name[NAME_SIZE]; /* "" until the stop of its parent that tells whose child it is */
    int generation;       /* execs since it was started; -1 before the first */
    int children;
    bool waits;     /* stopped and to go on when it has a name */
    int fails_with; /* what the call that it is in is to return */
};

extern struct tracee tracees[TRACEES_MAX];

/* Starts the command, traced from its exec on. Return: its pid, or -1 with errno. */
pid_t trace_start(char **argv);

/* The process with this pid; a new one when it was never seen. */
struct tracee *trace_find(pid_t pid);
void trace_forget(pid_t pid);

/* Call it when a process was killed that may have had a child whose name it did not live to tell:
 * the child goes on, and so does every process that comes without a name from now on. */
void trace_release_unnamed(void);

/* At the stop of a parent that has just made a child. */
void trace_name_child(struct tracee *parent);

/* Goes on to the next system call, with a signal or 0. */
void trace_go_on(struct tracee *t, int number);
/* At PTRACE_EVENT_STOP: the first stop of a child, or a stop of job control, which stays one. */
void trace_go_on_or_stop(struct tracee *t, int number);
void trace_let_go(struct tracee *t);

/* At a stop for a system call: its number when it is about to be made, -1 when it was. */
long trace_entry(pid_t pid);
/* Another call in its place. */
void trace_replace(pid_t pid, long number);
/* After it: the result. */
void trace_fail(pid_t pid, int code);

#endif
