/* The directories of one venv, opened once; everything else works through these descriptors. */
#ifndef SVENV_FIND_SITE_H
#define SVENV_FIND_SITE_H

#include <stdbool.h>

struct err;

/* Names in $venv/sandbox for files on their way to their place. They are fixed, since the lock is
 * held: the next run finds and removes a file that a killed run left. */
#define SITE_NEW_FILE ".new"
#define SITE_NEW_STUB ".new-stub"

struct site {
    const char *path; /* borrowed */
    int root;
    int bin;
    int sandbox; /* -1 until there is one */
    int real;    /* sandbox/bin, -1 until there is one */
};

void site_init(struct site *site, const char *path);
void site_finish(struct site *site);
#define auto_site __attribute__((cleanup(site_finish)))

/* Opens the venv's root and bin, and sandbox and sandbox/bin where they exist. The root must be the
 * caller's own, the sandbox must be one that nobody else could have written.
 * Return: 0 or negative errno with *err. */
int site_open(struct site *site, const char *path, struct err *err);

/* Makes sandbox (0700) and every directory that belongs in it, home and cache, and opens them. */
int site_make(struct site *site, struct err *err);

/* Removes the files that an interrupted run left at SITE_NEW_*. */
void site_sweep(const struct site *site);

/* fsync of bin and sandbox/bin: one journal commit for all the renames before. */
int site_flush(const struct site *site, struct err *err);

/* Makes sandbox/lock, held, unless the file exists; *lock_out is -1 then. For the first wrap, which
 * holds the lock on pyvenv.cfg. */
int site_make_lock(const struct site *site, int *lock_out, struct err *err);

#endif
