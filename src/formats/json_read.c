/* Parses JSON into a tree. */
#include "svenv/formats/json_read.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#define DEPTH_MAX 8u
#define KEYS_MAX 64u    /* each is compared with all before it */
#define NUMBER_SIZE 24u /* "-9223372036854775808" and a NUL */

struct reader {
    struct arena *arena;
    const char *data;
    size_t len;
    size_t pos;
    unsigned line;
    size_t line_start; /* position */
    const char *bad;   /* the first thing found wrong */
};

static bool json_fail(struct reader *r, const char *what)
{
    if (r->bad == NULL)
        r->bad = what;
    return false;
}

/* No line ends elsewhere: a text holds no control characters. */
static void json_skip_blanks(struct reader *r)
{
    while (r->pos < r->len && r->data[r->pos] != '\0' && strchr(" \t\r\n", r->data[r->pos])) {
        if (r->data[r->pos++] == '\n') {
            r->line++;
            r->line_start = r->pos;
        }
    }
}

static unsigned column(const struct reader *r)
{
    return (unsigned)(r->pos - r->line_start) + 1;
}

/* Takes `c` when it comes next. */
static bool json_take(struct reader *r, char c)
{
    json_skip_blanks(r);
    if (r->pos == r->len || r->data[r->pos] != c)
        return false;
    r->pos++;
    return true;
}

static bool json_take_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);

    if (r->len - r->pos < len || memcmp(r->data + r->pos, word, len) != 0)
        return false;
    r->pos += len;
    return true;
}

/* --- texts -------------------------------------------------------------------------------------
 */

static void json_put_point(struct buf *out, uint32_t point)
{
    if (point < 0x80) {
        buf_add_char(out, (char)point);
        return;
    }
    if (point < 0x800) {
        buf_add_char(out, (char)(0xC0 | point >> 6));
    } else if (point < 0x10000) {
        buf_add_char(out, (char)(0xE0 | point >> 12));
        buf_add_char(out, (char)(0x80 | (point >> 6 & 0x3F)));
    } else {
        buf_add_char(out, (char)(0xF0 | point >> 18));
        buf_add_char(out, (char)(0x80 | (point >> 12 & 0x3F)));
        buf_add_char(out, (char)(0x80 | (point >> 6 & 0x3F)));
    }
    buf_add_char(out, (char)(0x80 | (point & 0x3F)));
}

static bool take_hex(struct reader *r, uint32_t *out)
{
    static const char digits[] = "0123456789abcdef";

    *out = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = r->pos < r->len ? r->data[r->pos++] : '\0';
        const char *at = NULL;

        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        at = c != '\0' ? strchr(digits, c) : NULL;
        if (at == NULL)
            return json_fail(r, "four hexadecimal digits must follow '\\u'");
        *out = *out << 4 | (uint32_t)(at - digits);
    }
    return true;
}

static bool take_point(struct reader *r, struct buf *out)
{
    uint32_t point = 0;
    uint32_t low = 0;

    if (!take_hex(r, &point))
        return false;
    if (point >= 0xD800 && point < 0xDC00) {
        if (!json_take_word(r, "\\u") || !take_hex(r, &low) || low < 0xDC00 || low > 0xDFFF)
            return json_fail(r, "half of a surrogate pair");
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    } else if (point == 0 || (point >= 0xDC00 && point < 0xE000)) {
        return json_fail(r, "a character that no text may hold");
    }
    json_put_point(out, point);
    return true;
}

static bool json_take_escape(struct reader *r, struct buf *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char c = r->pos < r->len ? r->data[r->pos++] : '\0';
    const char *at = c != '\0' ? strchr(letters, c) : NULL;

    if (c == 'u')
        return take_point(r, out);
    if (at == NULL)
        return json_fail(r, "an escape that does not exist");
    buf_add_char(out, meanings[at - letters]);
    return true;
}

static const char *json_take_text(struct reader *r)
{
    auto_buf struct buf text = {0};

    if (!json_take(r, '"')) {
        json_fail(r, "expected a text");
        return NULL;
    }
    buf_add(&text, "", 0);
    while (r->pos < r->len) {
        char c = r->data[r->pos++];

        if (c == '"')
            return arena_strndup(r->arena, text.data, text.len);
        if ((unsigned char)c < 0x20) {
            json_fail(r, "a control character in a text");
            return NULL;
        }
        if (c != '\\')
            buf_add_char(&text, c);
        else if (!json_take_escape(r, &text))
            return NULL;
    }
    json_fail(r, "a text without an end");
    return NULL;
}

/* --- values ------------------------------------------------------------------------------------
 */

static bool json_take_value(struct reader *r, unsigned depth, struct json_node *out);

static bool take_list(struct reader *r, unsigned depth, struct json_node *out)
{
    out->kind = JSON_LIST;
    if (json_take(r, ']'))
        return true;
    do {
        struct json_node item = {.kind = JSON_NULL};

        if (!json_take_value(r, depth + 1, &item))
            return false;
        *(struct json_node *)arena_push(r->arena, &out->items, &out->count, sizeof(item)) = item;
    } while (json_take(r, ','));
    return json_take(r, ']') || json_fail(r, "expected ',' or ']'");
}

static bool has_key(const struct json_node *map, const char *key)
{
    return json_get(map, key) != NULL;
}

static bool take_map(struct reader *r, unsigned depth, struct json_node *out)
{
    size_t key_count = 0;

    out->kind = JSON_MAP;
    if (json_take(r, '}'))
        return true;
    do {
        const char *key = json_take_text(r);
        struct json_node item = {.kind = JSON_NULL};

        if (key == NULL)
            return false;
        if (has_key(out, key) || key_count == KEYS_MAX)
            return json_fail(r, key_count == KEYS_MAX ? "too many keys"
                                                      : "a key that was there before");
        if (!json_take(r, ':'))
            return json_fail(r, "expected ':'");
        if (!json_take_value(r, depth + 1, &item))
            return false;
        *(const char **)arena_push(r->arena, &out->keys, &key_count, sizeof(key)) = key;
        *(struct json_node *)arena_push(r->arena, &out->items, &out->count, sizeof(item)) = item;
    } while (json_take(r, ','));
    return json_take(r, '}') || json_fail(r, "expected ',' or '}'");
}

static bool take_number(struct reader *r, struct json_node *out)
{
    char text[NUMBER_SIZE];
    size_t len = 0;

    while (r->pos < r->len && len < sizeof(text) - 1 && r->data[r->pos] != '\0' &&
           strchr("-+.0123456789eE", r->data[r->pos]))
        text[len++] = r->data[r->pos++];
    text[len] = '\0';
    out->kind = JSON_NUMBER;
    if (len == 0)
        return json_fail(r, "expected a value");
    return num_parse_i64(text, INT64_MIN, INT64_MAX, &out->number) == 0 ||
           json_fail(r, "a number that is not whole, or too large");
}

static bool json_take_value(struct reader *r, unsigned depth, struct json_node *out)
{
    if (depth > DEPTH_MAX)
        return json_fail(r, "too many levels");
    json_skip_blanks(r);
    out->line = r->line;
    out->col = column(r);
    if (json_take_word(r, "null"))
        return true;
    if (json_take_word(r, "true") || json_take_word(r, "false")) {
        out->kind = JSON_BOOL;
        out->number = r->data[r->pos - 2] == 'u';
        return true;
    }
    if (json_take(r, '{'))
        return take_map(r, depth, out);
    if (json_take(r, '['))
        return take_list(r, depth, out);
    if (r->pos < r->len && r->data[r->pos] == '"') {
        out->kind = JSON_STRING;
        out->text = json_take_text(r);
        return out->text != NULL;
    }
    return take_number(r, out);
}

int json_parse(struct arena *arena, const char *name, unsigned line, const char *data, size_t len,
               struct json_node *out, struct err *err)
{
    struct reader r = {.arena = arena, .data = data, .len = len, .line = line};
    struct json_node root = {.kind = JSON_NULL};

    if (len > MANIFEST_BYTES_MAX)
        return err_at(err, name, line, 0, "more than %d bytes", MANIFEST_BYTES_MAX);
    if (json_take_value(&r, 1, &root)) {
        json_skip_blanks(&r);
        if (r.pos != len)
            json_fail(&r, "text behind the end");
    }
    if (r.bad != NULL)
        return err_at(err, name, r.line, column(&r), "%s", r.bad);
    *out = root;
    return 0;
}

const struct json_node *json_get(const struct json_node *map, const char *key)
{
    for (size_t i = 0; map != NULL && map->kind == JSON_MAP && i < map->count; i++) {
        if (str_eq(map->keys[i], key))
            return &map->items[i];
    }
    return NULL;
}
