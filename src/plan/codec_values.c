/* Numbers, strings and arrays of the compiled plan, written or read. */
#include "codec-internal.h"

#include <assert.h>
#include <string.h>

#define ITEM_GROWTH 4u    /* no struct is more times as large as its smallest item in the file */
#define ABSENT UINT32_MAX /* length of a string that is NULL */

void codec_fail(struct codec *c, const char *what)
{
    if (c->bad == NULL)
        c->bad = what;
}

/* `count` bytes of input, or NULL when there are not as many. */
const unsigned char *codec_take(struct codec *c, size_t count)
{
    const unsigned char *at = c->data + c->pos;

    if (c->bad != NULL || c->len - c->pos < count) {
        codec_fail(c, "ends too early");
        return NULL;
    }
    c->pos += count;
    return at;
}

/* Little-endian on disk, as on every machine that this runs on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian");

static uint64_t code_number(struct codec *c, uint64_t value, unsigned bytes)
{
    const unsigned char *in = NULL;

    if (c->out != NULL) {
        buf_add(c->out, &value, bytes);
        return value;
    }
    in = codec_take(c, bytes);
    value = 0;
    if (in != NULL)
        memcpy(&value, in, bytes);
    return value;
}

uint64_t code_u64(struct codec *c, uint64_t value)
{
    return code_number(c, value, 8);
}

int64_t code_i64(struct codec *c, int64_t value)
{
    return (int64_t)code_number(c, (uint64_t)value, 8);
}

uint32_t code_u32(struct codec *c, uint32_t value)
{
    return (uint32_t)code_number(c, value, 4);
}

/* A number below `limit`: enum values, booleans. */
uint32_t code_below(struct codec *c, uint32_t value, uint32_t limit)
{
    assert(c->out == NULL || value < limit);
    value = code_u32(c, value);
    if (value < limit)
        return value;
    codec_fail(c, "has a value that does not exist");
    return 0;
}

uint32_t code_flags(struct codec *c, uint32_t value, uint32_t known)
{
    assert(c->out == NULL || (value & ~known) == 0);
    value = code_u32(c, value);
    if ((value & ~known) != 0)
        codec_fail(c, "has a flag that does not exist");
    return value;
}

bool code_bool(struct codec *c, bool value)
{
    return code_below(c, value, 2) != 0;
}

void code_padding(struct codec *c)
{
    size_t at = c->out != NULL ? c->out->len - c->base : c->pos;

    for (; at % 8 != 0; at++) {
        if (code_number(c, 0, 1) != 0)
            codec_fail(c, "has padding that is not empty");
    }
}

/* A string that may be NULL. When read it points into the input. */
const char *code_str(struct codec *c, const char *text)
{
    size_t size = text != NULL ? strlen(text) : 0;
    uint32_t len = 0;

    assert(size < ABSENT);
    len = code_u32(c, text != NULL ? (uint32_t)size : ABSENT);
    if (c->out != NULL) {
        if (text != NULL)
            buf_add(c->out, text, size + 1);
        return text;
    }
    if (c->bad != NULL || len == ABSENT)
        return NULL;
    text = (const char *)codec_take(c, (size_t)len + 1);
    if (text != NULL && (text[len] != '\0' || memchr(text, '\0', len) != NULL)) {
        codec_fail(c, "has a string that is not terminated where it should be");
        return NULL;
    }
    return text;
}

/* A string that cannot be NULL. */
const char *code_text(struct codec *c, const char *text)
{
    assert(c->out == NULL || text != NULL);
    text = code_str(c, text);
    if (text != NULL)
        return text;
    codec_fail(c, "lacks a string that must be there");
    return "";
}

/* An array: `slot` is the address of its pointer. A wrong count cannot make us allocate more than a
 * small multiple of the input. */
void code_array(struct codec *c, void *slot, size_t *count, size_t size, item_fn *each)
{
    uint32_t total = 0;
    char *items = NULL;

    assert(*count < UINT32_MAX);
    total = code_u32(c, (uint32_t)*count);
    if (c->out != NULL) {
        memcpy(&items, slot, sizeof(items));
    } else if (total * size > (c->len - c->pos) * ITEM_GROWTH) {
        codec_fail(c, "has more items than bytes");
        return;
    } else if (total > 0) {
        items = arena_alloc(c->arena, total * size);
        memcpy(slot, &items, sizeof(items));
        *count = total;
    }
    for (uint32_t i = 0; i < total && c->bad == NULL; i++)
        each(c, items + i * size);
}
