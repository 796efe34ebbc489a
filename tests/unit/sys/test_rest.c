/* The long wait: events are noticed as by poll(2), and memory is given back meanwhile. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/sys/rest.h"

enum {
    LONG_MS = 250, /* longer than the moment before the rest */
    TRIES = 400,
    TRY_US = 25000
};

static void say_after(int fd, int wait_ms)
{
    if (fork() == 0) {
        usleep((useconds_t)wait_ms * 1000);
        _exit(write(fd, "x", 1) != 1);
    }
}

Test(rest, an_event_is_noticed_before_and_during_the_rest, .timeout = 60)
{
    static const int waits_ms[] = {0, LONG_MS};

    for (size_t i = 0; i < 2; i++) {
        int ends[2];
        struct pollfd fd = {.events = POLLIN};
        char byte = 0;

        cr_assert_eq(pipe(ends), 0);
        fd.fd = ends[0];
        say_after(ends[1], waits_ms[i]);
        cr_expect_eq(rest_poll(&fd, 1, -1), 1);
        cr_expect_eq(fd.revents, POLLIN);
        cr_expect_eq(read(ends[0], &byte, 1), 1);
        wait(NULL);
        close(ends[0]);
        close(ends[1]);
    }
}

Test(rest, no_event_takes_the_time_that_was_given, .timeout = 60)
{
    static const int waits_ms[] = {0, 20, LONG_MS};

    for (size_t i = 0; i < 3; i++) {
        int64_t begin = clock_ms();

        cr_expect_eq(rest_poll(NULL, 0, waits_ms[i]), 0);
        cr_expect_geq(clock_ms() - begin, waits_ms[i]);
    }
}

static void ignore(int number)
{
    (void)number;
}

Test(rest, a_signal_and_a_refusal_are_errors, .timeout = 60)
{
    struct sigaction action = {.sa_handler = ignore};

    cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
    ualarm(LONG_MS * 1000, LONG_MS * 1000); /* during the rest; again, should it be slow to begin */
    cr_expect_eq(rest_poll(NULL, 0, -1), -EINTR);
    ualarm(0, 0);
    cr_expect_eq(rest_poll(NULL, UINT_MAX, 0), -EINVAL);
}

/* Kilobytes of this program's code that a process has in memory. */
static int code_of(pid_t pid)
{
    char path[64], line[512];
    bool code = false;
    int sum = 0, kb = 0;
    FILE *file = NULL;

    snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
    file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file)) {
        if (strstr(line, " r-xp ") || strstr(line, " rw-p ") || strstr(line, " r--p ") ||
            strstr(line, "---p "))
            code = strstr(line, " r-xp ") && strstr(line, "test-sys-rest");
        else if (code && sscanf(line, "Rss: %d", &kb) == 1)
            sum += kb;
    }
    fclose(file);
    return sum;
}

/* Control: the same process before its rest. */
Test(rest, code_is_given_back_while_nothing_comes, .timeout = 60)
{
    int begin[2], before = 0, now = 0;
    pid_t child;

    cr_assert_eq(pipe(begin), 0);
    child = fork();
    if (child == 0) {
        char byte = 0;

        _exit(read(begin[0], &byte, 1) == 1 ? rest_poll(NULL, 0, -1) : 1);
    }
    for (int i = 0; i < TRIES && (before == 0 || before != now); i++) { /* it reads by now */
        before = now;
        usleep(TRY_US);
        now = code_of(child);
    }
    cr_expect_eq(write(begin[1], "x", 1), 1);
    for (int i = 0; i < TRIES && code_of(child) > 4; i++)
        usleep(TRY_US);
    cr_expect_gt(before, 4);
    cr_expect_leq(code_of(child), 4);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}
