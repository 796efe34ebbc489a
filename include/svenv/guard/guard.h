/* The project while programs run in it: names that must not appear there, and what becomes of
 * them. Everything in the project may be changed under our hands at any moment, so nothing is
 * opened there but below a descriptor and without following a link, and nothing here allocates but
 * the names of watched directories. */
#ifndef SVENV_GUARD_GUARD_H
#define SVENV_GUARD_GUARD_H

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
};

/* Compares the places with the plan and with the venv's record ("seen"), and looks into those that
 * have changed. Return: false when there is something that the plan does not know: it has to be
 * made again. */
bool places_open(struct places *places, const struct plan_file *file);
/* After places_open(), when what it opened is not needed. */
void places_close(struct places *places);
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

/* --- what became of it ----------------------------------------------------------------------- */

enum {
    TAKEN_KEPT = 32, /* names for the message and the audit log */
    STAMP_SIZE = 48
};
struct taken {
    bool moved; /* else it is still in the project, under a name that nothing obeys */
    char rel[PATH_MAX];
};

/* Why the guard cannot go on. The sandbox is stopped then. */
enum guard_stop {
    GUARD_GOES_ON,
    GUARD_LOST,      /* what could not be protected again */
    GUARD_NO_MEMORY, /* for the names of what is watched */
    GUARD_DIED       /* its process has ended */
};

/* For the user and the audit log. Written by whoever looks; the launcher reads it when its own
 * process has looked, or the guard's has said so. Nothing of it is allocated. */
struct guard_record {
    char stamp[STAMP_SIZE]; /* of the quarantine, see below */
    struct taken taken[TAKEN_KEPT];
    size_t count;    /* of names that were taken, also of those that are not kept */
    size_t stuck;    /* of them are not moved, or not wholly */
    bool opened;     /* others could have written into the project, and can no more */
    bool incomplete; /* there was more than is looked at */
    bool failed;     /* something could not be taken away */
    enum guard_stop stop;
    char lost[PATH_MAX]; /* GUARD_LOST: what */
};

/* --- quarantine.c ---------------------------------------------------------------------------- */

/* $venv/sandbox/quarantine/STAMP, made when something comes into it. */
struct quarantine {
    const char *venv;
    int dir; /* -1: not made yet */
    struct guard_record *record;
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
    WATCHES_MAX = 1024 /* directories at a time */
};
struct watched {
    int number; /* of inotify(7), which gives none twice */
    char *rel;
};
/* inotify(7), or nothing where its instances are used up: then the project is looked through every
 * second. */
struct watch {
    bool armed;              /* what loses its protection gets it back */
    int fd;                  /* -1: none */
    struct watched *watched; /* by number */
    size_t count;
    struct inside inside;
};

/* --- sweep.c --------------------------------------------------------------------------------- */

/* Of the guard's own process, as the launcher sees it. */
struct guard_process {
    bool begun;
    int socket; /* to it; -1: there is none */
    int pidfd;  /* -1: none, or this kernel gives none */
};

typedef void guard_late_fn(void *context);

struct guard {
    struct places places;
    const struct plan *plan;
    int64_t began_ns;
    unsigned mode; /* of the project's directory, at the beginning */
    struct quarantine quarantine;
    struct watch watch;
    struct guard_record *record; /* `own`, or memory that is shared with the guard's process */
    struct guard_process process;
    guard_late_fn *late; /* writes to the audit log what is found when the launcher has ended */
    void *late_context;
    size_t told;           /* of record->count */
    unsigned lines;        /* that told of them while the program ran */
    unsigned left_over;    /* new directories that may still be looked at */
    struct scan_path path; /* of the directory that is being looked at */
    struct guard_record own;
};

/* Before the program: from here on what appears is taken away. places: as places_open() left them.
 */
void guard_begin(struct guard *guard, const struct plan *plan, const char *venv);
/* Moves what it has of the start's memory to `arena`; the plan and its file were moved already. */
void guard_keep(struct guard *guard, struct arena *arena, const char *venv);
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

/* What made the guard stop, in one line; nothing while it goes on. */
void guard_tell_stop(const struct guard *guard);

/* --- watch.c again -----------------------------------------------------------------------------
 */

/* Begins to watch: beside the program `pid`, or what pid 1 has adopted, or pid 1. */
void watch_begin(struct guard *guard, int pid);
/* Without inotify: what loses its protection gets it back, and no more. */
void watch_begin_looks(struct guard *guard, int pid);
/* Takes what was reported. */
void watch_take(struct guard *guard);

/* --- process.c: the guard's own process ------------------------------------------------------ */

enum {
    GUARD_FIRST_MS = 100, /* after the start: most programs have ended by then */
    GUARD_LOOK_MS = 1000  /* without inotify, or without a process */
};

/* Is there anything to be watched? */
bool guard_is_used(const struct guard *guard);
/* Begins to watch beside the program, in a process of its own. init: pid 1 of the sandbox. Return:
 * 0, or negative errno; then the caller is to look by itself, with guard_look(). */
int guard_fork(struct guard *guard, int program, int init);
void guard_look(struct guard *guard, int program);

/* What the guard's process says on its socket. */
enum guard_news {
    GUARD_NEWS,   /* something was taken, or it cannot go on */
    GUARD_LOOKED, /* it has taken its last look, and ends by itself */
    GUARD_GONE    /* it has ended before that */
};
enum guard_news guard_hear(struct guard *guard);

/* The program has ended: the last look. alive: something of the sandbox lives on, and is watched
 * until it ends. Return: true when it is done; false: guard_hear() will say so. */
bool guard_finish(struct guard *guard, bool alive);
/* After everything else, before the launcher ends. init > 0: of a sandbox that lives on; where no
 * process watches it yet, one begins to. */
void guard_leave(struct guard *guard, int init);

#endif
