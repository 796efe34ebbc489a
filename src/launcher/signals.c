/* Passes signals to the program, each exactly once. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/clock.h"

#include "supervise-internal.h"

enum {
    GRACE_MS = 15,       /* a signaller of the tree reaches the next process within this */
    CREDIT_MS = 300,     /* after this a report belongs to no signal that is still under way */
    HANDSHAKE_MS = 1000, /* pid 1 answers at once unless it is stopped with the group */
};

int control_say(int control, enum control_kind kind, uint32_t value)
{
    struct control_message message = {.kind = kind, .value = value};

    return send(control, &message, sizeof(message), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int control_wait(struct relay *relay, enum control_kind kind, int timeout_ms)
{
    int64_t end = clock_ms() + timeout_ms;

    while (relay->control >= 0) {
        struct pollfd fd = {.fd = relay->control, .events = POLLIN};
        struct control_message message;
        int64_t left = end - clock_ms();

        if (left < 0 || poll(&fd, 1, (int)left) <= 0)
            return -ETIMEDOUT;
        if (recv(relay->control, &message, sizeof(message), 0) != (ssize_t)sizeof(message))
            return -EPIPE;
        if (message.kind == kind)
            return (int)message.value;
        relay_report(relay, &message);
    }
    return -EPIPE;
}

void relay_report(struct relay *relay, const struct control_message *message)
{
    unsigned number = message->value;

    if (message->kind != CONTROL_SIGNAL || number >= SIGNAL_COUNT)
        return;
    if (relay->waiting[number] > 0) {
        relay->waiting[number]--;
        return;
    }
    relay->credits[number]++;
    relay->credit_ms[number] = clock_ms();
}

/* After this every member of the group has its copy of a signal that this process got through the
 * group: kill(2) delivers to a group under the kernel's task list lock, which setpgid(2) takes for
 * writing even when it changes nothing. Pid 1's answer then tells about all of them. */
static void settle(struct relay *relay)
{
    setpgid(0, getpgrp());
    if (control_say(relay->control, CONTROL_PING, 0) == 0)
        control_wait(relay, CONTROL_PONG, HANDSHAKE_MS);
}

static bool take_credit(struct relay *relay, unsigned number)
{
    if (relay->credits[number] > 0 && clock_ms() - relay->credit_ms[number] > CREDIT_MS)
        relay->credits[number] = 0;
    if (relay->credits[number] == 0)
        return false;
    relay->credits[number]--;
    return true;
}

/* What the job got reaches nobody but us, whether by the terminal, the group or the pid. */
static void hand_on(struct relay *relay, const struct signalfd_siginfo *info)
{
    if ((int)info->ssi_pid == relay->program)
        return;
    if (info->ssi_signo == SIGCONT)
        job_hand_terminal(relay->terminal, relay->program);
    kill(relay->program, (int)info->ssi_signo);
}

void relay_signal(struct relay *relay, const struct signalfd_siginfo *info)
{
    unsigned number = info->ssi_signo;
    bool is_the_groups;

    if (number == SIGCHLD || number >= SIGNAL_COUNT)
        return;
    settle(relay);
    is_the_groups = take_credit(relay, number);
    if (job_is_apart(relay->program)) {
        hand_on(relay, info);
        return;
    }
    if (is_the_groups)
        return;
    /* From the terminal or the kernel it goes to the whole group; from the program it was its own
     * group that it meant. Neither is for forwarding. */
    if (info->ssi_code == SI_KERNEL || (int)info->ssi_pid == relay->program)
        return;
    relay->waiting[number]++;
    relay->waiting_until[number] = clock_ms() + GRACE_MS;
}

int relay_due(struct relay *relay)
{
    int64_t now = clock_ms();
    bool settled = false;
    int next = -1;

    for (unsigned number = 1; number < SIGNAL_COUNT; number++) {
        int64_t left = relay->waiting_until[number] - now;

        if (relay->waiting[number] == 0)
            continue;
        if (left > 0) {
            next = next < 0 || left < next ? (int)left : next;
            continue;
        }
        /* Pid 1 may have got its copy and no processor yet. */
        if (!settled)
            settle(relay);
        settled = true;
        for (; relay->waiting[number] > 0; relay->waiting[number]--)
            kill(relay->program, (int)number);
    }
    return next;
}
