/* Signals on their way to the program; signals.c says what becomes of each. */
#ifndef SVENV_LAUNCHER_SIGNALS_INTERNAL_H
#define SVENV_LAUNCHER_SIGNALS_INTERNAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "svenv/launch/control.h"

enum {
    SIGNAL_COUNT = 65,
    HELD_MAX = 64
};

/* A signal that this process got and of which it is not known yet whether the program has it, too.
 * It begins as HELD_ASKED, goes down the list, and leaves it anywhere; signals.c moves it.
 *
 *   HELD_ASKED    pid 1 was asked what its group got. At its answer, or after HANDSHAKE_MS: dropped
 *                 when the group got it, when it is not for forwarding or the program is gone;
 *                 handed on at once to a program that has left the job; else HELD_WAITING.
 *   HELD_WAITING  a sender of one signal per process may come to pid 1 later than to us. Dropped
 *                 when pid 1 reports it; after GRACE_MS HELD_LAST.
 *   HELD_LAST     pid 1 was asked once more: it may have got its copy and no processor yet. Dropped
 *                 when it reports it; forwarded at its answer, or after HANDSHAKE_MS.
 */
enum held_state {
    HELD_ASKED,
    HELD_WAITING,
    HELD_LAST
};

struct held {
    enum held_state state;
    unsigned number;
    bool for_forwarding; /* it came from somebody outside who may have meant this process alone */
    bool from_program;
    uint32_t asked; /* number of the question that settles it */
    int64_t due_ms;
};

struct signals {
    int control;                /* to pid 1; -1: it is gone */
    int program;                /* who gets them; 0: it has ended */
    int terminal;               /* see job_terminal() */
    uint32_t asked;             /* number of the last question to pid 1 */
    struct held held[HELD_MAX]; /* in the order in which they came */
    size_t held_count;
    unsigned credits[SIGNAL_COUNT];  /* reported by pid 1, not yet matched */
    int64_t credit_ms[SIGNAL_COUNT]; /* when the latest came: old ones lapse */
};

/* Can one more be held? Otherwise the kernel is to keep them. */
bool signals_have_room(const struct signals *signals);
/* One that was read. Any but SIGCHLD, while there is room; to be followed by signals_ask(). */
void signals_got(struct signals *signals, const struct signalfd_siginfo *info);
/* Asks pid 1 about all that were got since the last time, if there are any. */
void signals_ask(struct signals *signals, int64_t now_ms);
/* A message of pid 1. */
void signals_report(struct signals *signals, const struct control_message *message, int64_t now_ms);
/* Does what is due. */
void signals_pass(struct signals *signals, int64_t now_ms);
/* When that will be again; 0: nothing is held. */
int64_t signals_due(const struct signals *signals);
/* The program has ended, or pid 1 has. */
void signals_forget_program(struct signals *signals);
void signals_forget_control(struct signals *signals);

/* The program was stopped by `number`: stops this process with it, where that is for us to do. */
void signals_stop_with(struct signals *signals, int number);

/* To pid 1, without waiting. Return: 0 or negative errno. */
int control_say(int control, enum control_kind kind, uint32_t value);

#endif
