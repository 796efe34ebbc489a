/* The names of dotenv files: who protects them and who mistrusts them asks here. */
#ifndef SVENV_BASE_DOTENV_NAMES_H
#define SVENV_BASE_DOTENV_NAMES_H

#include <stdbool.h>

/* ".env" and ".env.NAME", which tools load into the environment; not ".env.example", ".env.sample",
 * ".env.template", which are there for people to copy. */
bool dotenv_name_is_loaded(const char *name);

#endif
