/* Protected things lead to others: a host tool obeys the file behind a link or behind a line of
 * git's configuration, wherever that lies. Shared by the files that find such leads. */
#ifndef SVENV_COMPILE_LEADS_INTERNAL_H
#define SVENV_COMPILE_LEADS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "facts-internal.h"
#include "svenv/compute/leads.h"

/* A protected file that has more names than one. */
struct lead_twin {
    const char *path;
    const char *of;
    uint64_t dev, ino;
};

struct leads {
    struct host_facts *host;
    const char *project;
    const char *own;              /* the venv that is being compiled */
    const struct strv *unguarded; /* patterns of paths: a person answers for what is in them */
    struct strv walked;           /* directories whose links are known */
    size_t entries;               /* of those */
    size_t variants;
    struct lead_twin *twins;
    size_t twin_count;
    bool cut; /* beyond a limit: nobody knows what else is obeyed */
};

/* Where leads come from. */
struct lead_source {
    const char *of; /* the protected name; git's own word when it lies outside the project */
    int kind;       /* of struct fact_lead */
    enum lead_verb verb;
    const char *from;   /* the file or link that leads there */
    const char *within; /* a directory that is protected as a whole; NULL: none */
    bool shallow;       /* what is in a directory at the end counts by itself */
    bool once;          /* a change of what was walked is no reason to make the plan anew */
};

/* Follows a path and notes what of its way lies in the project: every link, and what is at its end,
 * or may come to be there. The links in a directory at the end are followed, too. */
void leads_add(struct leads *leads, const char *path, const struct lead_source *source);
/* Notes one path, which is not followed. */
void leads_note(struct leads *leads, const char *path, const struct lead_source *source);
/* Follows the links in a directory that is protected, and notes files that have another name. */
void leads_walk(struct leads *leads, const char *path, const struct lead_source *source);
/* A path may end, through links, at one of these. */
enum lead_end {
    LEAD_END_NOTHING,
    LEAD_END_FILE,
    LEAD_END_OTHER /* also when a look failed */
};
enum lead_end leads_end(struct leads *leads, const char *path);

/* Notes a file that has another name. */
void leads_note_twin(struct leads *leads, const char *path, const char *of);

/* git.c: the repositories in and above the project, and the user's own configuration. */
void leads_of_git(struct leads *leads);
/* twins.c: finds the other names of the files that were noted. */
void leads_of_twins(struct leads *leads, int top);

#endif
