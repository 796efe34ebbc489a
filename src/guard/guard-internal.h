/* Shared by the files that look after the project. */
#ifndef SVENV_GUARD_GUARD_INTERNAL_H
#define SVENV_GUARD_GUARD_INTERNAL_H

#include "svenv/guard/guard.h"

/* --- watched.c --------------------------------------------------------------------------------
 */

/* A directory that was found to be new. */
void watch_add(struct guard *guard, int dir, const char *rel);
/* The directory of that number; NULL: it is not watched (any more). */
struct watched *watch_of(const struct watch *watch, int number);
/* The kernel has given up the watch: the directory is gone. */
void watch_drop(struct watch *watch, int number);

#endif
