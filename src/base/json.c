/* Writes JSON into a buffer. */
#include "svenv/base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "svenv/base/str.h"

#include "text-internal.h"

#define MAX_DEPTH 32

void json_init(struct json *json, struct buf *out, bool pretty)
{
    *json = (struct json){.out = out, .pretty = pretty};
}

static uint32_t level_bit(const struct json *json)
{
    return UINT32_C(1) << (json->depth - 1);
}

static void new_line(struct json *json)
{
    if (!json->pretty)
        return;
    buf_add_char(json->out, '\n');
    for (unsigned i = 0; i < json->depth; i++)
        buf_add(json->out, "  ", 2);
}

/* Writes the separator that must stand before the next key or value. */
static void begin_item(struct json *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth == 0)
        return;
    if (json->has_items & level_bit(json))
        buf_add_char(json->out, ',');
    json->has_items |= level_bit(json);
    new_line(json);
}

void json_open(struct json *json, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(json->depth < MAX_DEPTH);
    begin_item(json);
    buf_add_char(json->out, bracket);
    json->depth++;
    json->has_items &= ~level_bit(json);
}

void json_close(struct json *json, char bracket)
{
    bool had_items = false;

    assert(bracket == '}' || bracket == ']');
    assert(json->depth > 0 && !json->after_key);
    had_items = json->has_items & level_bit(json);
    json->depth--;
    if (had_items)
        new_line(json);
    buf_add_char(json->out, bracket);
}

/* Escaped beyond what JSON asks: people read this on terminals. */
static void put_code_point(struct buf *out, const char *bytes, size_t len, uint32_t point)
{
    if (point == '"' || point == '\\')
        buf_printf(out, "\\%c", (char)point);
    else if (point == '\n')
        buf_add_str(out, "\\n");
    else if (point == '\t')
        buf_add_str(out, "\\t");
    else if (text_is_control(point))
        buf_printf(out, "\\u%04" PRIx32, point);
    else
        buf_add(out, bytes, len);
}

static void json_put_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    buf_add_char(out, '"');
    for (size_t i = 0; i < len;) {
        uint32_t point = 0;
        size_t used = text_decode(text + i, len - i, &point);

        if (used > 0)
            put_code_point(out, text + i, used, point);
        else
            buf_add_str(out, "\xEF\xBF\xBD");
        i += used > 0 ? used : 1;
    }
    buf_add_char(out, '"');
}

void json_key(struct json *json, const char *key)
{
    assert(json->depth > 0 && !json->after_key);
    begin_item(json);
    json_put_text(json->out, key);
    buf_add_str(json->out, json->pretty ? ": " : ":");
    json->after_key = true;
}

void json_str(struct json *json, const char *value)
{
    begin_item(json);
    if (value != NULL)
        json_put_text(json->out, value);
    else
        buf_add_str(json->out, "null");
}

void json_int(struct json *json, int64_t value)
{
    begin_item(json);
    buf_printf(json->out, "%" PRId64, value);
}

void json_uint(struct json *json, uint64_t value)
{
    begin_item(json);
    buf_printf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, bool value)
{
    begin_item(json);
    buf_add_str(json->out, value ? "true" : "false");
}
