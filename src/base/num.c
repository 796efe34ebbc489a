/* Parses numbers, sizes and durations. */
#include "svenv/base/num.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct unit {
    char letter;
    uint64_t factor;
};

/* Reads digits of a base up to the first other byte, to which *text then points. */
static int parse_digits(const char **text, unsigned base, uint64_t *out)
{
    const char *at = *text;
    uint64_t value = 0;
    bool overflow = false;

    while (*at >= '0' && *at < (char)('0' + base)) {
        overflow |= __builtin_mul_overflow(value, (uint64_t)base, &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value);
        at++;
    }
    if (at == *text)
        return -EINVAL;
    *text = at;
    /* "999...9x" is a wrong word first and a big number second: the caller checks the rest. */
    *out = overflow ? UINT64_MAX : value;
    return overflow ? -ERANGE : 0;
}

static int parse_whole(const char *text, unsigned base, uint64_t *out)
{
    int rc = parse_digits(&text, base, out);

    return rc != -EINVAL && *text != '\0' ? -EINVAL : rc;
}

uint64_t num_leading(const char *text)
{
    uint64_t value = 0;

    (void)parse_digits(&text, 10, &value);
    return value;
}

int num_leading_id(const char *text)
{
    uint64_t value = num_leading(text);

    return value <= INT_MAX ? (int)value : 0;
}

int num_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t size = 0;
    int64_t value = 0;
    int rc = parse_whole(text + negative, 10, &size);

    if (rc < 0)
        return rc;
    if (size > (uint64_t)INT64_MAX + negative)
        return -ERANGE;
    value = negative ? (int64_t)(0 - size) : (int64_t)size;
    if (value < min || value > max)
        return -ERANGE;
    *out = value;
    return 0;
}

int num_parse_u64(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    int rc = parse_whole(text, 10, &value);

    if (rc < 0)
        return rc;
    if (value > max)
        return -ERANGE;
    *out = value;
    return 0;
}

int num_parse_octal(const char *text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    int rc = parse_whole(text, 8, &value);

    if (rc < 0)
        return rc;
    if (value > max)
        return -ERANGE;
    *out = (uint32_t)value;
    return 0;
}

static int parse_with_unit(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t value = 0;
    uint64_t factor = 1;
    int rc = parse_digits(&text, 10, &value);

    if (rc == -EINVAL)
        return rc;
    for (size_t i = 0; i < count && *text != '\0'; i++) {
        if (*text == units[i].letter) {
            factor = units[i].factor;
            text++;
            break;
        }
    }
    if (*text != '\0')
        return -EINVAL;
    if (rc < 0 || __builtin_mul_overflow(value, factor, &value))
        return -ERANGE;
    *out = value;
    return 0;
}

int num_parse_size(const char *text, uint64_t *out)
{
    static const struct unit units[] = {
        {'K', UINT64_C(1) << 10},
        {'M', UINT64_C(1) << 20},
        {'G', UINT64_C(1) << 30},
        {'T', UINT64_C(1) << 40},
    };

    return parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), out);
}

int num_parse_duration(const char *text, uint64_t *out_seconds)
{
    static const struct unit units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

    return parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), out_seconds);
}
