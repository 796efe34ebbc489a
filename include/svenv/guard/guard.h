/* The project while programs run in it: names that must not appear there, and what becomes of
 * them. Everything in the project may be changed under our hands at any moment, so nothing is
 * opened there but below a descriptor and without following a link, and nothing here allocates per
 * file, but for the names of watched directories. */
#ifndef SVENV_GUARD_GUARD_H
#define SVENV_GUARD_GUARD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/str.h"
#include "svenv/inside/inside.h"
#include "svenv/plan/plan.h"
#include "svenv/quarantine/quarantine.h"
#include "svenv/seen/scan.h"
#include "svenv/seen/seen.h"

struct err;

/* --- parts of a guard, of which only its own files know more ---------------------------------- */

/* The venv's directories as they were at the beginning, see own.c. */
enum guard_own_part {
    GUARD_OWN_VENV,
    GUARD_OWN_BIN,
    GUARD_OWN_SANDBOX,
    GUARD_OWN_COUNT
};
struct guard_own {
    int top;       /* the tree that programs may write and that holds the venv; -1: there is none */
    size_t rel_at; /* of the venv's path: where its path below `top` begins */
    int parts[GUARD_OWN_COUNT];
};

/* Virtualenvs that appeared while the running programs could not write in them: the user's. */
enum {
    GUARD_KEPT_MAX = 8
};
struct guard_kept {
    int dirs[GUARD_KEPT_MAX]; /* open, so that no other directory gets the number of one */
    size_t count;
    unsigned tries; /* to close one before something is in it */
};

struct watched;
struct touch;
struct presence;
/* inotify(7), or nothing where its instances are used up: then the project is looked through every
 * second. */
struct watch {
    bool armed;              /* what loses its protection gets it back */
    int fd;                  /* -1: none */
    struct watched *watched; /* by number */
    size_t count;
    uint64_t read;         /* bytes of reports so far */
    uint64_t at;           /* the end of the report at hand, in them */
    uint32_t event;        /* of the report at hand; 0: there is none */
    struct touch *touches; /* NULL: none can be known */
    size_t touch_rows;
    struct presence *presences; /* of the plan's present names; NULL: they are as they were */
    int turn;                   /* the lock of the one that takes names away; -1: not opened */
    bool waits;                 /* another program's guard holds it */
    int64_t waits_until_ms;     /* then names are taken all the same; 0: there was none */
    struct inside inside;
};

struct judged;
/* Names that appeared and stay: they are the user's, or may prove to be. See judge.c. */
struct judging {
    struct judged *rows; /* NULL: none yet */
    size_t count;
    int64_t again_ms; /* when they are looked at again */
};

/* Of the guard's own process, as the launcher sees it. */
struct guard_process {
    bool begun;
    int socket; /* to it; -1: there is none */
    int pidfd;  /* -1: none, or this kernel gives none */
};

/* --- the guard as a whole ----------------------------------------------------------------------
 */

typedef void guard_late_fn(void *context);

struct guard {
    struct seen seen;
    const struct plan *plan;
    int64_t began_ns;
    unsigned mode; /* of the project's directory, at the beginning */
    struct quarantine quarantine;
    struct watch watch;
    struct guard_own own_venv;
    struct guard_kept kept;
    struct judging judging;
    struct guard_report *report; /* `own`, or memory that is shared with the guard's process */
    struct guard_process process;
    guard_late_fn *late; /* writes to the audit log what is found when the launcher has ended */
    void *late_context;
    size_t told; /* of report->count */
    bool told_stop, told_venv;
    unsigned lines;        /* that told of them while the program ran */
    unsigned left_over;    /* new directories that may still be looked at */
    bool passed_by;        /* something was closed to us while the program ran */
    bool opened;           /* since then a directory got other permissions */
    struct scan_path path; /* of the directory that is being looked at */
    struct guard_report own;
};

/* Call it before the program runs: names that appear from here on are taken away. seen: as
 * seen_open() left them. */
void guard_begin(struct guard *guard, const struct plan *plan, const char *venv);
/* Looks at the venv's own directories, which are to be the same until the end. Call it behind
 * guard_begin(). Return: 0 or negative errno with *err. */
int guard_own_begin(struct guard *guard, struct err *err);
/* Moves its part of the start's memory to `arena`; the plan and its file were moved already. */
void guard_keep(struct guard *guard, struct arena *arena, const char *venv);
/* Tells the user in one line what was taken since the last time. */
void guard_tell(struct guard *guard, bool ended);

/* Tells in one line why the guard stopped; says nothing while it goes on. */
void guard_tell_stop(struct guard *guard);

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

/* The messages of the guard's process on its socket. */
enum guard_news {
    GUARD_NEWS,   /* something was taken, or it cannot go on */
    GUARD_LOOKED, /* it has taken its last look, and ends by itself */
    GUARD_GONE    /* it has ended before that */
};
enum guard_news guard_hear(struct guard *guard);

/* Call it when the program has ended: the last look. alive: something of the sandbox lives on, and
 * is watched until it ends. Return: true when the look is done; false: guard_hear() will say so. */
bool guard_finish(struct guard *guard, bool alive);
/* Call it after everything else, before the launcher ends. init > 0: pid 1 of a sandbox that lives
 * on; where no process watches the sandbox yet, one begins to. */
void guard_leave(struct guard *guard, int init);

/* --- installed.c: the venv itself ------------------------------------------------------------ */

/* Moves the names below `top`, which is the venv's own directory, to the venv's quarantine, and
 * tells the user in a line. who: left them where tools of the host would obey them. */
void guard_take_from_venv(const char *venv, int top, const struct strv *names, const char *who);

/* Does that with a repository that would run something, and with .envrc, at the top of a private
 * home or cache. In the launcher, after the program's end. */
void guard_take_from_private(const struct guard *guard);

#endif
