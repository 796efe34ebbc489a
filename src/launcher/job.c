/* The caller's shell knows the launcher as its job. A program that leads a process group of its own
 * has left that job; without us it would itself be the job. So the launcher hands on to it what the
 * job gets: the terminal and signals. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/num.h"

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

/* Takes the next word off a list with blanks between. Return: it as a number, -1: there is none. */
static int64_t next_number(char **at)
{
    char *word = *at + strspn(*at, " ");
    size_t len = strcspn(word, " ");
    int64_t number = 0;

    *at = word + len + (word[len] != '\0');
    word[len] = '\0';
    return num_parse_i64(word, 0, INT32_MAX, &number) < 0 ? -1 : number;
}

/* Return: the process group of a process that is stopped, else 0. */
static pid_t stopped_group(int64_t pid)
{
    char path[64], text[512];
    auto_fd int fd = -1;
    ssize_t got = 0;
    char *at = NULL;
    int64_t group = 0;

    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    at = strrchr(text, ')'); /* the name may hold any byte, the fields after it none of these */
    if (!at || strncmp(at, ") T ", 4) != 0)
        return 0;
    at += 4;
    next_number(&at); /* the parent */
    group = next_number(&at);
    return group > 1 ? (pid_t)group : 0;
}

/* The kernel does not do it: pid 1, their parent now, is of their session, so that no group without
 * a shell is an orphan. */
void job_hang_up(int children)
{
    char list[4096];
    ssize_t got = pread(children, list, sizeof(list) - 1, 0);
    char *at = list;

    list[got > 0 ? got : 0] = '\0';
    for (int64_t pid = next_number(&at); pid > 0; pid = next_number(&at)) {
        pid_t group = stopped_group(pid);

        if (group > 0 && group != getpgrp()) {
            kill(-group, SIGHUP);
            kill(-group, SIGCONT);
        }
    }
}
