#include "svenv/formats/ini.h"

#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static const char *const needed[] = {"home", "executable", NULL};
static struct arena arena;

static void finish(void)
{
    arena_finish(&arena);
}

TestSuite(ini, .fini = finish);

static struct ini_file parse(const char *text)
{
    struct ini_file file = {0};
    struct err err = {0};
    char buf[1024];
    int result = ini_parse_text(&arena, "pyvenv.cfg", text, strlen(text), needed, &file, &err);

    cr_assert_eq(result, 0, "%s", err_text(&err, buf, sizeof(buf)));
    return file;
}

static void expect_error(const char *data, size_t len, const char *want)
{
    struct ini_file file = {0};
    struct err err = {0};
    char buf[1024];

    cr_assert_lt(ini_parse_text(&arena, "pyvenv.cfg", data, len, needed, &file, &err), 0,
                 "accepted, but wanted: %s", want);
    cr_expect_str_eq(err_text(&err, buf, sizeof(buf)), want);
}

/* "NAME = xxx...TAIL" with the x's up to the place where inih alone would begin a new line. */
static char *padded_line(const char *head, size_t at, const char *tail)
{
    auto_buf struct buf text = {0};

    buf_add_str(&text, head);
    while (text.len < at)
        buf_add_char(&text, 'x');
    buf_add_str(&text, tail);
    buf_add_char(&text, '\n');
    return arena_strdup(&arena, text.data);
}

Test(ini, reads_pyvenv_cfg)
{
    struct ini_file file = parse("home = /usr/bin\n"
                                 "include-system-site-packages = false\r\n"
                                 "version=3.11.2\n"
                                 "Executable =\t/usr/bin/python3.11\n"
                                 "prompt = 'a=b : c'\n"
                                 "command = /usr/bin/python3 -m venv /x");

    cr_expect_eq(file.count, 6);
    cr_expect_str_eq(ini_get(&file, "home"), "/usr/bin");
    cr_expect_str_eq(ini_get(&file, "include-system-site-packages"), "false");
    cr_expect_str_eq(ini_get(&file, "version"), "3.11.2");
    cr_expect_str_eq(ini_get(&file, "executable"), "/usr/bin/python3.11");
    cr_expect_str_eq(ini_get(&file, "prompt"), "'a=b : c'");
    cr_expect_str_eq(ini_get(&file, "command"), "/usr/bin/python3 -m venv /x");
    cr_expect_null(ini_get(&file, "nothing"));
    cr_expect_eq(file.pairs[5].line, 6);
}

Test(ini, empty_and_odd_lines)
{
    struct ini_file file = parse("\n# home = /evil\n; home = /evil\nno equals: here\n = x\n\n"
                                 "a =\nhome = /usr/bin\n   home2 = /y\n");

    cr_expect_eq(parse("").count, 0);
    cr_expect_str_eq(ini_get(&file, "a"), "");
    cr_expect_str_eq(ini_get(&file, "home"), "/usr/bin", "an indented line must not add to it");
    cr_expect_str_eq(ini_get(&file, "home2"), "/y");
}

/* inih 55 by itself reads the tail of an over-long line as a line of its own. */
Test(ini, over_long_line_never_becomes_two)
{
    for (size_t at = 190; at < 210; at++) {
        const char *line = padded_line("command = /", at, "home = /evil");
        struct ini_file file = parse(arena_printf(&arena, "%shome = /usr/bin\n", line));

        cr_expect_str_eq(ini_get(&file, "home"), "/usr/bin", "padding to %zu", at);
        file = parse(line);
        cr_expect_null(ini_get(&file, "home"));
        file = parse(arena_printf(&arena, "home = /usr/bin\n%s",
                                  padded_line("command = /", at, " home = /evil")));
        cr_expect_str_eq(ini_get(&file, "home"), "/usr/bin");
    }
}

Test(ini, longest_line_is_whole)
{
    char *line = padded_line("home = /", 198, "");
    struct ini_file file = parse(line);

    cr_expect_eq(strlen(ini_get(&file, "home")), 198 - strlen("home = "));
    line = padded_line("\n  HOME = /", 5000, "");
    expect_error(line, strlen(line),
                 "pyvenv.cfg:2:1: the value of 'home' is too long, or has a ';' after a blank");
}

/* inih gets no more of a line than fits; a key that might be hidden beyond that is refused. */
Test(ini, long_before_the_equals_sign)
{
    char *line = padded_line("# ", 300, " = a comment, see: http://x/?a=b");
    struct ini_file file = parse(arena_printf(&arena, "%shome = /usr/bin\n", line));

    cr_expect_str_eq(ini_get(&file, "home"), "/usr/bin");
    for (size_t at = 190; at < 210; at++) {
        line = padded_line("", at, "=home = /evil");
        if (at >= 198) {
            expect_error(line, strlen(line), "pyvenv.cfg:1:1: too long before the first '='");
            continue;
        }
        file = parse(line);
        cr_expect_null(ini_get(&file, "home"));
    }
}

/* Inside a value they are text like any other, and at the end of one that nobody needs. */
Test(ini, wide_characters_within)
{
    struct ini_file file = parse("prompt = x\xc2\xa0\nhome = /a\xc2\xa0 b/\xef\xbb\xbf\xc3\xa9\n");

    cr_expect_str_eq(ini_get(&file, "home"), "/a\xc2\xa0 b/\xef\xbb\xbf\xc3\xa9");
}

Test(ini, semicolon_never_cuts_a_value)
{
    struct ini_file file = parse("home = /a;b\ncommand = /x ;y\nversion = 3\n");

    cr_expect_str_eq(ini_get(&file, "home"), "/a;b");
    cr_expect_null(ini_get(&file, "command"));
    cr_expect_str_eq(ini_get(&file, "version"), "3");
}

Test(ini, duplicates)
{
    struct ini_file file = parse("a = 1\nhome = /x\nA = 2\nhome = /x\n");

    cr_expect_eq(file.count, 2);
    cr_expect_str_eq(ini_get(&file, "a"), "2");
    cr_expect_str_eq(ini_get(&file, "home"), "/x");
}

Test(ini, refuses_with_position)
{
    static const struct {
        const char *text;
        const char *want;
    } rows[] = {
        {"a = 1\n[x]\n", "pyvenv.cfg:2:1: a section: this format has none"},
        {"a = 1\n  [x] = 2\n", "pyvenv.cfg:2:1: a section: this format has none"},
        {"home: /x = y\n", "pyvenv.cfg:1:1: a ':' before the first '='"},
        {"a = 1\nhome = /x ;y\n",
         "pyvenv.cfg:2:1: the value of 'home' is too long, or has a ';' after a blank"},
        {"a = 1\nb = \rhome = /evil\n", "pyvenv.cfg:2:5: a control byte (0x0d) may not stand here"},
        {"a = \x1c\n", "pyvenv.cfg:1:5: a control byte (0x1c) may not stand here"},
        {"\xef\xbb\xbfhome = /x\n",
         "pyvenv.cfg:1:1: a byte order mark: Python would not see the key behind it"},
        {"\t \xef\xbb\xbf\thome = /x\n",
         "pyvenv.cfg:1:1: a byte order mark: Python would not see the key behind it"},
        {"a = 1\n\xef\xbb\xbfhome = /x\n",
         "pyvenv.cfg:2:1: a byte order mark: Python would not see the key behind it"},
        {"a = 1\n\xc2\xa0home = /x\n",
         "pyvenv.cfg:2:1: a key that begins or ends with a blank that is none in ASCII"},
        {"home \xe2\x80\x83= /x\n",
         "pyvenv.cfg:1:1: a key that begins or ends with a blank that is none in ASCII"},
        {"home = /x \xe3\x80\x80\n", "pyvenv.cfg:1:1: the value of 'home' begins or ends with a "
                                     "blank that is none in ASCII"},
        {"home = /x\na = 1\nHome = /y\n",
         "pyvenv.cfg:3:1: 'home' is given twice (first at line 1), and parts of Python differ in "
         "which they take"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_error(rows[i].text, strlen(rows[i].text), rows[i].want);
    expect_error("a = 1\nb\0 = 2", 12, "pyvenv.cfg:2:2: a control byte (0x00) may not stand here");
}

Test(ini, sizes_are_bounded)
{
    size_t len = (64u << 10) + 1;
    auto_free char *data = xcalloc(len, 1);
    auto_buf struct buf many = {0};

    memset(data, 'a', len);
    expect_error(data, len, "pyvenv.cfg:1:1: too large: 65537 bytes, at most 65536 are read");
    for (unsigned i = 0; i < 1001; i++)
        buf_printf(&many, "k%u = 1\n", i);
    expect_error(many.data, many.len, "pyvenv.cfg:1001:1: more than 1000 keys");
}

Test(ini, nothing_needed)
{
    struct ini_file file = {0};
    struct err err = {0};
    const char *line = padded_line("home = /", 400, "");

    cr_assert_eq(ini_parse_text(&arena, "x", line, strlen(line), NULL, &file, &err), 0);
    cr_expect_eq(file.count, 0);
}
