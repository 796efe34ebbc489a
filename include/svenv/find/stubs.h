/* The stub's bytes: they define "wrapped" (docs/SECURITY.md, C6). */
#ifndef SVENV_FIND_STUBS_H
#define SVENV_FIND_STUBS_H

#include <stdbool.h>
#include <stddef.h>

#include "svenv/base/str.h"

struct err;
struct site;
struct stat;

#define STUB_MODE 0755
/* The installed one, the one that this venv was wrapped with, and the one that an interrupted
 * upgrade was about to change to. */
#define STUBS_MAX 3

struct stubs {
    struct buf known[STUBS_MAX]; /* the first is the one to write */
    size_t count;
    bool has_kept; /* the venv had a copy of its own */
};

enum stub_match {
    STUB_NONE,
    STUB_CURRENT,
    STUB_OLD
};

/* Reads the installed stub (NULL: the venv's copy is the current one) and the copies that the venv
 * keeps. Return: 0 or negative errno with *err; -ENOENT when there is no stub at all. */
int stubs_load(struct stubs *stubs, const struct site *site, const char *installed,
               struct err *err);
void stubs_finish(struct stubs *stubs);
#define auto_stubs __attribute__((cleanup(stubs_finish)))

/* Compares a file byte for byte. A file that this user may not read, or that is another one than
 * `st` by now, is no stub; a file that could not be read for another reason may well be one.
 * Return: an enum stub_match, or negative errno. */
int stubs_match(const struct stubs *stubs, int dir, const char *name, const struct stat *st);

/* Has the file the size of a stub? */
bool stubs_fit(const struct stubs *stubs, const struct stat *st);

/* Writes the current stub to SITE_NEW_STUB in sandbox, ready to be renamed. */
int stubs_prepare(const struct stubs *stubs, const struct site *site);

/* Keeps the current stub in the venv before the first entry is changed to it, and makes it the one
 * and only when all are. */
int stubs_announce(const struct stubs *stubs, const struct site *site, struct err *err);
int stubs_settle(const struct stubs *stubs, const struct site *site, struct err *err);

#endif
