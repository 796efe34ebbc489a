/* The names of dotenv files: who protects them and who mistrusts them asks here. */
#ifndef SVENV_BASE_DOTENV_NAMES_H
#define SVENV_BASE_DOTENV_NAMES_H

#include <stdbool.h>

/* ".env" and ".env.NAME", which tools load into the environment; not ".env.example", ".env.sample",
 * ".env.template", which are there for people to copy. */
bool dotenv_name_is_loaded(const char *name);

/* Does a pattern of filesystem.protect leave a name out that it fits? One with wildcards leaves out
 * the examples, so that ".env.*" needs no list of exceptions: nobody loads them, and tools write
 * them. */
bool dotenv_pattern_spares(const char *pattern, const char *name);

#endif
