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

struct launch;

/* --- scan.c: the names of a directory ------------------------------------------------------ */

/* The path below the project that is being looked at. */
struct scan_path {
    char text[PATH_MAX];
    size_t len;
};
/* Adds a component. Return: the length before, for scan_path_cut(), or -ENAMETOOLONG. */
int scan_path_add(struct scan_path *path, const char *name);
void scan_path_cut(struct scan_path *path, int len);

/* Would Python take the directory for a venv? Return: 1, 0, or negative errno. */
int scan_venv(int dir);

/* Opens a directory to list it. Its owner, when that is the caller, gets the permissions `mode`:
 * programs take them away. Return: descriptor or negative errno. */
int scan_open_forcibly(int parent, const char *name, unsigned mode);

/* directory: by its entry; a name that vanishes meanwhile is none. Return: not 0 to stop. */
typedef int scan_fn(void *context, int dir, const char *name, bool directory);

/* Calls `fn` for the names of `dir`, an O_RDONLY descriptor, from its beginning. Return: 0, what fn
 * returned, -EOVERFLOW when there are more names than are looked at, or negative errno. */
int scan_names(int dir, scan_fn *fn, void *context);

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
/* Is what lies at the place the directory that the plan knows? *ctime_ns_out (may be NULL): its
 * change time when it is, else 0. */
enum place_state {
    PLACE_SAME,
    PLACE_OTHER,
    PLACE_GONE,
    PLACE_UNKNOWN /* it could not be looked at */
};
enum place_state place_look(const struct places *places, const struct plan_place *place,
                            int64_t *ctime_ns_out);
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
    size_t stuck; /* of them are not moved, or not wholly */
};

/* Takes the name below the project `top` away at once, and what lies there to the quarantine.
 * Directories are made anew and only files moved: a process inside that has one as its working
 * directory would come by ".." to wherever it was moved, and that is where the sandbox is decided
 * about. Return: 0 (also when the name is gone already), or negative errno. */
int quarantine_take(struct quarantine *q, int top, const char *rel);

/* --- cover.c --------------------------------------------------------------------------------- */

/* The running sandbox, to mount in it. -1: not known. */
struct inside {
    int user_ns;
    int mount_ns;
};
void inside_open(struct inside *inside, int pid);

/* Protects (read-only), or hides, what is at the absolute path `dest` inside, as a mount, with
 * every directory between it and `top` a mount point, too. Done by a child that enters the
 * namespaces. Return: 0 when it is so, also when there is nothing at dest; else negative errno. */
int inside_cover(const struct inside *inside, const char *top, const char *dest, bool hide);

/* --- watch.c --------------------------------------------------------------------------------- */

enum {
    WATCHES_MAX = 1024
};
/* Beside a program that runs longer than a moment: inotify(7), or a look every second where its
 * instances are used up. */
struct watch {
    bool armed;
    int fd;         /* -1: none */
    int64_t due_ms; /* of the next look, when there is no fd; before: of the beginning */
    const char *rels[WATCHES_MAX]; /* by watch descriptor */
    struct inside inside;
    const char *lost; /* what could not be protected again: the sandbox must end */
};

/* --- sweep.c --------------------------------------------------------------------------------- */

struct guard {
    struct places places;
    const struct plan *plan;
    int64_t began_ns;
    unsigned mode;         /* of the project's directory, at the beginning */
    struct scan_path path; /* of the directory that is being looked at */
    struct quarantine quarantine;
    struct watch watch;
    size_t told;        /* of quarantine.count */
    unsigned lines;     /* that told of them while the program ran */
    unsigned left_over; /* new directories that may still be looked at */
    bool opened;        /* others could have written into the project, and can no more */
    bool incomplete;    /* there was more than is looked at */
    bool failed;        /* something could not be taken away */
};

/* Before the program: from here on what appears is taken away. places: as places_open() left them.
 */
void guard_begin(struct guard *guard, const struct plan *plan, const char *venv);
/* Looks through what has changed. ended: the program, or all of the sandbox, has; only then byte
 * code is removed. */
void guard_sweep(struct guard *guard, bool ended);
/* One name that appeared in the directory `rel` ("": the project). */
void guard_see(struct guard *guard, const char *rel, const char *name, bool directory);
/* Opens a directory of the project to list it. git and others need only pass through a directory,
 * so that one which a program closed could hide from us what they find in it: such a one is opened
 * for its owner, and stays so. Return: descriptor or negative errno. */
int guard_open(struct guard *guard, int parent, const char *name);
/* Tells the user what was taken since the last time, in one line. */
void guard_tell(struct guard *guard, bool ended);

/* --- watch.c again -----------------------------------------------------------------------------
 */

/* How long until guard_work() has something to do besides events, -1: never. */
int guard_due(const struct guard *guard, int64_t now_ms);
/* Begins to watch when the time has come, and takes what was reported. pid: the program's. */
void guard_work(struct guard *guard, int pid);
/* A directory that was found to be new. */
void watch_add(struct guard *guard, int dir, const char *rel);
/* After everything else, before the launcher ends: the kernel takes 15 milliseconds to take an
 * inotify instance away, and that is left to a child that nobody waits for. With init > 0 (pid 1 of
 * a sandbox that lives on) the child goes on watching until that has ended. Return: true in that
 * child, when there is something left to be written to the audit log; it must _exit() then. */
bool guard_leave(struct guard *guard, int init);

#endif
