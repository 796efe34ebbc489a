/* Calls that a test lets fail, as the machine would. */
#ifndef SVENV_TESTS_UNIT_GUARD_FAULTS_H
#define SVENV_TESTS_UNIT_GUARD_FAULTS_H

#include <stdbool.h>

extern struct faults {
    bool calloc, strdup;             /* there is no memory */
    bool inotify_init, add_to_watch; /* the user's instances, or watches, are used up */
    bool names;                      /* each directory has more than are read */
} faults;

#endif
