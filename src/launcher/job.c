/* The caller's shell knows the launcher as its job. A program that leads a process group of its own
 * has left that job; without us it would itself be the job. So the launcher hands on to it what the
 * job gets: the terminal and signals. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

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
