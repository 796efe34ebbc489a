/* Any bytes: the value of a needed key is the one that a plain reading of the lines gives (split at
 * the first '=', trimmed, the last one counts), or there is an error. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/ini.h"

#include "fuzz.h"

/* Length of the white space at text[0] as Python's str.strip() sees it: Unicode's, too. */
static size_t blank_at(const char *text, size_t len)
{
    unsigned char a = (unsigned char)text[0];
    unsigned char b = len > 1 ? (unsigned char)text[1] : 0;
    unsigned char c = len > 2 ? (unsigned char)text[2] : 0;

    if (strchr(" \t\r", text[0]) != NULL)
        return 1;
    if (a == 0xc2)
        return b == 0x85 || b == 0xa0 ? 2 : 0;
    if (a == 0xe2 && b == 0x80)
        return (c >= 0x80 && c <= 0x8a) || c == 0xa8 || c == 0xa9 || c == 0xaf ? 3 : 0;
    return (a == 0xe1 && b == 0x9a && c == 0x80) || (a == 0xe2 && b == 0x81 && c == 0x9f) ||
                   (a == 0xe3 && b == 0x80 && c == 0x80)
               ? 3
               : 0;
}

static char *trimmed(struct arena *arena, const char *from, const char *to)
{
    for (size_t used = 1; from < to && used > 0; from += used)
        used = blank_at(from, (size_t)(to - from));
    for (size_t len = 1; len <= 3 && (size_t)(to - from) >= len; len++) {
        if (blank_at(to - len, len) == len) {
            to -= len;
            len = 0;
        }
    }
    return arena_strndup(arena, from, (size_t)(to - from));
}

static const char *plain_reading(struct arena *arena, const char *text, const char *key)
{
    const char *value = NULL;

    while (*text != '\0') {
        const char *end = text + strcspn(text, "\n");
        const char *equals = memchr(text, '=', (size_t)(end - text));

        if (equals != NULL && strcasecmp(trimmed(arena, text, equals), key) == 0)
            value = trimmed(arena, equals + 1, end);
        text = *end == '\n' ? end + 1 : end;
    }
    return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const needed[] = {"home", "version", NULL};
    struct arena arena = {NULL};
    struct ini_file file = {0};
    struct err err = {0};
    int result = ini_parse_text(&arena, "fuzz", (const char *)data, size, needed, &file, &err);

    if (result < 0) {
        assert(err.msg[0] != '\0' && err.pos.line > 0 && err.pos.col > 0);
    } else {
        const char *text = arena_strndup(&arena, (const char *)data, size);

        for (size_t i = 0; needed[i] != NULL; i++) {
            const char *have = ini_get(&file, needed[i]);
            const char *want = plain_reading(&arena, text, needed[i]);

            assert((have == NULL) == (want == NULL));
            assert(have == NULL || str_eq(have, want));
        }
    }
    arena_finish(&arena);
    return 0;
}
