/* One repository whose configuration is read: by git.c, which finds them, and git_config.c. */
#ifndef SVENV_COMPILE_GIT_INTERNAL_H
#define SVENV_COMPILE_GIT_INTERNAL_H

#include <stddef.h>

#include "leads-internal.h"

/* An entry, and the file that it is from. */
struct git_line;

struct git {
    struct leads *leads;
    const char *dir;   /* of the repository */
    const char *of;    /* the protected name that it lies in, or that leads to it */
    struct strv bases; /* directories at which git may begin a relative path */
    struct git_line *lines;
    size_t line_count;
    size_t files;
    const struct git *global; /* of the user and the system; NULL: this is it */
};

/* A directory that may be no project's. */
void git_add_base(struct git *git, const char *dir);
struct lead_source git_source(const struct git *git, enum lead_verb verb, const char *from);
/* Reads a file and those that it includes, when it is there. */
void git_read_config(struct git *git, const char *dir, const char *name);
/* The same for the configuration of the user and of the system. */
void git_read_global(struct git *git);
/* Adds a lead for each path that a line names, of the global ones, too. Call it when all was read.
 */
void git_apply(struct git *git);
void git_finish(struct git *git);

#endif
