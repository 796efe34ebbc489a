/* A text as a scalar of YAML. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy-internal.h"
#include "svenv/base/str.h"

static bool is_plain(const char *text)
{
    static const char *const taken[] = {"true", "false", "null", "yes",   "no",   "on",  "off",
                                        "y",    "n",     "True", "False", "Null", "Yes", "No"};
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";

    if (text[0] == '\0' ||
        !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/.", text[0]))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        if (str_eq(text, taken[i]))
            return false;
    }
    return text[strspn(text, safe)] == '\0';
}

/* Characters that YAML does not take as they are, or that would make a line look like another one:
 * controls, line and paragraph separators, marks of zero width and of direction. */
static bool is_invisible(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x200b, 0x200f},
        {0x2028, 0x202f}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff0, 0xffff},
    };

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    }
    return false;
}

/* Texts are UTF-8: they were checked when they came in. */
void policy_print_scalar(const char *text, struct buf *out)
{
    if (is_plain(text)) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    while (*text != '\0') {
        uint32_t character = 0;
        size_t len = policy_utf8_decode(text, &character);

        assert(len > 0);
        if (is_invisible(character))
            buf_printf(out, "\\u%04x", (unsigned)character);
        else if (character == '"' || character == '\\')
            buf_printf(out, "\\%c", *text);
        else
            buf_add(out, text, len);
        text += len;
    }
    buf_add_char(out, '"');
}
