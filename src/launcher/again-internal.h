#ifndef SVENV_LAUNCHER_AGAIN_INTERNAL_H
#define SVENV_LAUNCHER_AGAIN_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* The tries of one start; zeroed at first. */
struct again {
    int64_t began_ms; /* the first that failed */
    unsigned tries;   /* that failed */
    unsigned same;    /* of them, one after the other by a plan that holds */
    unsigned unknown; /* new plans that did not know all of the project */
};

/* A start failed with the errno `code`. holds: the plan that it went by still does. Return: it may
 * have met a change of the project, as an editor or git makes them, and is to be tried again. */
bool again_try(struct again *again, int code, bool holds);

/* A plan that was just made does not know all of the project. Return: it is to be made again. */
bool again_unknown(struct again *again);

#endif
