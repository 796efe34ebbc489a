/* Refuses bytes that have no place in a YAML file of ours. */
#include "yaml-internal.h"

#include <stdint.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"

/* Characters that may not stand in a file. A JSON writer must escape each of them, or a hostile
 * file name makes a manifest unreadable. libyaml refuses most of them too, but without a
 * position; the line separators would start lines that no editor shows, and the direction marks
 * make a reviewer read something else than the parser does. */
static const struct refused_range {
    uint32_t first;
    uint32_t last;
    const char *text;
} refused_ranges[] = {
    {0x0000, 0x0000, "a NUL byte"},
    {0x0001, 0x0008, "a control character"},
    {0x000b, 0x000c, "a control character"},
    {0x000e, 0x001f, "a control character"},
    {0x007f, 0x009f, "a control character"},
    {0x2028, 0x2029, "an invisible line break"},
    {0x202a, 0x202e, "an invisible direction mark"},
    {0x2066, 0x2069, "an invisible direction mark"},
    {0xfffe, 0xffff, "a character that Unicode does not define"},
};

static const char *refused_character(uint32_t c)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused_ranges); i++) {
        if (c >= refused_ranges[i].first && c <= refused_ranges[i].last)
            return refused_ranges[i].text;
    }
    return NULL;
}

/* Decodes one character, strictly: no overlong form, no surrogate, nothing above U+10FFFF.
 * Return: its length in bytes, 0 when it is not UTF-8. */
static size_t decode_utf8(const unsigned char *p, size_t left, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c;

    if (len == 0 || p[0] > 0xf4 || len > left)
        return 0;
    c = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3fu);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return len;
}

int yaml_check_text(const char *name, const char *data, size_t len, struct err *err)
{
    const unsigned char *p = (const unsigned char *)data;
    const unsigned char *end = p + len;
    unsigned line = 1;
    unsigned col = 1;
    uint32_t c = 0;

    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    for (size_t size; p < end; p += size) {
        const char *refused;

        size = decode_utf8(p, (size_t)(end - p), &c);
        if (size == 0)
            return err_at(err, name, line, col, "this is not UTF-8 (byte 0x%02x)", *p);
        refused = refused_character(c);
        if (refused != NULL)
            return err_at(err, name, line, col, "%s (U+%04X) may not stand here", refused,
                          (unsigned)c);
        /* A carriage return ends a line for libyaml, with or without a newline after it. */
        if (c == '\n' || (c == '\r' && (p + 1 == end || p[1] != '\n'))) {
            line++;
            col = 1;
        } else {
            col++;
        }
    }
    return 0;
}
