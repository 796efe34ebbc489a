/* The terminal of a program that leads a process group of its own. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "../child.h"
#include "pty.h"

#include "supervise-internal.h"

static int hand_over(int terminal, pid_t program)
{
    int status = 0;

    REQUIRE(job_is_apart(program));
    REQUIRE(tcgetpgrp(terminal) == getpgrp());
    REQUIRE(!job_hand_terminal(-1, program));
    REQUIRE(job_hand_terminal(terminal, program));
    REQUIRE(tcgetpgrp(terminal) == program);
    REQUIRE(!job_hand_terminal(terminal, program)); /* it is not the job's to give now */
    job_take_terminal(terminal, program);
    REQUIRE(tcgetpgrp(terminal) == getpgrp());
    job_take_terminal(terminal, program);
    REQUIRE(tcgetpgrp(terminal) == getpgrp());
    /* Stopped because it read, while its job had the terminal: it goes on, with the terminal. */
    kill(program, SIGSTOP);
    REQUIRE(waitpid(program, &status, WUNTRACED) == program && WIFSTOPPED(status));
    REQUIRE(!job_read_in_vain(terminal, program, SIGTSTP));
    REQUIRE(tcgetpgrp(terminal) == getpgrp());
    REQUIRE(job_read_in_vain(terminal, program, SIGTTIN));
    REQUIRE(tcgetpgrp(terminal) == program);
    REQUIRE(waitpid(program, &status, WCONTINUED) == program && WIFCONTINUED(status));
    /* It has the terminal: whatever it was stopped by is not for us to undo. */
    REQUIRE(!job_read_in_vain(terminal, program, SIGTTOU));
    job_take_terminal(terminal, program);
    return 0;
}

static int own_group(void *arg)
{
    int terminal = take_terminal();
    pid_t program = fork_program(true);

    (void)arg;
    REQUIRE(terminal >= 0);
    return end_program(program, hand_over(terminal, program));
}

Test(job, the_terminal_goes_to_a_group_of_its_own_and_back)
{
    cr_expect_eq(in_child(own_group, NULL), 0);
}

static int same_group(void *arg)
{
    int terminal = take_terminal();
    pid_t program = fork_program(false);
    int rc = 0;

    (void)arg;
    REQUIRE(terminal >= 0);
    if (job_is_apart(program) || job_hand_terminal(terminal, program) ||
        job_read_in_vain(terminal, program, SIGTTIN) || tcgetpgrp(terminal) != getpgrp())
        rc = 1;
    return end_program(program, rc);
}

Test(job, who_is_in_the_job_has_the_terminal_already)
{
    cr_expect_eq(in_child(same_group, NULL), 0);
}

static int find_terminal(void *arg)
{
    int terminal = take_terminal();
    int found = -1;

    (void)arg;
    REQUIRE(terminal >= 0);
    found = job_terminal();
    REQUIRE(found > STDERR_FILENO && tcgetpgrp(found) == getpgrp());
    REQUIRE(fcntl(found, F_GETFD) == FD_CLOEXEC);
    dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
    dup2(STDIN_FILENO, STDOUT_FILENO);
    dup2(STDIN_FILENO, STDERR_FILENO);
    REQUIRE(job_terminal() == -1);
    return 0;
}

Test(job, the_terminal_is_found_among_the_standard_streams)
{
    cr_expect_eq(in_child(find_terminal, NULL), 0);
}
