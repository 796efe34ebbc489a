#include <criterion/criterion.h>
#include <errno.h>

#include "svenv/base/mem.h"
#include "svenv/base/num.h"

#define UNTOUCHED 4242

static const struct {
    const char *text;
    int64_t min, max;
    int rc;
    int64_t want;
} signed_rows[] = {
    {"0", INT64_MIN, INT64_MAX, 0, 0},
    {"-0", INT64_MIN, INT64_MAX, 0, 0},
    {"007", 0, 10, 0, 7},
    {"9223372036854775807", INT64_MIN, INT64_MAX, 0, INT64_MAX},
    {"-9223372036854775808", INT64_MIN, INT64_MAX, 0, INT64_MIN},
    {"9223372036854775808", INT64_MIN, INT64_MAX, -ERANGE, UNTOUCHED},
    {"-9223372036854775809", INT64_MIN, INT64_MAX, -ERANGE, UNTOUCHED},
    {"99999999999999999999999", INT64_MIN, INT64_MAX, -ERANGE, UNTOUCHED},
    {"99999999999999999999999x", INT64_MIN, INT64_MAX, -EINVAL, UNTOUCHED},
    {"-1", 0, 10, -ERANGE, UNTOUCHED},
    {"11", 0, 10, -ERANGE, UNTOUCHED},
    {"", 0, 10, -EINVAL, UNTOUCHED},
    {"-", -10, 10, -EINVAL, UNTOUCHED},
    {"--1", -10, 10, -EINVAL, UNTOUCHED},
    {"+1", 0, 10, -EINVAL, UNTOUCHED},
    {" 1", 0, 10, -EINVAL, UNTOUCHED},
    {"1 ", 0, 10, -EINVAL, UNTOUCHED},
    {"1\n", 0, 10, -EINVAL, UNTOUCHED},
    {"0x1", 0, 10, -EINVAL, UNTOUCHED},
    {"1.0", 0, 10, -EINVAL, UNTOUCHED},
    {"1e1", 0, 10, -EINVAL, UNTOUCHED},
};

Test(num, i64)
{
    for (size_t i = 0; i < ARRAY_SIZE(signed_rows); i++) {
        int64_t got = UNTOUCHED;
        int rc = num_parse_i64(signed_rows[i].text, signed_rows[i].min, signed_rows[i].max, &got);

        cr_expect_eq(rc, signed_rows[i].rc, "'%s': %d", signed_rows[i].text, rc);
        cr_expect_eq(got, signed_rows[i].want, "'%s'", signed_rows[i].text);
    }
}

struct row {
    const char *text;
    int rc;
    uint64_t want;
};

static void check(const struct row *rows, size_t count, int (*parse)(const char *, uint64_t *))
{
    for (size_t i = 0; i < count; i++) {
        uint64_t got = UNTOUCHED;
        int rc = parse(rows[i].text, &got);

        cr_expect_eq(rc, rows[i].rc, "'%s': %d", rows[i].text, rc);
        cr_expect_eq(got, rows[i].rc == 0 ? rows[i].want : UNTOUCHED, "'%s'", rows[i].text);
    }
}

static int parse_any_u64(const char *text, uint64_t *out)
{
    return num_parse_u64(text, UINT64_MAX, out);
}

static int parse_port(const char *text, uint64_t *out)
{
    return num_parse_u64(text, 65535, out);
}

static int parse_mode(const char *text, uint64_t *out)
{
    uint32_t mode = UNTOUCHED;
    int rc = num_parse_octal(text, 07777, &mode);

    *out = mode;
    return rc;
}

static const struct row u64_rows[] = {
    {"0", 0, 0},        {"18446744073709551615", 0, UINT64_MAX},
    {"-0", -EINVAL, 0}, {"18446744073709551616", -ERANGE, 0},
    {"-1", -EINVAL, 0}, {"184467440737095516150", -ERANGE, 0},
    {"", -EINVAL, 0},   {"\xd9\xa1", -EINVAL, 0},
};
static const struct row port_rows[] = {{"65535", 0, 65535}, {"65536", -ERANGE, 0}};
static const struct row mode_rows[] = {
    {"755", 0, 0755},   {"0755", 0, 0755},
    {"7777", 0, 07777}, {"10000", -ERANGE, 0},
    {"8", -EINVAL, 0},  {"0o755", -EINVAL, 0},
    {"", -EINVAL, 0},   {"-7", -EINVAL, 0},
    {"79", -EINVAL, 0}, {"7777777777777777777777777", -ERANGE, 0},
};
static const struct row size_rows[] = {
    {"0", 0, 0},
    {"4096", 0, 4096},
    {"1K", 0, 1024},
    {"4G", 0, 4294967296},
    {"16777215T", 0, UINT64_C(16777215) << 40},
    {"16777216T", -ERANGE, 0},
    {"99999999999999999999K", -ERANGE, 0},
    {"99999999999999999999X", -EINVAL, 0},
    {"K", -EINVAL, 0},
    {"1k", -EINVAL, 0},
    {"1KB", -EINVAL, 0},
    {"1 K", -EINVAL, 0},
    {"1.5G", -EINVAL, 0},
    {"-1K", -EINVAL, 0},
    {"", -EINVAL, 0},
    {"1P", -EINVAL, 0},
};
static const struct row duration_rows[] = {
    {"0", 0, 0},           {"90", 0, 90},
    {"90s", 0, 90},        {"2m", 0, 120},
    {"1h", 0, 3600},       {"2d", 0, 172800},
    {"1h30m", -EINVAL, 0}, {"s", -EINVAL, 0},
    {"1w", -EINVAL, 0},    {"213503982334602d", -ERANGE, 0},
};

Test(num, unsigned_and_units)
{
    check(u64_rows, ARRAY_SIZE(u64_rows), parse_any_u64);
    check(port_rows, ARRAY_SIZE(port_rows), parse_port);
    check(mode_rows, ARRAY_SIZE(mode_rows), parse_mode);
    check(size_rows, ARRAY_SIZE(size_rows), num_parse_size);
    check(duration_rows, ARRAY_SIZE(duration_rows), num_parse_duration);
}

Test(num, leading)
{
    static const struct {
        const char *text;
        uint64_t number;
        int id;
    } rows[] = {{"7\t812", 7, 7},
                {"", 0, 0},
                {"x7", 0, 0},
                {"-1", 0, 0},
                {" 7", 0, 0},
                {"2147483647\n", 2147483647, 2147483647},
                {"2147483648", 2147483648, 0},
                {"99999999999999999999", UINT64_MAX, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect_eq(num_leading(rows[i].text), rows[i].number, "%s", rows[i].text);
        cr_expect_eq(num_leading_id(rows[i].text), rows[i].id, "%s", rows[i].text);
    }
}
