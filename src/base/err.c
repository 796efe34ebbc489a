/* The error object: a code, a place in a file, and one line of text. */
#include "svenv/base/err.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/redact.h"

#include "text-internal.h"

/* Two paths of PATH_MAX and words around them, before escaping and cutting. */
#define RAW_MAX 9216

static int positive(int code)
{
    if (code < 0 && code != INT_MIN)
        code = -code;
    return code > 0 ? code : EIO;
}

/* The reason is worth more than what stands before it, so a long text is cut to leave it room. */
static void set_message(struct err *err, const char *text, const char *reason)
{
    size_t size = sizeof(err->msg);
    size_t tail = reason != NULL ? strlen(reason) + 2 : 0;
    size_t used =
        text_escape(err->msg, tail < size / 2 ? size - tail : size / 2, text, strlen(text));

    if (reason == NULL)
        return;
    memcpy(err->msg + used, ": ", 2);
    text_escape(err->msg + used + 2, size - used - 2, reason, strlen(reason));
}

__attribute__((format(printf, 4, 0))) static int fill(struct err *err, int code, const char *reason,
                                                      const char *fmt, va_list args)
{
    char raw[RAW_MAX];

    vsnprintf(raw, sizeof(raw), fmt, args);
    redact_message(raw, sizeof(raw));
    memset(&err->pos, 0, sizeof(err->pos));
    err->code = code;
    set_message(err, raw, reason);
    return -code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list args;

    code = positive(code);
    if (err == NULL)
        return -code;
    va_start(args, fmt);
    fill(err, code, strerror(code), fmt, args);
    va_end(args);
    return -code;
}

int err_plain(struct err *err, int code, const char *fmt, ...)
{
    va_list args;

    code = positive(code);
    if (err == NULL)
        return -code;
    va_start(args, fmt);
    fill(err, code, NULL, fmt, args);
    va_end(args);
    return -code;
}

int err_at(struct err *err, const char *file, unsigned line, unsigned col, const char *fmt, ...)
{
    va_list args;

    if (err == NULL)
        return -EINVAL;
    va_start(args, fmt);
    fill(err, EINVAL, NULL, fmt, args);
    va_end(args);
    if (file != NULL)
        text_escape(err->pos.file, sizeof(err->pos.file), file, strlen(file));
    err->pos.line = line;
    err->pos.col = col;
    return -EINVAL;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char raw[RAW_MAX];
    char cause[sizeof(err->msg)];
    va_list args;

    if (err == NULL)
        return -EIO;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    redact_message(raw, sizeof(raw));
    memcpy(cause, err->msg, sizeof(cause));
    cause[sizeof(cause) - 1] = '\0';
    err->code = positive(err->code);
    set_message(err, raw, cause);
    return -err->code;
}

/* The error may have come from the child through a pipe: nothing in it is trusted. */
const char *err_text(const struct err *err, char *buf, size_t size)
{
    char raw[sizeof(err->pos.file) + sizeof(err->msg) + 32];
    const struct src_pos *pos = &err->pos;
    int file_len = (int)strnlen(pos->file, sizeof(pos->file));
    int msg_len = (int)strnlen(err->msg, sizeof(err->msg));
    int used = 0;

    if (size == 0)
        return buf;
    if (file_len > 0 && pos->line > 0 && pos->col > 0)
        used = snprintf(raw, sizeof(raw), "%.*s:%u:%u: ", file_len, pos->file, pos->line, pos->col);
    else if (file_len > 0 && pos->line > 0)
        used = snprintf(raw, sizeof(raw), "%.*s:%u: ", file_len, pos->file, pos->line);
    else if (file_len > 0)
        used = snprintf(raw, sizeof(raw), "%.*s: ", file_len, pos->file);
    snprintf(raw + used, sizeof(raw) - (size_t)used, "%.*s", msg_len, err->msg);
    text_escape(buf, size, raw, strlen(raw));
    return buf;
}
