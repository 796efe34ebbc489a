/* Decisions by the name of an entry alone. Pure. */
#ifndef SVENV_FIND_NAMES_H
#define SVENV_FIND_NAMES_H

#include <stdbool.h>

/* Files that a shell on the host sources (activate*, deactivate*): never entry points, whatever
 * their mode, and never taken from inside. */
bool name_is_sourced(const char *name);

/* git, ssh, ls, sandbox-venv ...: commands of the system. In an activated venv a program of that
 * name would run in their place (docs/SECURITY.md, C7). */
bool name_is_reserved(const char *name);

/* May a name that first appeared inside get a stub on the host? Not when it could be mistaken for
 * an option or mess up a terminal, and not a reserved one unless the policy `permits` it. */
bool name_is_publishable(const char *name, bool permits);

#endif
