/* UTF-8, and text of others made safe for a terminal. */
#include "text-internal.h"

#include <stdio.h>
#include <string.h>

/* Unicode 15.0, table 3-7: the second byte's range depends on the first, and that excludes overlong
 * forms, surrogates and everything above U+10FFFF. */
static const struct {
    unsigned char first_min, first_max, second_min, second_max;
    unsigned char len;
} utf8_forms[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static const struct {
    uint32_t min, max;
} control_ranges[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200E, 0x200F}, {0x2028, 0x202E},
    {0x2066, 0x2069}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF},
};

static size_t utf8_form_len(unsigned char first, unsigned char second)
{
    for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
        if (first >= utf8_forms[i].first_min && first <= utf8_forms[i].first_max)
            return second >= utf8_forms[i].second_min && second <= utf8_forms[i].second_max
                       ? utf8_forms[i].len
                       : 0;
    }
    return 0;
}

size_t text_decode(const char *text, size_t len, uint32_t *point_out)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t form = 0;
    uint32_t point = 0;

    if (len == 0)
        return 0;
    if (bytes[0] < 0x80) {
        *point_out = bytes[0];
        return 1;
    }
    if (len < 2)
        return 0;
    form = utf8_form_len(bytes[0], bytes[1]);
    if (form == 0 || form > len)
        return 0;
    point = bytes[0] & (0x7Fu >> form);
    for (size_t i = 1; i < form; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        point = (point << 6) | (bytes[i] & 0x3Fu);
    }
    *point_out = point;
    return form;
}

bool text_is_control(uint32_t point)
{
    for (size_t i = 0; i < sizeof(control_ranges) / sizeof(control_ranges[0]); i++) {
        if (point >= control_ranges[i].min && point <= control_ranges[i].max)
            return true;
    }
    return false;
}

size_t text_printable(const char *text, size_t len)
{
    uint32_t point = 0;
    size_t used = text_decode(text, len, &point);

    return used > 0 && !text_is_control(point) ? used : 0;
}

/* Return: how many bytes of the text went into dst. */
static size_t escape_some(char *dst, size_t size, const char *text, size_t len, size_t *used_out)
{
    size_t used = 0;
    size_t done = 0;

    while (done < len) {
        size_t plain = text_printable(text + done, len - done);

        if (used + (plain > 0 ? plain : 4) >= size)
            break;
        if (plain > 0) {
            memcpy(dst + used, text + done, plain);
            used += plain;
            done += plain;
        } else {
            snprintf(dst + used, size - used, "\\x%02x", (unsigned char)text[done]);
            used += 4;
            done++;
        }
    }
    dst[used] = '\0';
    *used_out = used;
    return done;
}

size_t text_escape(char *dst, size_t size, const char *text, size_t len)
{
    static const char mark[] = "...";
    size_t used = 0;

    if (escape_some(dst, size, text, len, &used) == len || size < 2 * sizeof(mark))
        return used;
    escape_some(dst, size - (sizeof(mark) - 1), text, len, &used);
    memcpy(dst + used, mark, sizeof(mark));
    return used + sizeof(mark) - 1;
}
