#ifndef SVENV_LAUNCHER_SUPERVISE_INTERNAL_H
#define SVENV_LAUNCHER_SUPERVISE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <termios.h>

#include "svenv/launch/control.h"

enum {
    SIGNAL_COUNT = 65
};

/* Exactly-once delivery. A caller signals the launcher alone, its process group, or every process
 * of the tree; in the last two cases the program has got the signal already. Pid 1 shares the group
 * and the tree, so what it reports is a credit: a signal that the launcher got with a credit in
 * hand is not forwarded. */
struct relay {
    int control;
    int program;                     /* pid to forward to */
    int terminal;                    /* see job_terminal() */
    unsigned credits[SIGNAL_COUNT];  /* reported by pid 1, not yet matched */
    int64_t credit_ms[SIGNAL_COUNT]; /* when the latest came: old ones lapse */
    unsigned waiting[SIGNAL_COUNT];  /* got by the launcher, not yet matched or forwarded */
    int64_t waiting_until[SIGNAL_COUNT];
};

/* The controlling terminal's settings, when this process is in its foreground. */
struct terminal {
    int fd; /* borrowed; -1: there is nothing to restore */
    struct termios modes;
};

/* fd: the controlling terminal, or -1. */
void terminal_note(int fd, struct terminal *out);
/* For a program that was killed: it could not put back what it had set (no echo, raw). */
void terminal_restore(const struct terminal *terminal);

void relay_signal(struct relay *relay, const struct signalfd_siginfo *info);
/* A message of pid 1. */
void relay_report(struct relay *relay, const struct control_message *message);
/* Forwards what nobody else delivered. Return: milliseconds until the next look, -1: nothing waits.
 */
int relay_due(struct relay *relay);

/* The caller's controlling terminal, when it is among the standard streams: a descriptor to close,
 * or -1. */
int job_terminal(void);
/* Does the program lead a group of its own, while the launcher leads the caller's job? */
bool job_is_apart(int program);
/* Gives the terminal to such a program when the job has it. */
bool job_hand_terminal(int terminal, int program);
/* The same, when the kernel stopped the program because it seemed to be in the background; it goes
 * on. Return: was it that? */
bool job_read_in_vain(int terminal, int program, int stopped_by);
/* The terminal goes back from the ended program's group to the launcher's. */
void job_take_terminal(int terminal, int program);

/* Reads messages until one of `kind` or `timeout_ms`; reports among them go to relay. Return: its
 * value, or negative errno. */
int control_wait(struct relay *relay, enum control_kind kind, int timeout_ms);
int control_say(int control, enum control_kind kind, uint32_t value);

#endif
