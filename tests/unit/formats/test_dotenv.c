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

static struct dotenv parse(const char *data, size_t len)
{
    struct dotenv vars = {0};
    struct err err = {0};
    char buf[1024];
    int result = dotenv_parse(&arena, ".env", data, len, &vars, &err);

    cr_assert_eq(result, 0, "%s", err_text(&err, buf, sizeof(buf)));
    return vars;
}

static struct dotenv parse_text(const char *text)
{
    return parse(text, strlen(text));
}

/* The whole of the rules is in tests/dotenv/files.json, which is compared with python-dotenv. */
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
        {"exported=1", "exported", "1"},
        {"A.b-c_1=x", "A.b-c_1", "x"},
        {"'A b'=x", "A b", "x"},
        {"A=b=c", "A", "b=c"},
        {"A=x # comment", "A", "x"},
        {"A=x#y", "A", "x#y"},
        {"A=#fff", "A", "#fff"},
        {"A= # comment", "A", ""},
        {"A=$HOME ${X} $(id) `id`", "A", "$HOME ${X} $(id) `id`"},
        {"A=C:\\path\\n", "A", "C:\\path\\n"},
        {"A='$X \\n # \"'", "A", "$X \\n # \""},
        {"A='it\\'s'", "A", "it's"},
        {"A='two\nlines' # comment", "A", "two\nlines"},
        {"A=\"a\\n\\t\\r\\\\\\\"\\$b\"", "A", "a\n\t\r\\\"\\$b"},
        {"A=\"\\d+ \\'\"", "A", "\\d+ '"},
        {"A=\"two\r\nlines\"", "A", "two\r\nlines"},
        {"A=\"$HOME $(id)\"", "A", "$HOME $(id)"},
        {"A=\"\"", "A", ""},
        {"A=it's", "A", "it's"},
        {"A=\xff\x01", "A", "\xff\x01"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dotenv vars = parse(rows[i].text, strlen(rows[i].text));

        cr_assert_eq(vars.count, 1, "%s", rows[i].text);
        cr_expect_eq(vars.skipped, 0, "%s", rows[i].text);
        cr_expect_str_eq(vars.vars[0].name, rows[i].name);
        cr_expect_str_eq(vars.vars[0].value, rows[i].value, "%s: %s", rows[i].text,
                         vars.vars[0].value);
    }
}

Test(dotenv, lines_in_their_order)
{
    struct dotenv vars = parse_text("# first\n\n  # indented\nA=1\nB=\"x\ny\"\r\nC=3\rA\nA=2");

    cr_assert_eq(vars.count, 5);
    cr_expect_str_eq(vars.vars[0].value, "1");
    cr_expect_eq(vars.vars[0].line, 4);
    cr_expect_eq(vars.vars[1].line, 5);
    cr_expect_str_eq(vars.vars[2].name, "C");
    cr_expect_eq(vars.vars[2].line, 7);
    cr_expect_null(vars.vars[3].value);
    cr_expect_str_eq(vars.vars[4].value, "2");
    cr_expect_eq(vars.vars[4].line, 9);
}

Test(dotenv, empty)
{
    cr_expect_eq(parse_text("").count, 0);
    cr_expect_eq(parse_text("\n\r\n  \n#x").count, 0);
    cr_expect_eq(parse_text("\n\r\n  \n#x").skipped, 0);
}

/* The rest of the file is read all the same. */
Test(dotenv, leaves_out_with_position)
{
    static const struct {
        const char *text;
        unsigned skipped;
        unsigned line;
        const char *why;
    } rows[] = {
        {"A=1\nB\nOK=1\n", 1, 2, "a name without '='"},
        {"A B=1\nC D=1\nOK=1\n", 2, 1, "text after the value or the name"},
        {"=1\nOK=1\n", 1, 1, "no name before the '='"},
        {"export = 1\nOK=1\n", 1, 1, "no name before the '='"},
        {"''=1\nOK=1\n", 1, 1, "no name before the '='"},
        {"'A=1\nOK=1\n", 1, 1, "no name before the '='"},
        {"'A=B'=1\nOK=1\n", 1, 1, "a name cannot hold '='"},
        {"A=1\n\nB = \"x\nOK=1\n", 1, 3, "a quote is never closed"},
        {"A='x\\'\nOK=1\n", 1, 1, "a quote is never closed"},
        {"A=\"x\ny\"z\nOK=1\n", 1, 1, "text after the value or the name"},
        {"A='x',\nOK=1\n", 1, 1, "text after the value or the name"},
    };
    static const char nul[] = "A=1\nB=\0\nC\0=2\nOK=1";
    struct dotenv vars = parse(nul, sizeof(nul) - 1);

    cr_expect_eq(vars.skipped, 2);
    cr_expect_eq(vars.skipped_line, 2);
    cr_expect_str_eq(vars.skipped_why, "a NUL byte may not stand here");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        vars = parse_text(rows[i].text);
        cr_expect_eq(vars.skipped, rows[i].skipped, "%s", rows[i].text);
        cr_expect_eq(vars.skipped_line, rows[i].line, "%s", rows[i].text);
        cr_expect_str_eq(vars.skipped_why, rows[i].why, "%s: %s", rows[i].text, vars.skipped_why);
        cr_expect_str_eq(vars.vars[vars.count - 1].name, "OK", "%s", rows[i].text);
    }
}

Test(dotenv, sizes_are_bounded)
{
    static const char long_value[] = "a value of more than 128 KiB cannot be passed to a program";
    size_t len = (256u << 10) + 1;
    auto_free char *data = xcalloc(len, 1);
    auto_buf struct buf many = {0};
    struct dotenv vars = {0};
    struct err err = {0};
    char text[1024];

    memset(data, '#', len);
    cr_expect_lt(dotenv_parse(&arena, ".env", data, len, &vars, &err), 0);
    cr_expect_str_eq(err_text(&err, text, sizeof(text)),
                     ".env:1:1: too large: 262145 bytes, at most 262144 are read");
    memcpy(data, "A=", 2);
    cr_expect_str_eq(parse(data, len - 1).skipped_why, long_value);
    for (unsigned i = 0; i < 1001; i++)
        buf_add_str(&many, "A=\n");
    vars = parse(many.data, many.len);
    cr_expect_eq(vars.count, 1000);
    cr_expect_eq(vars.skipped_line, 1001);
    cr_expect_str_eq(vars.skipped_why, "more than 1000 variables: the rest is left out");
}

/* The kernel's limit for one string of the environment, exactly. */
Test(dotenv, longest_value)
{
    size_t len = (128u << 10) - 1;
    auto_free char *data = xcalloc(len + 2, 1);

    memset(data, 'x', len + 1);
    memcpy(data, "A=", 2);
    cr_expect_eq(parse(data, len + 1).skipped, 1);
    cr_expect_eq(parse(data, len + 1).count, 0);
    cr_expect_eq(strlen(parse(data, len).vars[0].value), len - 2);
}
