/* Carries out a decision, one name at a time. Each function leaves the name as it was or wholly
 * changed, whenever it is killed; only renames touch bin and sandbox/bin. */
#ifndef SVENV_WRAP_MOVE_INTERNAL_H
#define SVENV_WRAP_MOVE_INTERNAL_H

#include "decide-internal.h"

struct err;
struct pair;
struct site;
struct stubs;

/* Return: 0 or negative errno with *err; the name is quoted with its odd bytes escaped. */
int move_apply(const struct site *site, const struct stubs *stubs, const struct pair *pair,
               enum act act, struct err *err);

/* A stub for a name that has nothing inside. */
int move_place_stub(const struct site *site, const struct stubs *stubs, const char *name,
                    struct err *err);

#endif
