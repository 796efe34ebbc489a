/* Strings, growing buffers and lists of strings. */
#include "svenv/base/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/mem.h"

#include "text-internal.h"

bool str_eq(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a, b) == 0;
}

bool str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t want = strlen(suffix);

    return len >= want && memcmp(text + len - want, suffix, want) == 0;
}

/* Does the pattern's unit at *pattern match one byte? Moves *pattern behind the unit if so. */
static bool match_one(const char **pattern, char c, bool any_case)
{
    const char *at = *pattern;

    if (*at == '\0')
        return false;
    if (*at == '\\' && at[1] != '\0')
        at++;
    else if (*at == '?')
        c = '?';
    if (*at != c && !(any_case && str_capital(*at) == str_capital(c)))
        return false;
    *pattern = at + 1;
    return true;
}

static bool match_all(const char *pattern, const char *text, bool any_case)
{
    const char *star = NULL; /* behind the last '*' seen */
    const char *retry = NULL;

    /* Only the last star is ever widened: an earlier one has nothing to gain from it. */
    while (*text != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (match_one(&pattern, *text, any_case)) {
            text++;
        } else if (star != NULL) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool str_glob(const char *pattern, const char *text)
{
    return match_all(pattern, text, false);
}

bool str_glob_any_case(const char *pattern, const char *text)
{
    return match_all(pattern, text, true);
}

char str_capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

bool str_eq_any_case(const char *a, const char *b)
{
    while (*a != '\0' && str_capital(*a) == str_capital(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

uint32_t str_capitals(const char *text)
{
    uint32_t found = 0;

    for (; *text != '\0'; text++) {
        if (*text >= 'A' && *text <= 'Z')
            found |= 1u << (*text - 'A');
    }
    return found;
}

bool str_is_printable(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len;) {
        size_t plain = text_printable(text + i, len - i);

        if (plain == 0)
            return false;
        i += plain;
    }
    return true;
}

static void buf_reserve(struct buf *buf, size_t extra)
{
    size_t need = 0;
    size_t cap = buf->cap > 0 ? buf->cap : 64;
    bool overflow = __builtin_add_overflow(buf->len, extra, &need) || need >= SIZE_MAX / 4;

    assert(!overflow);
    if (need + 1 <= buf->cap)
        return;
    while (cap < need + 1)
        cap *= 2;
    buf->data = xreallocarray(buf->data, cap, 1);
    buf->cap = cap;
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
    buf_reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_list again;
    int len = 0;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    buf_reserve(buf, (size_t)len);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
    va_end(again);
    buf->len += (size_t)len;
}

void buf_add_escaped(struct buf *buf, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len;) {
        size_t plain = text_printable(text + i, len - i);

        if (plain == 0)
            buf_printf(buf, "\\x%02x", (unsigned char)text[i]);
        else if (text[i] == '\\')
            buf_add(buf, "\\\\", 2);
        else
            buf_add(buf, text + i, plain);
        i += plain > 0 ? plain : 1;
    }
}

void buf_finish(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void strv_add(struct strv *v, const char *text)
{
    strv_take(v, xstrdup(text));
}

void strv_take(struct strv *v, char *text)
{
    size_t slots = v->count + 1; /* in use now, the NULL included */

    /* Full at powers of two, as in arena_push(). */
    if (v->items == NULL)
        v->items = xcalloc(4, sizeof(*v->items));
    else if (slots >= 4 && (slots & (slots - 1)) == 0)
        v->items = xreallocarray(v->items, slots * 2, sizeof(*v->items));
    v->items[v->count++] = text;
    v->items[v->count] = NULL;
}

bool strv_has(const struct strv *v, const char *text)
{
    for (size_t i = 0; i < v->count; i++) {
        if (str_eq(v->items[i], text))
            return true;
    }
    return false;
}

void strv_finish(struct strv *v)
{
    for (size_t i = 0; i < v->count; i++)
        free(v->items[i]);
    free(v->items);
    *v = (struct strv){0};
}
