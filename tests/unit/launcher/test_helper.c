/* How the launcher runs the installed program: the words it gives, the answers it takes, and how
 * long it waits. The program here is installed.c. */
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
#include "svenv/sys/group.h"
#include "svenv/sys/pending.h"

#include "helper-internal.h"

static int ask(const char *stem, const sigset_t *mask, struct err *err)
{
    static const struct cgroup_limits limits = {.memory = 1 << 20, .cpus = 2, .processes = 10};

    return helper_ask_systemd(mask, &limits, stem, 4242, err);
}

Test(helper, answers, .timeout = 120)
{
    static const struct {
        const char *stem;
        int rc;
        const char *msg; /* NULL: another one */
    } rows[] = {
        {"well", 0, ""},
        {"refuses", -EPROTO, "the bus is gone"},
        {"mute", -EPROTO, NULL},
        {"fails", -ECANCELED, "'sandbox-venv internal-scope 4242' failed"},
        {"killed", -ECANCELED, "'sandbox-venv internal-scope 4242' was ended by signal 9"},
        {"coloured", -EPROTO, "\\x1b[31mred"},
        {"words", -EPROTO, "sandbox-venv internal-scope 4242 words 1048576 2 10"},
    };
    sigset_t mask;

    sigemptyset(&mask);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};

        cr_expect_eq(ask(rows[i].stem, &mask, &err), rows[i].rc, "%s: %s", rows[i].stem, err.msg);
        if (rows[i].msg)
            cr_expect_str_eq(err.msg, rows[i].msg);
        else
            cr_expect(err.msg[0] != '\0', "%s", rows[i].stem);
    }
}

Test(helper, a_long_answer_is_cut, .timeout = 120)
{
    struct err err = {0};
    sigset_t mask;

    sigemptyset(&mask);
    cr_expect_eq(ask("much", &mask, &err), -EPROTO);
    cr_expect_eq(strspn(err.msg, "x"), sizeof(err.msg) - 1, "%s", err.msg);
}

Test(helper, only_what_says_where_the_bus_is, .timeout = 120)
{
    struct err err = {0};
    sigset_t mask;

    sigemptyset(&mask);
    setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/a", 1);
    setenv("XDG_RUNTIME_DIR", "/b", 1);
    setenv("LD_PRELOAD_NOT", "evil", 1);
    cr_expect_eq(ask("variables", &mask, &err), -EPROTO);
    cr_expect_str_eq(err.msg, "DBUS_SESSION_BUS_ADDRESS=unix:path=/a XDG_RUNTIME_DIR=/b "
                              "PATH=/usr/local/bin:/usr/bin:/bin");
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("DBUS_SESSION_BUS_ADDRESS");
    cr_expect_eq(ask("variables", &mask, &err), -EPROTO);
    cr_expect_str_eq(err.msg, "PATH=/usr/local/bin:/usr/bin:/bin");
}

/* ^C ends it; ^Z, which would leave the launcher waiting for a stopped child, does not reach it. */
Test(helper, signals_of_the_terminal, .timeout = 120)
{
    static const int open[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    static const int blocked[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1};
    struct err err = {0};
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    cr_expect_eq(ask("mask", &mask, &err), -EPROTO);
    cr_assert_eq(strlen(err.msg), 31, "%s", err.msg);
    for (size_t i = 0; i < ARRAY_SIZE(open); i++)
        cr_expect_eq(err.msg[open[i] - 1], '0', "signal %d: %s", open[i], err.msg);
    for (size_t i = 0; i < ARRAY_SIZE(blocked); i++)
        cr_expect_eq(err.msg[blocked[i] - 1], '1', "signal %d: %s", blocked[i], err.msg);
}

/* --- how long -----------------------------------------------------------------------------------
 */

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

Test(helper, one_that_does_not_end_is_killed, .timeout = 120)
{
    struct err err = {0};

    cr_expect_eq(run_as("silent", -1, -1, 1000, &err), -ETIMEDOUT);
    cr_expect_str_eq(err.msg, "'sandbox-venv internal-x' did not end within 1 seconds");
    cr_expect_eq(waitpid(-1, NULL, 0), -1, "nothing is left of it");
    cr_expect_eq(errno, ECHILD);
}

/* One that blocks the signal, as the launcher does, and waits. Return: what helper_run() does. */
static int end_while_waiting(int number, const char *third, struct err *err)
{
    sigset_t ends, before;
    int rc;

    sigemptyset(&ends);
    sigaddset(&ends, number);
    cr_assert_eq(sigprocmask(SIG_BLOCK, &ends, &before), 0);
    cr_assert_eq(kill(getpid(), number), 0);
    rc = run_as(third, -1, -1, 600000, err);
    cr_expect_eq(pending_end(), number, "it is left for the launcher to die of");
    signal(number, SIG_IGN); /* which drops it */
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}

Test(helper, a_signal_to_end_is_not_kept_waiting, .timeout = 120)
{
    static const int ends[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        cr_expect_eq(end_while_waiting(ends[i], "silent", &err), -EINTR, "%d", ends[i]);
        cr_expect_str_eq(err.msg, "'sandbox-venv internal-x' was not waited for");
        cr_expect_eq(waitpid(-1, NULL, 0), -1, "nothing is left of it");
    }
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

    /* A process that loses its parent becomes a child of the test. */
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    status = kill_launcher(600000);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", (unsigned)status);
    status = kill_launcher(0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
}
