/* pyvenv.cfg as CPython reads it: one "key = value" a line, split at the first '=', keys compared in
 * lower case. inih does the reading, through a line reader of our own that makes it safe for long
 * lines (STYLE: inih splits lines over 199 bytes into new lines). */
#ifndef SVENV_FORMATS_INI_H
#define SVENV_FORMATS_INI_H

#include <stddef.h>

struct arena;
struct err;

struct ini_pair {
    const char *key; /* lower case, trimmed */
    const char *value;
    unsigned line;
};

struct ini_file {
    struct ini_pair *pairs;
    size_t count;
};

/* `needed`: NULL-terminated keys whose value must be whole: an over-long line of one of these is an
 * error; other over-long lines are dropped. NUL bytes and more than 64 KiB are errors. A duplicate
 * key: the last one counts, as for CPython. Everything lives in `arena`. */
int ini_parse(struct arena *arena, const char *name, const char *data, size_t len,
              const char *const *needed, struct ini_file *out, struct err *err);

const char *ini_get(const struct ini_file *file, const char *key);

#endif
