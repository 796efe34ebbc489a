/* A project with a venv beside it, and a plan that knows what was in the project when it was made:
 * what the survey would have found, in few lines. */
#ifndef SVENV_TESTS_UNIT_GUARD_PROJECT_H
#define SVENV_TESTS_UNIT_GUARD_PROJECT_H

#include <stdbool.h>

#include "../base/scratch.h"

#include "guard-internal.h"

enum {
    PROJECT_GUARDS = 7,
    PROJECT_PLACES = 8,
    PROJECT_KNOWN = 8
};

struct project {
    struct scratch scratch;
    char path[96]; /* of the project, "p" in the scratch directory */
    char venv[96]; /* "v" there, with an empty directory `sandbox` */
    int top;
    struct plan_seen seen[PROJECT_PLACES];
    struct plan_present present[PROJECT_KNOWN];
    struct plan_file file;
    struct plan plan;
    struct guard guard;
};

struct project *project_new(void);
/* Also ends what was begun. */
void project_drop(struct project *p);

/* "dir/" is a directory, "name->target" a link, anything else a file; the directories above are
 * made. Return: 0, for children that must not assert. */
int project_make(const struct project *p, const char *what);
bool project_has(const struct project *p, const char *rel);
/* Is it in the quarantine? */
bool project_took(const struct project *p, const char *rel);
/* Names in the directory that begin with the prefix. */
unsigned project_count(const struct project *p, const char *rel, const char *prefix);

/* Into the plan, in the order of their paths: a directory to be watched, and a name that was there.
 */
void project_place(struct project *p, const char *rel, enum plan_seen_kind kind);
void project_know(struct project *p, const char *rel);
/* The program begins now: no file of before has a time of after. */
void project_begin(struct project *p);

#endif
