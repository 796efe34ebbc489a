#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static const struct glob_case {
    const char *pattern, *text;
    bool want;
} globs[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "", false},
    {"*", "", true},
    {"*", "anything", true},
    {"**", "", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"a*c", "abc", true},
    {"a*c", "ac", true},
    {"a*c", "abd", false},
    {"*.py", "x.py", true},
    {"*.py", "x.pyc", false},
    {"pip3*", "pip3.11", true},
    {"*a*b", "xaxxb", true},
    {"*a*b", "xaxbx", false},
    {"a*b*c", "aXbXbc", true},
    {"*TOKEN*", "MY_TOKEN_2", true},
    {"*_KEY", "A_KEY_", false},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"\\?", "?", true},
    {"\\?", "a", false},
    {"\\\\", "\\", true},
    {"\\", "\\", true},
    {"a\\", "a\\", true},
    {"[a]", "a", false},
    {"[a]", "[a]", true},
    {"*\\*", "ab*", true},
    {"*?", "", false},
    {"*?", "a", true},
    {"?*?", "a", false},
    {"?*?", "ab", true},
    {"a/*", "a/b/c", true},
};

Test(str, printable)
{
    static const char *const yes[] = {"", "a b\\", "\xc3\xa9", "\xf0\x9f\x90\x8d"};
    static const char *const no[] = {"\n",           "a\x7f",        "\xc2\x85",
                                     "\xc3",         "\xff",         "\xe0\x80\xaf",
                                     "\xed\xa0\x80", "\xe2\x80\xae", "\xc3\xa9\x1b"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        cr_expect(str_is_printable(yes[i]), "%zu", i);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        cr_expect_not(str_is_printable(no[i]), "%zu", i);
}

Test(str, glob)
{
    for (size_t i = 0; i < ARRAY_SIZE(globs); i++)
        cr_expect_eq(str_glob(globs[i].pattern, globs[i].text), globs[i].want, "'%s' on '%s'",
                     globs[i].pattern, globs[i].text);
}

Test(str, glob_of_any_case)
{
    static const struct glob_case rows[] = {
        {"Justfile", "justFILE", true},
        {"*.IPR", "x.ipr", true},
        {".env.*", ".ENV.Local", true},
        {"\\A", "a", true},
        {"a?c", "ABC", true},
        {"abc", "abd", false},
        {"[", "{", false},
        {"@", "`", false},
        {"\xc3\xa9", "\xc3\x89", false},
        {"*a*b", "xAyB", true},
        {"\\*", "x", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(globs); i++)
        cr_expect(!globs[i].want || str_glob_any_case(globs[i].pattern, globs[i].text), "'%s'",
                  globs[i].pattern);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(str_glob_any_case(rows[i].pattern, rows[i].text), rows[i].want, "'%s' on '%s'",
                     rows[i].pattern, rows[i].text);
    cr_expect_not(str_glob("Justfile", "justfile"));
}

Test(str, capitals)
{
    cr_expect_eq(str_capitals(""), 0);
    cr_expect_eq(str_capitals("a_1*?@["), 0);
    cr_expect_eq(str_capitals("*_CAB?Z"), (1u << 0) | (1u << 1) | (1u << 2) | (1u << 25));
}

/* Exponential matchers never come back from this one. */
Test(str, glob_is_not_slow, .timeout = 10)
{
    char text[10001];
    char pattern[2002];

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(pattern + i, "a*", 2);
    memcpy(pattern + 2000, "b", 2);
    cr_expect_not(str_glob(pattern, text));
}

Test(str, predicates)
{
    cr_expect(str_eq("", ""));
    cr_expect_not(str_eq("a", "A"));
    cr_expect(str_eq(NULL, NULL));
    cr_expect_not(str_eq(NULL, ""));
    cr_expect(str_starts("abc", "ab"));
    cr_expect(str_starts("abc", ""));
    cr_expect_not(str_starts("a", "ab"));
    cr_expect(str_ends("abc", "bc"));
    cr_expect(str_ends("abc", ""));
    cr_expect_not(str_ends("c", "bc"));
}

static const struct {
    const char *text, *want;
} escapes[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"a\\b", "a\\\\b"},
    {"\x1b]0;x\x07", "\\x1b]0;x\\x07"},
    {"a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"},
    {"\xc3\xa9", "\xc3\xa9"},
    {"\xc3", "\\xc3"},
    {"\xc2\x9b", "\\xc2\\x9b"},
    {"\xe2\x80\xae", "\\xe2\\x80\\xae"},
    {"\xef\xbb\xbf\xef\xbf\xbd\xef\xbf\xbe", "\\xef\\xbb\\xbf\xef\xbf\xbd\\xef\\xbf\\xbe"},
};

Test(str, buf_escaped)
{
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        auto_buf struct buf buf = {0};

        buf_add_str(&buf, "");
        buf_add_escaped(&buf, escapes[i].text);
        cr_expect_str_eq(buf.data, escapes[i].want);
    }
}

Test(str, buf_grows_and_stays_terminated)
{
    auto_buf struct buf buf = {0};

    buf_add(&buf, NULL, 0);
    cr_assert_str_eq(buf.data, "");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&buf, "%d,", i);
        cr_assert_eq(strlen(buf.data), buf.len);
        cr_assert_lt(buf.len, buf.cap);
    }
    cr_expect(str_starts(buf.data, "0,1,2,"));
    cr_expect(str_ends(buf.data, ",998,999,"));
    buf_add(&buf, "\0x", 2);
    cr_expect_eq(buf.data[buf.len - 1], 'x');
    buf_finish(&buf);
    cr_expect_null(buf.data);
}

Test(str, strv)
{
    auto_strv struct strv v = {0};

    cr_expect_not(strv_has(&v, "1"));
    for (int i = 0; i < 300; i++) {
        strv_take(&v, xasprintf("%d", i));
        cr_assert_null(v.items[v.count]);
    }
    strv_add(&v, "last");
    cr_expect_eq(v.count, 301);
    for (int i = 0; i < 300; i++)
        cr_assert_eq(atoi(v.items[i]), i);
    cr_expect(strv_has(&v, "299"));
    cr_expect_not(strv_has(&v, "300"));
    strv_finish(&v);
    cr_expect_null(v.items);
}

Test(str, eq_any_case)
{
    cr_expect(str_eq_any_case("", ""));
    cr_expect(str_eq_any_case("a/B*", "A/b*"));
    cr_expect_not(str_eq_any_case("a", ""));
    cr_expect_not(str_eq_any_case("", "a"));
    cr_expect_not(str_eq_any_case("ab", "a"));
    cr_expect_not(str_eq_any_case("a*", "ab"));
    cr_expect_not(str_eq_any_case("[", "{"));
}
