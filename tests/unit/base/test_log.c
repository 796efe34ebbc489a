#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/log.h"

#include "../child.h"

static int say(void *arg)
{
    const int *out = arg;
    struct err err = {0};
    char big[10000];

    if (dup2(*out, STDERR_FILENO) < 0)
        return 1;
    errno = EBUSY;
    log_line("a %s b", "\x1b[2J\n");
    err_at(&err, "f.yaml", 2, 3, "no");
    log_err(&err);
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    log_line("%s", big);
    return errno == EBUSY ? 0 : 2;
}

Test(log, lines)
{
    auto_buf struct buf got = {0};
    int ends[2];

    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_eq(in_child(say, &ends[1]), 0);
    close(ends[1]);
    cr_assert_eq(fd_read_all(ends[0], 65536, &got), 0);
    close(ends[0]);
    cr_expect(str_starts(got.data, "sandbox-venv: a \\x1b[2J\\x0a b\n"
                                   "sandbox-venv: f.yaml:2:3: no\nsandbox-venv: xxx"));
    cr_expect(str_ends(got.data, "x...\n"));
    cr_expect_lt(got.len, 5000);
}
