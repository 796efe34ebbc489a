/* Errors as plain data: no allocation, so that a child between clone and exec can send one as it is
 * to its parent. */
#ifndef SVENV_BASE_ERR_H
#define SVENV_BASE_ERR_H

#include <stddef.h>

/* Where in an input file an error lies; line and column are 1-based, 0 means "not known". */
struct src_pos {
    char file[128];
    unsigned line;
    unsigned col;
};

struct err {
    int code; /* an errno value, always positive once set */
    struct src_pos pos;
    char msg[512];
};

/* All of them take secrets out of the message: see redact_message().
 *
 * Fills *err (which may be NULL) and gives back -code, so that callers write
 * `return err_set(err, errno, "cannot open '%s'", path)`. The errno's text is appended. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set(), but the text stands alone: no strerror() is appended. */
int err_plain(struct err *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_plain() with a position in an input file. */
int err_at(struct err *err, const char *file, unsigned line, unsigned col, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Puts "context: " before the message of an error that is already set. Gives back -err->code (-EIO
 * without an err). */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Writes "file:line:col: message" (the position only where known) to buf. Everything in an error is
 * free of control bytes from the start; it is checked again here.
 * Return: buf. */
const char *err_text(const struct err *err, char *buf, size_t size);

#endif
