#include "svenv/formats/dotenv.h"

#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static struct arena arena;

static void finish(void)
{
    arena_finish(&arena);
}

TestSuite(dotenv, .fini = finish);

static struct dotenv parse(const char *text)
{
    struct dotenv vars = {0};
    struct err err = {0};
    char buf[1024];
    int result = dotenv_parse(&arena, ".env", text, strlen(text), &vars, &err);

    cr_assert_eq(result, 0, "%s", err_text(&err, buf, sizeof(buf)));
    return vars;
}

static void expect_error(const char *data, size_t len, const char *want)
{
    struct dotenv vars = {0};
    struct err err = {0};
    char buf[1024];

    cr_assert_lt(dotenv_parse(&arena, ".env", data, len, &vars, &err), 0,
                 "accepted, but wanted: %s", want);
    cr_expect_str_eq(err_text(&err, buf, sizeof(buf)), want);
}

Test(dotenv, values)
{
    static const struct {
        const char *text;
        const char *name;
        const char *value;
    } rows[] = {
        {"A=1", "A", "1"},
        {"A=", "A", ""},
        {"  A = 1 2  ", "A", "1 2"},
        {"A=1\r\n", "A", "1"},
        {"\xef\xbb\xbf"
         "A=1",
         "A", "1"},
        {"export A=1", "A", "1"},
        {"export\tA=1", "A", "1"},
        {"export=1", "export", "1"},
        {"export = 1", "export", "1"},
        {"exported=1", "exported", "1"},
        {"A.b-c_1=x", "A.b-c_1", "x"},
        {"A=b=c", "A", "b=c"},
        {"A=x # comment", "A", "x"},
        {"A=x#y", "A", "x#y"},
        {"A=#fff", "A", "#fff"},
        {"A= # comment", "A", ""},
        {"A=$HOME ${X} $(id) `id`", "A", "$HOME ${X} $(id) `id`"},
        {"A=C:\\path\\n", "A", "C:\\path\\n"},
        {"A='$X \\n # \"'", "A", "$X \\n # \""},
        {"A='two\nlines' # comment", "A", "two\nlines"},
        {"A=\"a\\n\\t\\r\\\\\\\"\\$b\"", "A", "a\n\t\r\\\"$b"},
        {"A=\"\\d+ \\'\"", "A", "\\d+ \\'"},
        {"A=\"two\r\nlines\"", "A", "two\nlines"},
        {"A=\"$HOME $(id)\"", "A", "$HOME $(id)"},
        {"A=\"\"", "A", ""},
        {"A=it's", "A", "it's"},
        {"A=\xff\x01", "A", "\xff\x01"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dotenv vars = parse(rows[i].text);

        cr_assert_eq(vars.count, 1, "%s", rows[i].text);
        cr_expect_str_eq(vars.vars[0].name, rows[i].name);
        cr_expect_str_eq(vars.vars[0].value, rows[i].value, "%s: %s", rows[i].text,
                         vars.vars[0].value);
    }
}

Test(dotenv, lines_and_duplicates)
{
    struct dotenv vars = parse("# first\n\n  # indented\nA=1\nB=\"x\ny\"\nC=3\nA=2");

    cr_assert_eq(vars.count, 3);
    cr_expect_str_eq(vars.vars[0].name, "A");
    cr_expect_str_eq(vars.vars[0].value, "2");
    cr_expect_eq(vars.vars[0].line, 8);
    cr_expect_eq(vars.vars[1].line, 5);
    cr_expect_str_eq(vars.vars[2].name, "C");
    cr_expect_eq(vars.vars[2].line, 7);
}

Test(dotenv, empty)
{
    cr_expect_eq(parse("").count, 0);
    cr_expect_eq(parse("\n\r\n  \n#x").count, 0);
}

Test(dotenv, refuses_with_position)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"A=1\nB\n", ".env:2:2: expected '=' after the name"},
        {"A B=1\n", ".env:1:3: expected '=' after the name"},
        {"=1\n", ".env:1:1: a line must begin with NAME= (letters, digits and '_')"},
        {"  1A=1\n", ".env:1:3: a line must begin with NAME= (letters, digits and '_')"},
        {"A\x1b=1\n", ".env:1:2: expected '=' after the name"},
        {"export\n", ".env:1:7: expected '=' after the name"},
        {"A=1\nB = \"x\nC=2\n", ".env:2:5: this quote is never closed"},
        {"A='x\\", ".env:1:3: this quote is never closed"},
        {"A=\"x\\\"", ".env:1:3: this quote is never closed"},
        {"A=\"x\ny\"z\n", ".env:2:3: text after the closing quote"},
        {"A=1\rB=2\n", ".env:1:4: a carriage return without a newline may not stand here"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_error(rows[i].text, strlen(rows[i].text), rows[i].want);
    expect_error("A=1\nB=\0", 7, ".env:2:3: a NUL byte may not stand here");
}

Test(dotenv, sizes_are_bounded)
{
    size_t len = (256u << 10) + 1;
    auto_free char *data = xcalloc(len, 1);
    auto_buf struct buf many = {0};

    memset(data, '#', len);
    expect_error(data, len, ".env:1:1: too large: 262145 bytes, at most 262144 are read");
    memcpy(data, "A=", 2);
    expect_error(data, len - 1,
                 ".env:1:1: a value of more than 128 KiB cannot be passed to a program");
    for (unsigned i = 0; i < 1001; i++)
        buf_add_str(&many, "A=\n");
    expect_error(many.data, many.len, ".env:1001:1: more than 1000 variables");
}

/* The kernel's limit for one string of the environment, exactly. */
Test(dotenv, longest_value)
{
    size_t len = (128u << 10) - 1;
    auto_free char *data = xcalloc(len + 2, 1);

    memset(data, 'x', len + 1);
    memcpy(data, "A=", 2);
    expect_error(data, len + 1,
                 ".env:1:1: a value of more than 128 KiB cannot be passed to a program");
    data[len] = '\0';
    cr_expect_eq(strlen(parse(data).vars[0].value), len - 2);
}
