/* The project while programs run in it: names that must not appear there, and what becomes of
 * them. Everything in the project may be changed under our hands at any moment, so nothing is
 * opened there but below a descriptor and without following a link, and nothing here allocates per
 * file: the launcher's memory is never taken back (malloc.c). */
#ifndef SVENV_SUPERVISE_GUARD_INTERNAL_H
#define SVENV_SUPERVISE_GUARD_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

/* --- scan.c: the names of a directory ------------------------------------------------------ */

/* The path below the project that is being looked at. */
struct scan_path {
    char text[PATH_MAX];
    size_t len;
};
/* Adds a component. Return: the length before, for scan_path_cut(), or -ENAMETOOLONG. */
int scan_path_add(struct scan_path *path, const char *name);
void scan_path_cut(struct scan_path *path, int len);

/* What the names of a directory make of it. */
struct scan_marks {
    bool venv;
    bool head, objects, refs, common;
};
/* Would git take the directory for a repository? */
bool scan_is_repository(const struct scan_marks *marks);

/* directory: by its entry; a name that vanishes meanwhile is none. Return: not 0 to stop. */
typedef int scan_fn(void *context, int dir, const char *name, bool directory);

/* Calls `fn` for the names of `dir`, an O_RDONLY descriptor, from its beginning; marks may be NULL.
 * Return: 0, what fn returned, -EOVERFLOW when there are more names than are looked at, or negative
 * errno. */
int scan_names(int dir, struct scan_marks *marks, scan_fn *fn, void *context);

/* --- places.c: what was seen before ---------------------------------------------------------- */

/* The places of a plan as they were when they were last looked at and held nothing unknown. */
struct places {
    const struct plan_file *file;
    int top;            /* the project, O_PATH; -1: nothing is watched */
    int64_t *ctimes_ns; /* of each place, 0: not known to be in order */
    bool changed;       /* since the record was read: it is to be written */
    struct scan_path path;
};

/* Compares the places with the plan and with the venv's record ("seen"), and looks into those that
 * have changed. Return: false when there is something that the plan does not know: it has to be
 * made again. */
bool places_open(struct places *places, const struct plan_file *file);
/* Keeps the record for the next start, where the plan is kept, too. */
void places_write(const struct places *places);
/* Return: the change time of the directory as the plan knows it, 0 when it is another or none. */
int64_t places_ctime(const struct places *places, size_t index);
bool place_is_watched(const struct plan_place *place);

/* --- quarantine.c ---------------------------------------------------------------------------- */

enum {
    TAKEN_KEPT = 32 /* names for the message and the audit log */
};
struct taken {
    char *rel;
    bool moved; /* else it is still in the project, under a name that nothing obeys */
};
/* $venv/sandbox/quarantine/STAMP, made when something comes into it. */
struct quarantine {
    const char *venv;
    char stamp[48];
    int dir; /* -1: not made yet */
    struct taken taken[TAKEN_KEPT];
    size_t count;
};

/* Takes the name below the project `top` away at once, and what lies there to the quarantine.
 * Directories are made anew and only files moved: a process inside that has one as its working
 * directory would come by ".." to wherever it was moved, and that is where the sandbox is decided
 * about. Return: 0 (also when the name is gone already), or negative errno. */
int quarantine_take(struct quarantine *q, int top, const char *rel);

/* --- sweep.c --------------------------------------------------------------------------------- */

struct guard {
    struct places places;
    const struct plan *plan;
    int64_t began_ns;
    struct scan_path path; /* of the directory that is being looked at */
    struct quarantine quarantine;
    unsigned left_over; /* new directories that may still be looked at */
    bool incomplete;    /* there was more than is looked at */
    bool failed;        /* something could not be taken away */
};

/* Before the program: from here on what appears is taken away. places: as places_open() left them.
 */
void guard_begin(struct guard *guard, const struct plan *plan, const char *venv);
/* When the program has ended, or all of the sandbox: looks through what has changed. */
void guard_sweep(struct guard *guard);
/* Tells the user what was taken since the last time, in one line. */
void guard_tell(const struct guard *guard);

#endif
