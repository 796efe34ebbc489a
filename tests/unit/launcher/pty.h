/* A session with a terminal, for a child of a test: who leads one may not have another. */
#ifndef SVENV_TESTS_UNIT_LAUNCHER_PTY_H
#define SVENV_TESTS_UNIT_LAUNCHER_PTY_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(that)                                                                              \
    do {                                                                                           \
        if (!(that))                                                                               \
            return __LINE__ % 250 + 1;                                                             \
    } while (0)

/* On standard input; the caller leads its foreground job. All signals are blocked, as they are in
 * the launcher. Return: the terminal, or -1. */
static inline int take_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int terminal = -1;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || setsid() < 0)
        return -1;
    terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0 || dup2(terminal, STDIN_FILENO) < 0)
        return -1;
    return terminal;
}

static inline pid_t fork_program(bool own_group)
{
    pid_t pid = fork();

    if (pid == 0) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (;;)
            pause();
    }
    if (own_group)
        setpgid(pid, pid);
    return pid;
}

static inline int end_program(pid_t pid, int rc)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return rc;
}

#endif
