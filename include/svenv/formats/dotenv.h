/* .env files as data: KEY=value, optional "export ", single quotes (literal), double quotes (\n \t
 * \r
 * \\ \" \$ escapes, may span lines), ${NAME} and $NAME are NOT expanded, comments. No shell, no
 * commands. Written by code in the sandbox, so every size is bounded and nothing is trusted. */
#ifndef SVENV_FORMATS_DOTENV_H
#define SVENV_FORMATS_DOTENV_H

#include <stddef.h>

struct arena;
struct err;

struct dotenv_var {
    const char *name;
    const char *value;
    unsigned line;
};

struct dotenv {
    struct dotenv_var *vars; /* the last of equal names only */
    size_t count;
};

/* At most 256 KiB, 1,000 variables. No dependency beyond base: the launcher links this. */
int dotenv_parse(struct arena *arena, const char *name, const char *data, size_t len,
                 struct dotenv *out, struct err *err);

#endif
