/* pyvenv.cfg as CPython reads it: one "key = value" a line, split at the first '=', keys compared
 * in lower case. inih parses the lines. A reader of our own hands them over, because inih alone
 * takes the rest of a long line for a new one, and where it reads something else in a line than
 * Python does, the line is refused. */
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
 * `needed`: NULL-terminated keys (lower case) whose value must be the one that Python reads, or
 * NULL. A line longer than inih's buffer (198 bytes), or with a ';' after a blank, loses a part of
 * its value: an error for one of these, and other keys are left out. So is a needed value with
 * white space beyond ASCII at an end (Python strips it), or given twice with two values: CPython's
 * getpath takes the first `home`, its site module the last. Other duplicates: the last one counts.
 * Errors in any line: control bytes, sections; a byte order mark at the start; white space beyond
 * ASCII at an end of the key, or a ':' in it; 198 bytes and more before the '='. More than 64 KiB
 * and more than 1,000 keys are errors. Lines without '=' are skipped, as CPython does.
 * Everything lives in `arena`. Return: 0, or negative errno with *err (file:line:col). */
int ini_parse_text(struct arena *arena, const char *name, const char *data, size_t len,
                   const char *const *needed, struct ini_file *out, struct err *err);

/* The value of `key` (given in lower case), NULL when absent. */
const char *ini_get(const struct ini_file *file, const char *key);

#endif
