/* Bytes that are written as "%20". */
#include <stdio.h>

#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/base/percent.h"
#include "svenv/base/str.h"

/* NULL: refused. */
static const struct {
    const char *text;
    const char *as_url;
    const char *as_own;
} cases[] = {
    {"", "", ""},
    {"/a b", "/a b", "/a b"},
    {"/a%20b", "/a b", "/a b"},
    {"%25", "%", "%"},
    {"%2525", "%25", "%25"},
    {"%C3%A9", "\xc3\xa9", "\xc3\xa9"},
    {"%FF%01", "\xff\x01", "\xff\x01"},
    {"%c3%a9", "\xc3\xa9", NULL},
    {"%aF", "\xaf", NULL},
    {"%", "%", NULL},
    {"%2", "%2", NULL},
    {"a%zz", "a%zz", NULL},
    {"%%41", "%A", NULL},
    {"%4%31", "%41", NULL},
    {"%2g%20", "%2g ", NULL},
    {"+", "+", "+"},
    {"%00", NULL, NULL},
    {"/etc%00/x", NULL, NULL},
};

static void expect(const char *text, enum percent_rule rule, const char *want)
{
    char got[64];

    snprintf(got, sizeof(got), "%s", text);
    cr_expect_eq(percent_decode(got, rule), want != NULL, "'%s' by rule %d", text, (int)rule);
    if (want)
        cr_expect(str_eq(got, want), "'%s' by rule %d gave '%s'", text, (int)rule, got);
}

Test(percent, decodes_by_both_rules)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        expect(cases[i].text, PERCENT_URL, cases[i].as_url);
        expect(cases[i].text, PERCENT_OWN, cases[i].as_own);
    }
}
