/* How the launcher runs the installed program: what it gives, takes, and how long it waits. The
 * program here is installed.c. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/str.h"

#include "helper-internal.h"

static int run_as(const char *third, int file, int answer, int patience_ms, struct err *err)
{
    const char *const words[] = {"sandbox-venv", "internal-x", "y", third, NULL};
    auto_strv struct strv env = {0};
    sigset_t mask;

    sigemptyset(&mask);
    return helper_run(&(struct helper){.words = words,
                                       .env = &env,
                                       .file = file,
                                       .answer = answer,
                                       .patience_ms = patience_ms,
                                       .mask = &mask},
                      err);
}

Test(helper, statuses, .timeout = 120)
{
    static const struct {
        const char *what;
        int rc;
        const char *msg;
    } rows[] = {
        {"well", 0, ""},
        {"mute", -ECANCELED, ""},
        {"fails", -ECANCELED, "'sandbox-venv internal-x y' failed"},
        {"killed", -ECANCELED, "'sandbox-venv internal-x y' was ended by signal 9"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};

        cr_expect_eq(run_as(rows[i].what, -1, -1, 0, &err), rows[i].rc, "%s", rows[i].what);
        cr_expect_str_eq(err.msg, rows[i].msg);
    }
}

/* ^Z does not reach it, which would leave the launcher waiting for a stopped child. */
Test(helper, signals_of_the_terminal, .timeout = 120)
{
    static const int open[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    static const int blocked[] = {SIGTSTP, SIGTTIN, SIGTTOU};
    char told[64] = "";
    int ends[2];

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_expect_eq(run_as("mask", -1, ends[1], 0, NULL), -ECANCELED);
    cr_assert_eq(read(ends[0], told, sizeof(told) - 1), 31, "%s", told);
    for (size_t i = 0; i < ARRAY_SIZE(open); i++)
        cr_expect_eq(told[open[i] - 1], '0', "signal %d: %s", open[i], told);
    for (size_t i = 0; i < ARRAY_SIZE(blocked); i++)
        cr_expect_eq(told[blocked[i] - 1], '1', "signal %d: %s", blocked[i], told);
    close(ends[0]);
    close(ends[1]);
}

Test(helper, one_that_does_not_end_is_killed, .timeout = 120)
{
    struct err err = {0};

    cr_expect_eq(run_as("silent", -1, -1, 1000, &err), -ETIMEDOUT);
    cr_expect_str_eq(err.msg, "'sandbox-venv internal-x' did not end within 1 seconds");
    cr_expect_eq(waitpid(-1, NULL, 0), -1, "nothing is left of it");
    cr_expect_eq(errno, ECHILD);
}

/* A launcher of its own, which is killed while it waits. Return: status of the helper. */
static int kill_launcher(int patience_ms)
{
    int told[2], file[2], status = 0;
    char text[16] = "";
    int64_t helper = 0;
    pid_t launcher;

    cr_assert_eq(pipe2(told, O_CLOEXEC), 0);
    cr_assert_eq(pipe2(file, O_CLOEXEC), 0);
    launcher = fork();
    if (launcher == 0)
        _exit(run_as("waits", file[0], told[1], patience_ms, NULL) < 0);
    cr_assert(read(told[0], text, sizeof(text) - 1) > 0);
    text[strcspn(text, "\n")] = '\0';
    cr_assert_eq(num_parse_i64(text, 1, INT32_MAX, &helper), 0, "'%s'", text);
    kill(launcher, SIGKILL);
    cr_assert_eq(waitpid(launcher, NULL, 0), launcher);
    cr_assert_eq(write(file[1], "go\n", 3), 3);
    cr_assert_eq(waitpid((pid_t)helper, &status, 0), (pid_t)helper);
    for (size_t i = 0; i < 2; i++) {
        close(told[i]);
        close(file[i]);
    }
    return status;
}

Test(helper, a_bounded_one_ends_with_the_launcher, .timeout = 120)
{
    int status;

    /* What loses its parent becomes a child of the test. */
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    status = kill_launcher(600000);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", (unsigned)status);
    status = kill_launcher(0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
}
