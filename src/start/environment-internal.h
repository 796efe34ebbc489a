/* Shared by the files that make the environment of a program. */
#ifndef SVENV_START_ENVIRONMENT_INTERNAL_H
#define SVENV_START_ENVIRONMENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "svenv/start/start.h"

struct arena;
struct dotenv;

struct variable {
    const char *text; /* NAME=value; NULL: unset */
    const char *name;
    size_t name_len;
    bool exported;  /* the caller has it, and it goes in: the policy alone is stronger */
    bool from_file; /* of the project's .env */
};

struct variables {
    struct arena *arena;
    struct variable *items;
    size_t count;
};

struct dotenv_layers {
    const struct start *start;
    struct dotenv *dotenv;
    const struct variables *strong; /* what will be laid over the file's */
    struct variables *out;
};

/* --- variables.c --------------------------------------------------------------------------------
 */

/* NULL: there is none. */
struct variable *variables_find(const struct variables *v, const char *name, size_t len);

/* Replaces one of that name. */
struct variable *variables_put(struct variables *v, const char *name, size_t len, const char *text);

/* --- dotenv.c -----------------------------------------------------------------------------------
 */

/* Adds the file's variables to `out`, and notes in the file what could not be added. */
void dotenv_lay(const struct dotenv_layers *layers);

#endif
