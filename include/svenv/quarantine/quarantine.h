/* Where names go that must not stay in the project, and the report of what became of them. */
#ifndef SVENV_QUARANTINE_QUARANTINE_H
#define SVENV_QUARANTINE_QUARANTINE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    TAKEN_KEPT = 32, /* names for the message and the audit log */
    MADE_KEPT = 8,   /* likewise */
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
    GUARD_TOUCHED,   /* a file that was saved may have been changed before it was protected again */
    GUARD_SHOWN,     /* likewise one that is hidden may have been read */
    GUARD_REPLACED,  /* the venv itself, or a directory of it */
    GUARD_NO_MEMORY, /* for the names of what is watched */
    GUARD_DIED       /* its process has ended */
};

/* For the user and the audit log. The process that looks writes it; the launcher reads it after
 * looking by itself, or when the guard's process says that it has looked. Nothing of it is
 * allocated. */
struct guard_report {
    char stamp[STAMP_SIZE]; /* of the quarantine, see below */
    struct taken taken[TAKEN_KEPT];
    char made[MADE_KEPT][PATH_MAX]; /* virtualenvs that appeared, and may be a program's */
    size_t made_count;              /* also of those that are not kept */
    size_t count;                   /* of names that were taken, also of those that are not kept */
    size_t stuck;                   /* of them are not moved, or not wholly */
    bool opened;     /* others could have written into the project, and can no more */
    bool incomplete; /* there was more than is looked at */
    bool failed;     /* something could not be taken away */
    enum guard_stop stop;
    char lost[PATH_MAX]; /* of GUARD_LOST, GUARD_TOUCHED, GUARD_SHOWN, GUARD_REPLACED: what */
};

/* $venv/sandbox/quarantine/STAMP, made when something comes into it. */
struct quarantine {
    const char *venv;
    bool of_venv; /* the names are below the venv, not the project */
    int dir;      /* -1: not made yet */
    struct guard_report *report;
};

/* Disarms the name below the project `top` at once, and moves its files to the quarantine.
 * Directories are made anew there and only files moved: a process inside that has a directory as
 * its working directory would come with it, by "..", to the place where the sandbox is decided
 * about. Return: 0 (also when the name is gone already), or negative errno. */
int quarantine_take(struct quarantine *q, int top, const char *rel);

#endif
