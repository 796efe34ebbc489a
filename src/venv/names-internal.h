/* What the name of an entry alone decides. Pure. */
#ifndef SVENV_VENV_NAMES_INTERNAL_H
#define SVENV_VENV_NAMES_INTERNAL_H

#include <stdbool.h>

/* Files that a shell on the host sources (activate*, deactivate*): never entry points, whatever
 * their mode, and never taken from inside. */
bool name_is_sourced(const char *name);

/* python, python3, python3.12, python3.13t, pypy3, graalpy ...: what no installer removes. */
bool name_is_interpreter(const char *name);

/* May a name that first appeared inside get a stub on the host? Not when it shadows a command of
 * the system (C7), and not when it could be mistaken for an option or mess up a terminal. */
bool name_is_publishable(const char *name);

#endif
