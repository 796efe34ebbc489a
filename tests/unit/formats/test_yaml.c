#include "svenv/formats/yaml.h"

#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

static struct arena arena;

static void finish(void)
{
    arena_finish(&arena);
}

TestSuite(yaml, .fini = finish);

static struct yaml_node *parse(const char *text)
{
    struct yaml_node *root = NULL;
    struct err err = {0};
    char buf[1024];
    int result = yaml_parse(&arena, "p.yaml", text, strlen(text), &root, &err);

    cr_assert_eq(result, 0, "%s", err_text(&err, buf, sizeof(buf)));
    cr_assert_not_null(root);
    return root;
}

static void expect_error(const char *data, size_t len, const char *want)
{
    struct yaml_node *root = NULL;
    struct err err = {0};
    char buf[1024];
    int result = yaml_parse(&arena, "p.yaml", data, len, &root, &err);

    cr_assert_lt(result, 0, "accepted, but wanted: %s", want);
    cr_assert_null(root);
    cr_expect_str_eq(err_text(&err, buf, sizeof(buf)), want);
}

Test(yaml, tree_with_positions)
{
    struct yaml_node *root = parse("# a policy\n"
                                   "version: 1\n"
                                   "filesystem:\n"
                                   "  read: [~/a, \"b c\"]\n"
                                   "  hide:\n"
                                   "    - secrets/\n");
    const struct yaml_node *fs = yaml_get(root, "filesystem");
    const struct yaml_node *read = yaml_get(fs, "read");

    cr_assert_eq(root->kind, YAML_MAP);
    cr_assert_eq(root->count, 2);
    cr_expect_str_eq(yaml_get(root, "version")->text, "1");
    cr_assert_eq(read->kind, YAML_LIST);
    cr_assert_eq(read->count, 2);
    cr_expect_eq(read->line, 4);
    cr_expect_eq(read->col, 9);
    cr_expect_str_eq(read->items[0]->text, "~/a");
    cr_expect(read->items[0]->plain);
    cr_expect_str_eq(read->items[1]->text, "b c");
    cr_expect(!read->items[1]->plain);
    cr_expect_eq(read->items[1]->col, 15);
    cr_expect_str_eq(yaml_get(fs, "hide")->items[0]->text, "secrets/");
    cr_expect_null(yaml_get(root, "nothing"));
    cr_expect_null(yaml_get(read, "nothing"));
    cr_expect_null(yaml_get(NULL, "nothing"));
}

Test(yaml, empty_documents_are_empty_maps)
{
    static const char *const texts[] = {"",      "\n\n",       "# only a comment\n",
                                        "---\n", "---\n...\n", "\xef\xbb\xbf"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct yaml_node *root = parse(texts[i]);

        cr_expect_eq(root->kind, YAML_MAP, "text %zu", i);
        cr_expect_eq(root->count, 0);
        cr_expect_eq(root->line, 1);
        cr_expect_eq(root->col, 1);
    }
}

Test(yaml, scalars_stay_text)
{
    struct yaml_node *root = parse("{a: yes, b: 'yes', c: 0x10, d: , e: '', f: \"\\n\\u00e9\"}");

    cr_expect(root->items[0]->plain);
    cr_expect_str_eq(root->items[0]->text, "yes");
    cr_expect(!root->items[1]->plain);
    cr_expect_str_eq(root->items[2]->text, "0x10");
    cr_expect_str_eq(root->items[3]->text, "");
    cr_expect(root->items[3]->plain);
    cr_expect(!root->items[4]->plain);
    cr_expect_str_eq(root->items[5]->text, "\n\xc3\xa9");
}

struct refused {
    const char *text;
    const char *want;
};

Test(yaml, refuses_with_position)
{
    static const struct refused rows[] = {
        {"a: &x 1\n", "p.yaml:1:4: anchors (&name) are not allowed: write the value where it is "
                      "used"},
        {"a: 1\nb:\n  - *x\n", "p.yaml:3:5: aliases (*name) are not allowed: write the value out"},
        {"a: !!str 1\n", "p.yaml:1:4: tags (!name) are not allowed: a value is text, a list or a "
                         "map"},
        {"a: !x [1]\n", "p.yaml:1:4: tags (!name) are not allowed: a value is text, a list or a "
                        "map"},
        {"a: ! x\n", "p.yaml:1:4: tags (!name) are not allowed: a value is text, a list or a map"},
        {"a:\n  <<: {b: 1}\n", "p.yaml:2:3: merge keys (<<) are not allowed: write the values out"},
        {"a: 1\nb: 2\na: 3\n", "p.yaml:3:1: 'a' is given twice (first at line 1)"},
        {"x: {\"a\": 1, a: 2}\n", "p.yaml:1:13: 'a' is given twice (first at line 1)"},
        {"a: 1\n---\nb: 2\n", "p.yaml:2:1: a second document: one file holds one"},
        {"---\n---\n", "p.yaml:2:1: a second document: one file holds one"},
        {"%YAML 1.1\n---\na: 1\n", "p.yaml:1:1: directives (%YAML, %TAG) are not allowed"},
        {"%TAG ! tag:x,2000:\n---\na: 1\n", "p.yaml:1:1: directives (%YAML, %TAG) are not allowed"},
        {"a:\n\tb: 1\n", "p.yaml:2:1: a tab cannot indent: use spaces"},
        {"a:\n  \tb: 1\n", "p.yaml:2:3: a tab cannot indent: use spaces"},
        {"[a]: 1\n", "p.yaml:1:1: a key must be plain text, not a list or a map"},
        {"? {a: b}\n: 1\n", "p.yaml:1:3: a key must be plain text, not a list or a map"},
        {"'': 1\n", "p.yaml:1:1: an empty key"},
        {"a: \"x\\0y\"\n", "p.yaml:1:4: a NUL (\"\\0\") may not stand in a text"},
        {"a: [[[[[[[[1]]]]]]]]\n", "p.yaml:1:11: nested deeper than 8 levels"},
        {"a: 1\nb: \x01\n", "p.yaml:2:4: a control character (U+0001) may not stand here"},
        {"a: \xc2\x85 b\n", "p.yaml:1:4: a control character (U+0085) may not stand here"},
        {"# \xe2\x80\xa8network: {mode: host}\n",
         "p.yaml:1:3: an invisible line break (U+2028) may not stand here"},
        {"a: \xe2\x80\xae\n", "p.yaml:1:4: an invisible direction mark (U+202E) may not stand "
                              "here"},
        {"a: \xc3\xa9\xff\n", "p.yaml:1:5: this is not UTF-8 (byte 0xff)"},
        {"a: \xc0\x80\n", "p.yaml:1:4: this is not UTF-8 (byte 0xc0)"},
        {"a: \xed\xa0\x80\n", "p.yaml:1:4: this is not UTF-8 (byte 0xed)"},
        {"a: \xf4\x90\x80\x80\n", "p.yaml:1:4: this is not UTF-8 (byte 0xf4)"},
        {"a: \xe2\x80", "p.yaml:1:4: this is not UTF-8 (byte 0xe2)"},
        {"\xff\xfe\x61", "p.yaml:1:1: this is not UTF-8 (byte 0xff)"},
        {"a: 1\r\xff", "p.yaml:2:1: this is not UTF-8 (byte 0xff)"},
        {"a: 1\r\n\xff", "p.yaml:2:1: this is not UTF-8 (byte 0xff)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_error(rows[i].text, strlen(rows[i].text), rows[i].want);
}

/* libyaml's wording is its own: only the place is ours to promise. */
Test(yaml, syntax_errors_have_positions)
{
    static const struct refused rows[] = {
        {"a: [1, 2\n", "p.yaml:2:1: "},       {"a: 1\n b: 2\n", "p.yaml:2:3: "},
        {"a: 'x\n", "p.yaml:2:1: "},          {"a: }\n", "p.yaml:1:4: "},
        {"a: @x\n", "p.yaml:1:4: "},          {"a: \"\\q\"\n", "p.yaml:1:5: "},
        {"a: \"\\ud800\"\n", "p.yaml:1:7: "}, {"a: 1\n] b\n", "p.yaml:2:1: "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct yaml_node *root = NULL;
        struct err err = {0};
        char buf[1024];

        cr_assert_lt(yaml_parse(&arena, "p.yaml", rows[i].text, strlen(rows[i].text), &root, &err),
                     0, "%s", rows[i].text);
        cr_expect(str_starts(err_text(&err, buf, sizeof(buf)), rows[i].want), "%s: %s",
                  rows[i].text, buf);
    }
}

Test(yaml, refuses_nul_anywhere)
{
    expect_error("a\0b: 1", 6, "p.yaml:1:2: a NUL byte (U+0000) may not stand here");
    expect_error("a: 1\n\0", 6, "p.yaml:2:1: a NUL byte (U+0000) may not stand here");
}

static double seconds_of(const char *data, size_t len)
{
    struct timespec from;
    struct timespec to;
    struct yaml_node *root = NULL;
    struct err err = {0};

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    cr_expect_lt(yaml_parse(&arena, "p.yaml", data, len, &root, &err), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* Each of these took libyaml alone seconds to minutes. */
Test(yaml, hostile_nesting_is_refused_fast)
{
    static const char *const units[] = {"[", "{", "- ", "? ", "{a: ", "[[a]: ", "&a [", "\"x\": {"};

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        auto_buf struct buf text = {0};
        double seconds;

        while (text.len + strlen(units[i]) <= POLICY_BYTES_MAX)
            buf_add_str(&text, units[i]);
        seconds = seconds_of(text.data, text.len);
        cr_expect_lt(seconds, 0.5, "%s: %.3f s", units[i], seconds);
    }
}

Test(yaml, ten_megabytes_are_refused_fast)
{
    size_t len = 10u << 20;
    auto_free char *data = xcalloc(len, 1);
    struct yaml_node *root = NULL;
    struct err err = {0};
    char buf[1024];

    memset(data, 'a', len);
    cr_expect_lt(seconds_of(data, len), 0.05);
    yaml_parse(&arena, "p.yaml", data, len, &root, &err);
    cr_expect_str_eq(err_text(&err, buf, sizeof(buf)),
                     "p.yaml:1:1: too large: 10485760 bytes, at most 65536 are read");
}

Test(yaml, many_keys_are_fast)
{
    auto_buf struct buf text = {0};
    struct yaml_node *root = NULL;
    struct err err = {0};

    for (unsigned i = 0; i < 6000; i++)
        buf_printf(&text, "k%u: 1\n", i);
    cr_assert_eq(yaml_parse(&arena, "m", text.data, text.len, &root, &err), 0, "%s", err.msg);
    cr_expect_eq(root->count, 6000);
    buf_add_str(&text, "k7: 1\n");
    cr_expect_lt(seconds_of(text.data, text.len), 0.1);
}
