/* Signals: the program gets each exactly once, however it was sent, and what stops it stops us.
 *
 * ^C and ^\   The terminal signals its foreground group, which is the program, pid 1 and this
 *             process. The program has it, so nothing is forwarded. This process ends when the
 *             program does, as it did. A start that waits for systemd ends, and dies of it.
 * ^Z          The same, and the program stops. The kernel tells us that it did (SIGCHLD), and this
 *             process stops itself by the same signal, so the shell sees its job stopped. The same
 *             happens to a background job that the kernel stops at the terminal.
 * fg and bg   The shell continues the group: this process, and the program by itself.
 * kill PID    of the stub: nobody else got it. Pid 1 is asked, and after 15 milliseconds without a
 *             report of its own the signal is forwarded. SIGKILL cannot be caught: pid 1 dies with
 *             this process, and the kernel kills everything in the sandbox. SIGSTOP stops this
 *             process alone; SIGCONT is forwarded like any other.
 * kill -PGID  the group: the program has it. Pid 1 shares the group and reports its own copy, which
 *             is a credit: a signal that this process got with a credit in hand is dropped.
 * the tree    A program that signals every process, one after the other (psutil, IDEs), comes to
 *             pid 1, too, before us or after us: this is the reason for the 15 milliseconds. A
 *             credit lapses after 300.
 *
 * A program that leads a process group of its own (an interactive shell) has left the job that the
 * caller's shell knows. Nobody else then gets the signals of this process, so each is handed on at
 * once, whoever sent it, and with SIGCONT the terminal (job.c).
 *
 * The program means its own group, as it sees that, when it signals its group or process 0: such a
 * signal is not sent back to it. */
#include "signals-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervise-internal.h"

enum {
    GRACE_MS = 15,       /* a signaller of the tree reaches the next process within this */
    CREDIT_MS = 300,     /* after this a report belongs to no signal that is still under way */
    HANDSHAKE_MS = 1000, /* pid 1 answers at once unless it is stopped with the group */
};

int control_say(int control, enum control_kind kind, uint32_t value)
{
    struct control_message message = {.kind = kind, .value = value};

    return send(control, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

bool signals_have_room(const struct signals *signals)
{
    return signals->held_count < HELD_MAX;
}

static void drop_held(struct signals *signals, size_t at)
{
    struct held *held = &signals->held[at];

    signals->held_count--;
    memmove(held, held + 1, (signals->held_count - at) * sizeof(*held));
}

static void forward_held(const struct signals *signals, const struct held *held)
{
    if (signals->program > 0)
        kill(signals->program, (int)held->number);
}

/* Hands on a signal of the job: whether it came by the terminal, the group or the pid, only we got
 * it. */
static void hand_on(const struct signals *signals, const struct held *held)
{
    if (held->from_program)
        return;
    if (held->number == SIGCONT)
        job_hand_terminal(signals->terminal, signals->program);
    forward_held(signals, held);
}

static bool take_credit(struct signals *signals, unsigned number, int64_t now_ms)
{
    if (now_ms - signals->credit_ms[number] > CREDIT_MS)
        signals->credits[number] = 0;
    if (signals->credits[number] == 0)
        return false;
    signals->credits[number]--;
    return true;
}

/* Pid 1 has said all that it got before it was asked about this one, or does not answer. Return:
 * does it stay? */
static bool decide_held(struct signals *signals, struct held *held, int64_t now_ms)
{
    bool is_the_groups = take_credit(signals, held->number, now_ms);

    if (signals->program <= 0)
        return false;
    if (job_is_apart(signals->program)) {
        hand_on(signals, held);
        return false;
    }
    if (is_the_groups || !held->for_forwarding)
        return false;
    held->state = HELD_WAITING;
    held->due_ms = now_ms + GRACE_MS;
    return true;
}

/* Those whose question has been answered, up to number `answered`. */
static void settle_held(struct signals *signals, uint32_t answered, int64_t now_ms)
{
    for (size_t i = 0; i < signals->held_count;) {
        struct held *held = &signals->held[i];
        bool stays = true;

        if (held->state != HELD_WAITING && (int32_t)(answered - held->asked) >= 0) {
            stays = held->state == HELD_ASKED && decide_held(signals, held, now_ms);
            if (held->state == HELD_LAST)
                forward_held(signals, held);
        }
        if (stays)
            i++;
        else
            drop_held(signals, i);
    }
}

/* After this every member of the group has its copy of a signal that this process got through the
 * group: kill(2) delivers to a group under the kernel's task list lock, which setpgid(2) takes for
 * writing even when it changes nothing. Pid 1's answer then tells about all of them. */
static void ask_pid_1(struct signals *signals, int64_t now_ms)
{
    signals->asked++;
    setpgid(0, getpgrp());
    if (control_say(signals->control, CONTROL_PING, signals->asked) < 0)
        settle_held(signals, signals->asked, now_ms);
}

void signals_got(struct signals *signals, const struct signalfd_siginfo *info)
{
    bool from_program = signals->program > 0 && (int)info->ssi_pid == signals->program;

    if (info->ssi_signo == SIGCHLD || info->ssi_signo >= SIGNAL_COUNT ||
        !signals_have_room(signals))
        return;
    /* A signal from the terminal or the kernel goes to the whole group; the program meant its own
     * group. Neither is for forwarding. */
    signals->held[signals->held_count++] =
        (struct held){.state = HELD_ASKED,
                      .number = info->ssi_signo,
                      .for_forwarding = info->ssi_code != SI_KERNEL && !from_program,
                      .from_program = from_program,
                      .asked = signals->asked + 1};
}

void signals_ask(struct signals *signals, int64_t now_ms)
{
    bool new = false;

    for (size_t i = 0; i < signals->held_count; i++) {
        struct held *held = &signals->held[i];

        if (held->state != HELD_ASKED || held->due_ms)
            continue;
        held->due_ms = now_ms + HANDSHAKE_MS;
        new = true;
    }
    if (new)
        ask_pid_1(signals, now_ms);
}

static void take_report(struct signals *signals, unsigned number, int64_t now_ms)
{
    for (size_t i = 0; i < signals->held_count; i++) {
        if (signals->held[i].number == number && signals->held[i].state != HELD_ASKED) {
            drop_held(signals, i);
            return;
        }
    }
    signals->credits[number]++;
    signals->credit_ms[number] = now_ms;
}

void signals_report(struct signals *signals, const struct control_message *message, int64_t now_ms)
{
    if (message->kind == CONTROL_SIGNAL && message->value < SIGNAL_COUNT)
        take_report(signals, message->value, now_ms);
    else if (message->kind == CONTROL_PONG && (int32_t)(signals->asked - message->value) >= 0)
        settle_held(signals, message->value, now_ms);
}

void signals_pass(struct signals *signals, int64_t now_ms)
{
    uint32_t unanswered = signals->asked;
    bool late = false;
    bool last = false;

    for (size_t i = 0; i < signals->held_count; i++) {
        struct held *held = &signals->held[i];

        if (!held->due_ms || held->due_ms > now_ms)
            continue;
        if (held->state == HELD_WAITING) {
            *held = (struct held){.state = HELD_LAST,
                                  .number = held->number,
                                  .asked = signals->asked + 1,
                                  .due_ms = now_ms + HANDSHAKE_MS};
            last = true;
        } else if (!late || (int32_t)(held->asked - unanswered) > 0) {
            unanswered = held->asked;
            late = true;
        }
    }
    if (late)
        settle_held(signals, unanswered, now_ms);
    if (last)
        ask_pid_1(signals, now_ms);
}

int64_t signals_due(const struct signals *signals)
{
    int64_t due_ms = 0;

    for (size_t i = 0; i < signals->held_count; i++) {
        if (!due_ms || signals->held[i].due_ms < due_ms)
            due_ms = signals->held[i].due_ms;
    }
    return due_ms;
}

void signals_forget_program(struct signals *signals)
{
    signals->program = 0;
    signals->held_count = 0;
}

/* Nobody answers any more. */
void signals_forget_control(struct signals *signals)
{
    signals->control = -1;
    for (size_t i = 0; i < signals->held_count; i++) {
        if (signals->held[i].state != HELD_WAITING)
            signals->held[i].due_ms = 1;
    }
}

/* Were we stopped as well, and continued since? Then the sender that continues every process of the
 * tree gets to the program next, or we forward the signal. */
static bool is_continued(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

/* By the same signal, so that the shell sees what it would see unwrapped. SIGCONT to the group
 * continues the program, too; SIGCONT to this process alone is forwarded. */
static void stop_by(int number)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, number);
    if (number == SIGSTOP) {
        raise(SIGSTOP);
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, &old);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

void signals_stop_with(struct signals *signals, int number)
{
    if (!is_continued() && !job_read_in_vain(signals->terminal, signals->program, number))
        stop_by(number);
}
