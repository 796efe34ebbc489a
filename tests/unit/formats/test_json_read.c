#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "svenv/base/err.h"
#include "svenv/base/json.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/json_read.h"

static int parse(struct arena *arena, const char *text, struct json_node *out, struct err *err)
{
    return json_parse(arena, "x", 3, text, strlen(text), out, err);
}

Test(json_read, texts)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"\"\"", ""},
        {"  \"a b\"\n", "a b"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\ud83d\\udc0d\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8d"},
        {"\"\xc3\xa9\"", "\xc3\xa9"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena arena = {0};
        struct json_node node;
        struct err err = {0};

        cr_assert_eq(parse(&arena, rows[i].text, &node, &err), 0, "%s: %s", rows[i].text, err.msg);
        cr_expect_eq(node.kind, JSON_STRING);
        cr_expect_str_eq(node.text, rows[i].want);
        arena_finish(&arena);
    }
}

Test(json_read, values)
{
    struct arena arena = {0};
    struct json_node node;
    const struct json_node *list = NULL;

    cr_assert_eq(
        parse(&arena, "{\"a\": [1, -9223372036854775808, true, false, null, {}, []]}", &node, NULL),
        0);
    list = json_get(&node, "a");
    cr_assert_eq(list->count, 7);
    cr_expect_eq(list->items[0].number, 1);
    cr_expect_eq(list->items[1].number, INT64_MIN);
    cr_expect(list->items[2].kind == JSON_BOOL && list->items[2].number == 1);
    cr_expect(list->items[3].kind == JSON_BOOL && list->items[3].number == 0);
    cr_expect_eq(list->items[4].kind, JSON_NULL);
    cr_expect(list->items[5].kind == JSON_MAP && list->items[5].count == 0);
    cr_expect(list->items[6].kind == JSON_LIST && list->items[6].count == 0);
    cr_expect_null(json_get(&node, "b"));
    cr_expect_null(json_get(list, "a"));
    arena_finish(&arena);
}

Test(json_read, refusals)
{
    static const char *const rows[] = {
        "",
        " ",
        "x",
        "{",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1,\"a\":2}",
        "1 2",
        "1.5",
        "1e3",
        "9223372036854775808",
        "-",
        "--1",
        "tru",
        "truex",
        "\"",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"a\nb\"",
        "[[[[[[[[[1]]]]]]]]]",
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct arena arena = {0};
        struct json_node node;
        struct err err = {0};

        cr_expect_eq(parse(&arena, rows[i], &node, &err), -EINVAL, "%s", rows[i]);
        cr_expect(err.pos.line == 3 && err.msg[0] != '\0', "%s", rows[i]);
        arena_finish(&arena);
    }
}

Test(json_read, bounds)
{
    auto_buf struct buf text = {0};
    struct arena arena = {0};
    struct json_node node;

    buf_add_char(&text, '{');
    for (int i = 0; i < 65; i++)
        buf_printf(&text, "%s\"k%d\":1", i > 0 ? "," : "", i);
    buf_add_char(&text, '}');
    cr_expect_eq(parse(&arena, text.data, &node, NULL), -EINVAL);
    text.len = 0;
    for (int i = 0; i < 300000; i++)
        buf_add_char(&text, '[');
    cr_expect_eq(parse(&arena, text.data, &node, NULL), -EINVAL);
    arena_finish(&arena);
}

Test(json_read, positions)
{
    static const char text[] = "{\n  \"a\": [1,\r\n    {}],\n \"b\":\"x\"}";
    struct arena arena = {0};
    struct json_node node;
    struct err err = {0};

    cr_assert_eq(parse(&arena, text, &node, &err), 0, "%s", err.msg);
    cr_expect(node.line == 3 && node.col == 1);
    cr_expect(json_get(&node, "a")->line == 4 && json_get(&node, "a")->col == 8);
    cr_expect(json_get(&node, "a")->items[1].line == 5 && json_get(&node, "a")->items[1].col == 5);
    cr_expect(json_get(&node, "b")->line == 6 && json_get(&node, "b")->col == 6);
    cr_expect_eq(parse(&arena, "[1,\n  1.5]", &node, &err), -EINVAL);
    cr_expect(err.pos.line == 4 && err.pos.col == 6, "%u:%u", err.pos.line, err.pos.col);
    arena_finish(&arena);
}

/* Names in the manifest and words in the logs come from anybody. */
Test(json_read, reads_what_the_writer_writes)
{
    static const char every_kind[] = "x\n\t\x01\x1b\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf"
                                     "\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\x90\x8d & *y";

    for (int pretty = 0; pretty < 2; pretty++) {
        auto_buf struct buf text = {0};
        struct arena arena = {0};
        struct json json;
        struct json_node root;
        struct err err = {0};

        json_init(&json, &text, pretty);
        json_open(&json, '{');
        json_key(&json, "a key: \"\\#'");
        json_str(&json, every_kind);
        json_key(&json, "n");
        json_int(&json, -5);
        json_key(&json, "list");
        json_open(&json, '[');
        json_bool(&json, true);
        json_str(&json, NULL);
        json_str(&json, "");
        json_open(&json, '{');
        json_close(&json, '}');
        json_close(&json, ']');
        json_close(&json, '}');
        cr_assert_eq(json_parse(&arena, "m", 1, text.data, text.len, &root, &err), 0, "%s in %s",
                     err.msg, text.data);
        cr_expect_str_eq(json_get(&root, "a key: \"\\#'")->text, every_kind);
        cr_expect_eq(json_get(&root, "n")->number, -5);
        cr_expect_eq(json_get(&root, "list")->count, 4);
        arena_finish(&arena);
    }
}

/* Time that grows with the square of the size would show here. */
Test(json_read, large_ones_are_fast)
{
    auto_buf struct buf text = {0};
    struct arena arena = {0};
    struct json_node root;
    struct timespec from, to;
    struct err err = {0};

    buf_add_char(&text, '[');
    for (unsigned i = 0; text.len < (4u << 20) - 64; i++)
        buf_printf(&text, "%s\n  \"entry-%u\"", i > 0 ? "," : "", i);
    buf_add_char(&text, ']');
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    cr_assert_eq(json_parse(&arena, "m", 1, text.data, text.len, &root, &err), 0, "%s", err.msg);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    cr_expect_lt((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
                 2.0);
    cr_expect_gt(root.count, 200000);
    buf_add_str(&text, "                                                                ");
    cr_expect_eq(json_parse(&arena, "m", 1, text.data, text.len, &root, &err), -EINVAL);
    arena_finish(&arena);
}
