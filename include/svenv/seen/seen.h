/* The directories of the project that were seen before, and those that changed since. */
#ifndef SVENV_SEEN_SEEN_H
#define SVENV_SEEN_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "svenv/plan/plan.h"

/* The directories of a plan as they were when they were last looked at and held nothing unknown. */
struct seen {
    const struct plan_file *file;
    int top;            /* the project, O_PATH; -1: nothing is watched */
    int64_t *ctimes_ns; /* of each directory, 0: not known to be in order */
    bool changed;       /* since the record was read: it is to be written */
};

/* Compares the directories with the plan and with the venv's record ("seen"), and looks into those
 * that have changed. Return: false when the project holds something that the plan does not know:
 * the plan has to be made again. */
bool seen_open(struct seen *seen, const struct plan_file *file);
/* Frees what seen_open() opened, where nobody needs it. */
void seen_close(struct seen *seen);

/* Writes the record for the next start, where the plan is kept, too. */
void seen_write(const struct seen *seen);

/* --- gather.c: many at once --------------------------------------------------------------------
 */

/* Is the directory at the entry's path the one that the plan knows? *ctime_ns_out (may be NULL):
 * its change time when it is, else 0. */
enum seen_state {
    SEEN_SAME,
    SEEN_OTHER,
    SEEN_GONE,
    SEEN_UNKNOWN /* it could not be looked at */
};
enum seen_state seen_look(const struct seen *seen, const struct plan_seen *entry,
                          int64_t *ctime_ns_out);

enum {
    GATHER_HELPERS_MAX = 7
};
struct gather_shared;
struct gather {
    const struct seen *seen;
    struct gather_shared *shared; /* NULL: each is looked at when it is asked for */
    pid_t helpers[GATHER_HELPERS_MAX];
    size_t helper_count;
};

/* Looks at all directories of seen->file whose names are compared, with seen_look(). */
void gather_begin(struct gather *gather, const struct seen *seen);
/* seen_look() of one of them; of one that could not be looked at before, now. */
enum seen_state gather_look(const struct gather *gather, size_t index, int64_t *ctime_ns_out);
void gather_end(struct gather *gather);

#endif
