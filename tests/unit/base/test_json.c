#include <criterion/criterion.h>

#include "svenv/base/json.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static const struct {
    const char *label, *text, *want;
} strings[] = {
    {"empty", "", "\"\""},
    {"null", NULL, "null"},
    {"quotes", "a\"b\\c", "\"a\\\"b\\\\c\""},
    {"short escapes", "\n\t", "\"\\n\\t\""},
    {"controls", "\x01\x1b\x7f", "\"\\u0001\\u001b\\u007f\""},
    {"C1 and bidirectional", "\xc2\x9b\xe2\x80\xae", "\"\\u009b\\u202e\""},
    {"what YAML refuses", "\xef\xbb\xbf\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf",
     "\"\\ufeff\xef\xbf\xbd\\ufffe\\uffff\""},
    {"two, three, four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8d",
     "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x8d\""},
    {"stray bytes", "a\xff\x80z", "\"a\xef\xbf\xbd\xef\xbf\xbdz\""},
    {"overlong slash", "\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"surrogate", "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {"cut short", "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"above the last", "\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

Test(json, strings)
{
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        auto_buf struct buf out = {0};
        struct json json;

        json_init(&json, &out, false);
        json_str(&json, strings[i].text);
        cr_expect_str_eq(out.data, strings[i].want, "%s", strings[i].label);
    }
}

static void write_sample(struct buf *out, bool pretty)
{
    struct json json;

    json_init(&json, out, pretty);
    json_open(&json, '{');
    json_key(&json, "a");
    json_int(&json, INT64_MIN);
    json_key(&json, "b");
    json_open(&json, '[');
    json_uint(&json, UINT64_MAX);
    json_bool(&json, true);
    json_open(&json, '{');
    json_close(&json, '}');
    json_open(&json, '[');
    json_close(&json, ']');
    json_bool(&json, false);
    json_close(&json, ']');
    json_key(&json, "c\n");
    json_str(&json, NULL);
    json_close(&json, '}');
}

Test(json, commas_and_nesting)
{
    auto_buf struct buf out = {0};

    write_sample(&out, false);
    cr_expect_str_eq(out.data, "{\"a\":-9223372036854775808,\"b\":[18446744073709551615,true,{},[],"
                               "false],\"c\\n\":null}");
}

Test(json, pretty)
{
    auto_buf struct buf out = {0};

    write_sample(&out, true);
    cr_expect_str_eq(out.data, "{\n  \"a\": -9223372036854775808,\n  \"b\": [\n"
                               "    18446744073709551615,\n    true,\n    {},\n    [],\n    false\n"
                               "  ],\n  \"c\\n\": null\n}");
}

Test(json, deepest_level)
{
    auto_buf struct buf out = {0};
    struct json json;

    json_init(&json, &out, false);
    for (int i = 0; i < 32; i++)
        json_open(&json, '[');
    json_int(&json, 1);
    json_int(&json, 2);
    for (int i = 0; i < 32; i++)
        json_close(&json, ']');
    cr_expect(str_starts(out.data + 31, "[1,2]"));
    cr_expect_eq(out.len, 32 + 3 + 32);
}
