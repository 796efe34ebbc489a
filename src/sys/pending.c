/* Signals that ask this process to end, and wait because it blocks them. */
#include "svenv/sys/pending.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static const int pending_ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

#define ENDS (sizeof(pending_ends) / sizeof(pending_ends[0]))

int pending_end(void)
{
    sigset_t pending;

    if (sigpending(&pending) < 0)
        return 0;
    for (size_t i = 0; i < ENDS; i++) {
        if (sigismember(&pending, pending_ends[i]) == 1)
            return pending_ends[i];
    }
    return 0;
}

int pending_end_open(void)
{
    sigset_t ends;
    int fd;

    sigemptyset(&ends);
    for (size_t i = 0; i < ENDS; i++)
        sigaddset(&ends, pending_ends[i]);
    fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}
