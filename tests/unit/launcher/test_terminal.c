/* The terminal after a program that was killed: as it was before, when it is ours to set. */
#include <criterion/criterion.h>
#include <string.h>

#include "../child.h"
#include "pty.h"

#include "supervise-internal.h"

/* No echo, no lines: what a password prompt or an editor leaves. */
static int spoil(int terminal)
{
    struct termios modes;

    if (tcgetattr(terminal, &modes) < 0)
        return -1;
    modes.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    return tcsetattr(terminal, TCSANOW, &modes);
}

static bool is_spoilt(int terminal)
{
    struct termios modes;

    return tcgetattr(terminal, &modes) == 0 && (modes.c_lflag & (ECHO | ICANON | ISIG)) == 0;
}

static int killed_program(void *arg)
{
    int terminal = take_terminal();
    struct terminal noted;

    (void)arg;
    REQUIRE(terminal >= 0);
    terminal_note(terminal, &noted);
    REQUIRE(noted.fd == terminal);
    REQUIRE(spoil(terminal) == 0 && is_spoilt(terminal));
    terminal_restore(&noted);
    REQUIRE(!is_spoilt(terminal));
    return 0;
}

Test(terminal, is_put_back)
{
    cr_expect_eq(in_child(killed_program, NULL), 0);
}

/* The program's group had the terminal, and has ended with it. */
static int ended_group(void *arg)
{
    int terminal = take_terminal();
    pid_t program = fork_program(true);
    struct terminal noted;

    (void)arg;
    REQUIRE(terminal >= 0);
    terminal_note(terminal, &noted);
    REQUIRE(tcsetpgrp(terminal, program) == 0);
    REQUIRE(spoil(terminal) == 0);
    end_program(program, 0);
    terminal_restore(&noted);
    REQUIRE(!is_spoilt(terminal));
    return 0;
}

Test(terminal, is_put_back_after_a_group_that_has_ended)
{
    cr_expect_eq(in_child(ended_group, NULL), 0);
}

/* The user has put ours into the background and works in an editor. */
static int other_job(void *arg)
{
    int terminal = take_terminal();
    pid_t editor = fork_program(true);
    struct terminal noted;

    (void)arg;
    REQUIRE(terminal >= 0);
    terminal_note(terminal, &noted);
    REQUIRE(tcsetpgrp(terminal, editor) == 0);
    REQUIRE(spoil(terminal) == 0);
    terminal_restore(&noted);
    if (!is_spoilt(terminal))
        return end_program(editor, 1);
    /* and a start in the background has nothing to note */
    terminal_note(terminal, &noted);
    return end_program(editor, noted.fd == -1 ? 0 : 2);
}

Test(terminal, of_another_job_is_left_alone)
{
    cr_expect_eq(in_child(other_job, NULL), 0);
}

static int no_terminal(void *arg)
{
    struct terminal noted = {.fd = 7};
    int ends[2];

    (void)arg;
    REQUIRE(pipe(ends) == 0);
    terminal_note(-1, &noted);
    REQUIRE(noted.fd == -1);
    terminal_note(ends[0], &noted);
    REQUIRE(noted.fd == -1);
    terminal_restore(&noted);
    return 0;
}

Test(terminal, none_is_nothing_to_put_back)
{
    cr_expect_eq(in_child(no_terminal, NULL), 0);
}
