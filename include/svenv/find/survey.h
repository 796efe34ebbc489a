/* The names on both sides of a venv: $venv/bin as the host sees it ("bin"), and $venv/sandbox/bin
 * as programs see it ("real"). Looks only; see decide.c for what follows. */
#ifndef SVENV_FIND_SURVEY_H
#define SVENV_FIND_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "svenv/base/mem.h"

struct err;
struct site;
struct stubs;
struct venv;

enum side {
    SIDE_ABSENT,
    SIDE_STUB,  /* bin only: our bytes */
    SIDE_ENTRY, /* something that can be run */
    SIDE_PLAIN, /* a file or link that is no entry point: activate, data, a dangling link */
    SIDE_OTHER, /* directory, FIFO, socket, device: left alone */
    SIDE__COUNT
};

struct pair {
    const char *name;
    enum side bin;
    enum side real;
    bool known;     /* the manifest has it as an entry */
    bool permitted; /* the policy publishes it though it is reserved; set by reconcile() */
    bool same;   /* both sides hold the same thing, as far as type, size, mode, time and text say */
    bool linked; /* both names are one inode: a wrap was interrupted between its two steps */
    bool worn;   /* the stub is an old one, or has the wrong mode or more than one name */
    bool damaged; /* bin has what a power cut leaves of a stub: nothing, or only NUL bytes */
    struct stat bin_st;
    struct stat real_st;
};

struct survey {
    struct arena arena;
    struct pair *pairs; /* sorted by name */
    size_t count;
};

/* More names than this on one side is an error: an installer must not be able to make every start
 * slow without end. */
#define SURVEY_NAMES_MAX 65536

int survey_take(struct survey *survey, const struct site *site, const struct stubs *stubs,
                const struct venv *manifest, struct err *err);
void survey_finish(struct survey *survey);
#define auto_survey __attribute__((cleanup(survey_finish)))

#endif
