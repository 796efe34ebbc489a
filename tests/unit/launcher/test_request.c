/* The launcher's command line, which stubs write, and `sandbox-venv run`. */
#include <criterion/criterion.h>
#include <errno.h>

#include "../base/scratch.h"

#include "session-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/str.h"

enum {
    WORDS_MAX = 8
};

static int parse(struct arena *arena, const char *const *words, struct request *out,
                 struct err *err)
{
    int argc = 0;

    while (argc < WORDS_MAX && words[argc])
        argc++;
    return request_parse(arena, argc, words, out, err);
}

Test(request, of_a_stub)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *venv, *entry, *called_as;
        size_t argc;
    } rows[] = {
        {{"l", "stub", "/v/bin/pip", "pip", "pip"}, "/v", "pip", "pip", 1},
        {{"l", "stub", "/v/bin/pip", "pip", "pip", "install", "x"}, "/v", "pip", "pip", 3},
        {{"l", "stub", "/v/bin/python", "python3", "./python3"}, "/v", "python", "python3", 1},
        {{"l", "stub", "/v/bin/pip", "", "pip"}, "/v", "pip", NULL, 1},
        {{"l", "stub", "/v/bin/pip (deleted)", "pip", "pip"}, "/v", "pip", "pip", 1},
        {{"l", "stub", "/a b/.venv/bin/x y", "x y", "x y"}, "/a b/.venv", "x y", "x y", 1},
        {{"l", "stub", "/v/bin/bin", "bin", "bin"}, "/v", "bin", "bin", 1},
        {{"l", "stub", "/v/bin/stub", "run", "run", "run"}, "/v", "stub", "run", 2},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena arena = {NULL};
        struct request request;
        struct err err = {0};

        cr_assert_eq(parse(&arena, rows[i].words, &request, &err), 0, "%s", err.msg);
        cr_expect_str_eq(request.venv, rows[i].venv);
        cr_expect_str_eq(request.entry, rows[i].entry);
        cr_expect(str_eq(request.called_as, rows[i].called_as), "row %zu", i);
        cr_expect_null(request.program);
        cr_expect_eq(request.plan_fd, -1);
        cr_expect_eq(request.argc, rows[i].argc);
        cr_expect_eq(request.argv, rows[i].words + 4);
        arena_finish(&arena);
    }
}

Test(request, of_nobody_who_may_ask)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *part;
    } rows[] = {
        {{"l"}, "use 'sandbox-venv' itself"},
        {{"l", "stub"}, "use 'sandbox-venv' itself"},
        {{"l", "stub", "/v/bin/pip", "pip"}, "use 'sandbox-venv' itself"},
        {{"l", "other", "/v", "-", "x", "x"}, "use 'sandbox-venv' itself"},
        {{"l", "run", "/v", "-", "x"}, "use 'sandbox-venv' itself"},
        {{"l", "", "", "", "", ""}, "use 'sandbox-venv' itself"},
        {{"l", "stub", "v/bin/pip", "pip", "pip"}, "outside of a virtualenv's bin"},
        {{"l", "stub", "pip", "pip", "pip"}, "outside of a virtualenv's bin"},
        {{"l", "stub", "/v/sbin/pip", "pip", "pip"}, "outside of a virtualenv's bin"},
        {{"l", "stub", "/v/bin/sub/pip", "pip", "pip"}, "outside of a virtualenv's bin"},
        {{"l", "stub", "(unreachable)/v/bin/pip", "pip", "pip"}, "outside of a virtualenv's bin"},
        {{"l", "stub", "", "pip", "pip"}, "outside of a virtualenv's bin"},
        {{"l", "run", "/v", "2", "x", "x"}, "no descriptor"},
        {{"l", "run", "/v", "-1", "x", "x"}, "no descriptor"},
        {{"l", "run", "/v", "3x", "x", "x"}, "no descriptor"},
        {{"l", "run", "/v", "", "x", "x"}, "no descriptor"},
        {{"l", "run", "/v", "1048577", "x", "x"}, "no descriptor"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena arena = {NULL};
        struct request request;
        struct err err = {0};

        cr_expect_eq(parse(&arena, rows[i].words, &request, &err), -EINVAL, "row %zu", i);
        cr_expect_not_null(strstr(err.msg, rows[i].part), "row %zu: %s", i, err.msg);
        arena_finish(&arena);
    }
}

/* With entries "pip" and ".hidden", and a directory that has one, too. */
static struct scratch furnished(void)
{
    struct scratch s = scratch_new();

    cr_assert_eq(mkdirat(s.fd, VENV_SANDBOX, 0700), 0);
    cr_assert_eq(mkdirat(s.fd, IN_SANDBOX(SANDBOX_BIN), 0700), 0);
    cr_assert_eq(mkdirat(s.fd, IN_SANDBOX(SANDBOX_BIN) "/sub", 0700), 0);
    scratch_write(&s, IN_SANDBOX(SANDBOX_BIN) "/pip", "");
    scratch_write(&s, IN_SANDBOX(SANDBOX_BIN) "/.hidden", "");
    scratch_write(&s, IN_SANDBOX(SANDBOX_BIN) "/sub/x", "");
    scratch_write(&s, VENV_SANDBOX "/outside", "");
    cr_assert_eq(symlinkat("nowhere", s.fd, IN_SANDBOX(SANDBOX_BIN) "/link"), 0);
    return s;
}

/* `run NAME` means the venv's own, whatever PATH says; a path means that path. */
Test(request, of_a_run)
{
    static const struct {
        const char *verb, *fd, *program;
        bool entry;
        int plan_fd;
    } rows[] = {
        {"run", "-", "pip", true, -1},
        {"run", "3", "pip", true, 3},
        {"shell", "1048576", "sh", false, 1048576},
        {"run", "-", "link", true, -1},
        {"run", "-", "none", false, -1},
        {"run", "-", ".hidden", false, -1},
        {"run", "-", "sub/x", false, -1},
        {"run", "-", "../outside", false, -1},
        {"run", "-", "/bin/pip", false, -1},
        {"run", "-", "", false, -1},
        {"run", "-", "..", false, -1},
    };
    struct scratch s = furnished();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *const words[WORDS_MAX] = {
            "l", rows[i].verb, s.path, rows[i].fd, rows[i].program, "argv0", "-x"};
        struct request request;
        struct err err = {0};

        cr_assert_eq(parse(NULL, words, &request, &err), 0, "%s", err.msg);
        cr_expect_str_eq(request.program, rows[i].program);
        cr_expect(str_eq(request.entry, rows[i].entry ? rows[i].program : NULL), "%s",
                  rows[i].program);
        cr_expect_null(request.called_as);
        cr_expect_eq(request.shell, str_eq(rows[i].verb, "shell"));
        cr_expect_eq(request.plan_fd, rows[i].plan_fd);
        cr_expect_eq(request.argc, 2);
        cr_expect_str_eq(request.argv[0], "argv0");
    }
    scratch_drop(&s);
}

/* A package may bring a program of that name: then the stub is that program's. */
Test(request, the_stub_shell_stands_for_the_command)
{
    struct scratch s = furnished();
    struct request request = {.venv = s.path, .entry = "shell"};

    cr_expect(request_is_shell(&request));
    request.entry = "pip";
    cr_expect_not(request_is_shell(&request));
    request.entry = NULL;
    cr_expect_not(request_is_shell(&request));
    request.entry = "shell";
    cr_assert_eq(symlinkat("nowhere", s.fd, IN_SANDBOX(SANDBOX_BIN) "/shell"), 0);
    cr_expect_not(request_is_shell(&request));
    cr_assert_eq(unlinkat(s.fd, IN_SANDBOX(SANDBOX_BIN) "/shell", 0), 0);
    cr_assert_eq(renameat(s.fd, VENV_SANDBOX, s.fd, "away"), 0);
    scratch_write(&s, VENV_SANDBOX, "");
    cr_expect_not(request_is_shell(&request), "a broken venv is for the start to tell of");
    scratch_drop(&s);
}
