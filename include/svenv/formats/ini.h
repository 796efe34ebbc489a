/* pyvenv.cfg as CPython reads it: one "key = value" a line, split at the first '=', keys compared
 * in lower case. inih does the reading, through a line reader of our own that makes it safe for
 * long lines (STYLE: inih splits lines over 199 bytes into new lines). */
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

/* (Not called ini_parse(): inih has that name.)
 * `needed`: NULL-terminated keys (lower case) whose value must be whole, or NULL. A line that inih
 * cannot give back as it stands (longer than its buffer, or with a blank before a ';') is an error
 * for one of these and is dropped for other keys. So is a needed key with two different values:
 * CPython's getpath takes the first `home`, its site module the last. Other duplicates: the last
 * one counts. Control bytes, a byte order mark at the start of a line, white space beyond ASCII at
 * the ends of a key or value (Python strips it), sections, a ':' before the first '=', more than 64
 * KiB and more than 1,000 keys are errors. Lines without '=' are skipped, as CPython does.
 * Everything lives in `arena`. Return: 0, or negative errno with *err (file:line:col). */
int ini_parse_text(struct arena *arena, const char *name, const char *data, size_t len,
                   const char *const *needed, struct ini_file *out, struct err *err);

/* The value of `key` (given in lower case), NULL when absent. */
const char *ini_get(const struct ini_file *file, const char *key);

#endif
