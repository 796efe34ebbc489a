#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"

static const struct {
    const char *label, *arg, *want;
} escapes[] = {
    {"plain", "/a b", "open '/a b': No such file or directory"},
    {"backslash stays single", "a\\b", "open 'a\\b': No such file or directory"},
    {"escape sequence", "\x1b[31m", "open '\\x1b[31m': No such file or directory"},
    {"new line", "a\nb", "open 'a\\x0ab': No such file or directory"},
    {"not UTF-8", "\xff", "open '\\xff': No such file or directory"},
    {"C1 control", "\xc2\x9b", "open '\\xc2\\x9b': No such file or directory"},
    {"text turned round", "\xe2\x80\xae", "open '\\xe2\\x80\\xae': No such file or directory"},
    {"letters", "\xc3\xa9\xe2\x82\xac", "open '\xc3\xa9\xe2\x82\xac': No such file or directory"},
};

Test(err, message_is_escaped_when_set)
{
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        struct err err = {0};

        cr_assert_eq(err_set(&err, ENOENT, "open '%s'", escapes[i].arg), -ENOENT);
        cr_expect_str_eq(err.msg, escapes[i].want, "%s", escapes[i].label);
    }
}

static const struct {
    int code, want;
} codes[] = {{EPERM, -EPERM}, {-EPERM, -EPERM}, {0, -EIO}};

Test(err, code_is_always_positive)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        struct err err = {0};

        cr_expect_eq(err_set(&err, codes[i].code, "x"), codes[i].want);
        cr_expect_eq(err.code, -codes[i].want);
        cr_expect_eq(err_plain(&err, codes[i].code, "x"), codes[i].want);
    }
}

Test(err, may_be_null)
{
    cr_expect_eq(err_set(NULL, EBUSY, "x"), -EBUSY);
    cr_expect_eq(err_plain(NULL, EBUSY, "x"), -EBUSY);
    cr_expect_eq(err_at(NULL, "f", 1, 2, "x"), -EINVAL);
    cr_expect_eq(err_wrap(NULL, "x"), -EIO);
}

static const struct {
    const char *file;
    unsigned line, col;
    const char *want;
} positions[] = {
    {"p.yaml", 3, 7, "p.yaml:3:7: bad word"},
    {"p.yaml", 3, 0, "p.yaml:3: bad word"},
    {"p.yaml", 0, 0, "p.yaml: bad word"},
    {NULL, 3, 7, "bad word"},
    {"", 3, 7, "bad word"},
    {"a\nb", 1, 1, "a\\x0ab:1:1: bad word"},
};

Test(err, text_has_the_position)
{
    for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
        struct err err = {0};
        char text[256];

        cr_assert_eq(
            err_at(&err, positions[i].file, positions[i].line, positions[i].col, "bad word"),
            -EINVAL);
        cr_expect_str_eq(err_text(&err, text, sizeof(text)), positions[i].want);
    }
}

Test(err, wrap_puts_context_before_and_keeps_the_rest)
{
    struct err err = {0};
    char text[256];

    err_at(&err, "p.yaml", 3, 7, "bad\n");
    cr_expect_eq(err_wrap(&err, "cannot load '%s'", "\x01"), -EINVAL);
    cr_expect_str_eq(err_text(&err, text, sizeof(text)),
                     "p.yaml:3:7: cannot load '\\x01': bad\\x0a");
}

Test(err, secrets_are_taken_out)
{
    struct err err = {0};

    err_set(&err, ENOENT, "cannot run '%s'", "DB_PASS=x");
    cr_expect_str_eq(err.msg, "cannot run 'DB_PASS=***': No such file or directory");
    err_wrap(&err, "in '%s'", "https://u:p@h/");
    cr_expect_str_eq(err.msg, "in 'https://***@h/': cannot run 'DB_PASS=***': No such file or "
                              "directory");
    err_at(&err, "f", 1, 2, "'%s' is bad", "GITHUB_PAT=x");
    cr_expect_str_eq(err.msg, "'GITHUB_PAT=***' is bad");
    err_plain(&err, EINVAL, "'%s' is shown", "PLAIN=x");
    cr_expect_str_eq(err.msg, "'PLAIN=x' is shown");
}

Test(err, own_message_as_argument)
{
    struct err err = {0};

    err_plain(&err, EIO, "inner");
    err_plain(&err, EIO, "outer: %s", err.msg);
    cr_expect_str_eq(err.msg, "outer: inner");
}

Test(err, long_texts_are_cut_and_keep_the_reason)
{
    char path[4096];
    struct err err = {0};

    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    err_set(&err, ENOENT, "open '%s'", path);
    cr_expect_eq(strlen(err.msg), sizeof(err.msg) - 1);
    cr_expect_not_null(strstr(err.msg, "ppp...: No such file or directory"));
    err_wrap(&err, "%s", path);
    cr_expect_lt(strlen(err.msg), sizeof(err.msg));
    cr_expect_not_null(strstr(err.msg, "ppp...: open 'ppp"));
}

Test(err, text_from_elsewhere_is_not_trusted)
{
    struct err err;
    char text[64];

    memset(&err, '\x1b', sizeof(err));
    err_text(&err, text, sizeof(text));
    cr_expect_null(strchr(text, '\x1b'));
    cr_expect_lt(strlen(text), sizeof(text));
}
