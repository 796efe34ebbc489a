#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/history.h"
#include "svenv/find/state.h"
#include "svenv/find/user.h"

static const struct {
    const char *before, *after, *want;
} rows[] = {
    {"", "", ""},
    {"a\nb\n", "a\nb\n", ""},
    {"a\n", "b\n", "-a\n+b\n"},
    {"a\nb\nc\n", "a\nc\n", "-b\n"},
    {"a\nc\n", "a\nb\nc\n", "+b\n"},
    {"x:\n  a: 1\n  b: 2\n", "x:\n  a: 1\n  b: 3\n", " x:\n-  b: 2\n+  b: 3\n"},
    /* one heading for several lines, and a heading that is new itself */
    {"x:\n  a: 1\n  b: 1\n", "x:\n  a: 2\n  b: 2\n", " x:\n-  a: 1\n-  b: 1\n+  a: 2\n+  b: 2\n"},
    {"x: 1\n", "x: 1\ny:\n  l:\n    - i\n", "+y:\n+  l:\n+    - i\n"},
    {"x:\n  l:\n    - a\n    - c\nz:\n  k: 1\n",
     "x:\n  l:\n    - a\n    - b\n    - c\nz:\n  k: 2\n",
     " x:\n   l:\n+    - b\n z:\n-  k: 1\n+  k: 2\n"},
};

Test(history, differences)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_buf struct buf out = {0};

        buf_add(&out, "", 0);
        history_diff(rows[i].before, rows[i].after, &out);
        cr_expect_str_eq(out.data, rows[i].want, "%zu:\n%s", i, out.data);
    }
}

/* Too long to be compared line by line, and still told. */
Test(history, long_texts, .timeout = 30)
{
    auto_buf struct buf before = {0};
    auto_buf struct buf after = {0};
    auto_buf struct buf out = {0};

    for (int i = 0; i < 5000; i++) {
        buf_printf(&before, "a%d\n", i);
        buf_printf(&after, "b%d\n", i);
    }
    history_diff(before.data, after.data, &out);
    cr_expect(str_starts(out.data, "-a0\n"));
    cr_expect(str_ends(out.data, "+b4999\n"));
}

Test(state, only_an_absolute_variable_counts)
{
    char home[] = "/tmp/svenv-state.XXXXXX";
    struct user user = {.home = home};

    cr_assert_not_null(mkdtemp(home));
    setenv("XDG_STATE_HOME", "state", 1);
    {
        auto_free char *log = state_audit_log(&user);
        auto_free char *want = xasprintf("%s/.local/state/sandbox-venv/audit.jsonl", home);

        cr_expect_str_eq(log, want);
    }
    setenv("XDG_STATE_HOME", "/nowhere/../state", 1);
    {
        auto_free char *log = state_audit_log(&user);

        cr_expect_str_eq(log, "/state/sandbox-venv/audit.jsonl");
    }
    rmdir(home);
}

/* The writer follows no symlink, so those that are there are followed when the path is settled. */
Test(state, symlinks_are_followed_beforehand)
{
    char home[] = "/tmp/svenv-state.XXXXXX";
    struct user user = {.home = home};

    cr_assert_not_null(mkdtemp(home));
    unsetenv("XDG_STATE_HOME");
    {
        auto_free char *data = xasprintf("%s/data", home);
        auto_free char *link = xasprintf("%s/.local", home);
        auto_free char *want = xasprintf("%s/data/state/sandbox-venv/audit.jsonl", home);
        auto_free char *log = NULL;

        cr_assert_eq(mkdir(data, 0700), 0);
        cr_assert_eq(symlink("data", link), 0);
        log = state_audit_log(&user);
        cr_expect_str_eq(log, want);
        unlink(link);
        rmdir(data);
    }
    rmdir(home);
}

/* A path that exists is followed, any other is taken as it is named. */
Test(state, each_record_has_its_place)
{
    static const struct {
        const char *xdg, *dir; /* "%" begins with the home */
    } seen[] = {
        {NULL, "%/.local/state/sandbox-venv"},
        {"", "%/.local/state/sandbox-venv"},
        {"/nowhere/state", "/nowhere/state/sandbox-venv"},
        {"%/link", "%/real/sandbox-venv"},
        {"%/link/../x", "%/x/sandbox-venv"},
        {"%/loop", "%/loop/sandbox-venv"},
    };
    char home[] = "/tmp/svenv-state.XXXXXX";
    struct user user = {.home = home};
    auto_free char *real = NULL, *link = NULL, *loop = NULL;

    cr_assert_not_null(mkdtemp(home));
    real = path_join(home, "real");
    link = path_join(home, "link");
    loop = path_join(home, "loop");
    cr_assert_eq(mkdir(real, 0700), 0);
    cr_assert_eq(symlink("real", link), 0);
    cr_assert_eq(symlink("loop", loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
        const char *xdg = seen[i].xdg, *dir = seen[i].dir;
        auto_free char *value = xdg && *xdg == '%' ? xasprintf("%s%s", home, xdg + 1) : NULL;
        auto_free char *want = *dir == '%' ? xasprintf("%s%s", home, dir + 1) : xstrdup(dir);
        auto_free char *want_log = path_join(want, "audit.jsonl");
        auto_free char *want_history = path_join(want, "policy-history/abc");
        auto_free char *log = NULL, *history = NULL;

        if (xdg)
            setenv("XDG_STATE_HOME", value ? value : xdg, 1);
        else
            unsetenv("XDG_STATE_HOME");
        log = state_audit_log(&user);
        history = state_policy_history(&user, "abc");
        cr_expect_str_eq(log, want_log);
        cr_expect_str_eq(history, want_history);
    }
    unlink(link);
    unlink(loop);
    rmdir(real);
    rmdir(home);
}
