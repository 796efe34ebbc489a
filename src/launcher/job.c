/* The caller's shell knows the launcher as its job. A program that leads a process group of its own
 * has left that job; without us it would itself be the job. So the launcher hands on to it what the
 * job gets: the terminal and signals. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/fd.h"

#include "supervise-internal.h"

int job_terminal(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (tcgetpgrp(fd) >= 0)
            return fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    return -1;
}

bool job_is_apart(int program)
{
    return getpgrp() == getpid() && getpgid(program) == program;
}

/* All signals are blocked, so the kernel lets a background process do it, too. */
bool job_hand_terminal(int terminal, int program)
{
    return terminal >= 0 && job_is_apart(program) && tcgetpgrp(terminal) == getpgrp() &&
           tcsetpgrp(terminal, program) == 0;
}

bool job_read_in_vain(int terminal, int program, int stopped_by)
{
    if ((stopped_by != SIGTTIN && stopped_by != SIGTTOU) || !job_hand_terminal(terminal, program))
        return false;
    kill(-program, SIGCONT);
    return true;
}

void job_take_terminal(int terminal, int program)
{
    if (terminal >= 0 && tcgetpgrp(terminal) == program)
        tcsetpgrp(terminal, getpgrp());
}

/* Return: the process group of a process that is stopped, else 0. */
static int stopped_group(long pid)
{
    char path[64], text[512];
    auto_fd int fd = -1;
    ssize_t got = 0;
    const char *name_end = NULL;
    char state = 0;
    int group = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    name_end = strrchr(text, ')'); /* the name may hold any byte, what follows it none */
    if (!name_end || sscanf(name_end, ") %c %*d %d", &state, &group) != 2)
        return 0;
    return state == 'T' ? group : 0;
}

/* The kernel does not do it: pid 1, their parent now, is of their session, so that no group without
 * a shell is an orphan. */
void job_hang_up(int children)
{
    char list[4096];
    ssize_t got = pread(children, list, sizeof(list) - 1, 0);
    char *at = list, *end = NULL;

    list[got > 0 ? got : 0] = '\0';
    for (long pid = strtol(at, &end, 10); end != at; pid = strtol(at, &end, 10)) {
        int group = stopped_group(pid);

        if (group > 1 && group != getpgrp()) {
            kill(-group, SIGHUP);
            kill(-group, SIGCONT);
        }
        at = end;
    }
}
