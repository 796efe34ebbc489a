/* .env files as data, read as python-dotenv reads them: NAME=value, optional "export ", quotes over
 * several lines with escapes, comments. ${NAME} in a value is left to the one who knows the
 * environment (svenv/start/start.h). No shell, no commands. Code in the sandbox may have written
 * the file, so every size is bounded, and a line that cannot be read is left out and told. */
#ifndef SVENV_FORMATS_DOTENV_H
#define SVENV_FORMATS_DOTENV_H

#include <stddef.h>

struct arena;
struct err;

/* "NAME=value": exec fails beyond the kernel's limit. */
#define DOTENV_STRING_MAX ((128u << 10) - 1)

struct dotenv_var {
    const char *name;
    const char *value; /* NULL: the name alone */
    unsigned line;
};

struct dotenv {
    struct dotenv_var *vars; /* in their order; of equal names the last counts */
    size_t count;
    unsigned skipped;        /* statements that were not read, or not to the letter */
    unsigned skipped_line;   /* of the first of them */
    const char *skipped_why; /* for people */
};

/* Reads at most 256 KiB and 1,000 statements. No dependency beyond base: the launcher links this.
 * Return: 0, or negative errno with *err for a file that is too large. */
int dotenv_parse(struct arena *arena, const char *name, const char *data, size_t len,
                 struct dotenv *out, struct err *err);

/* Counts a statement that is left out; why: lives as long as the variables. */
void dotenv_skip(struct dotenv *dotenv, unsigned line, const char *why);

#endif
