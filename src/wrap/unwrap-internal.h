/* Undoing, for unwrap and for a first wrap that failed. */
#ifndef SVENV_WRAP_UNWRAP_INTERNAL_H
#define SVENV_WRAP_UNWRAP_INTERNAL_H

#include <stdbool.h>

struct err;
struct site;
struct strv;
struct stubs;
struct venv;

/* Gives bin back and removes what wrapping added. `manifest` may know nothing (id NULL): then modes
 * and times stay. told (may be NULL): see venv_unwrap_telling(). The lock is held. Return: 0 or
 * negative errno with *err. */
int unwrap_site(const struct site *site, const struct stubs *stubs, const struct venv *manifest,
                bool purge, struct strv *told, struct err *err);

/* Removes the directory `name` and those below it as far as they hold nothing; no link is followed.
 */
void unwrap_prune(int dir, const char *name);

#endif
