/* The one place that knows what git takes for a repository. git looks at every directory from the
 * working directory upwards, asks only for names, and then runs what the configuration there says.
 * So a name too many costs a program some write access, and a name too few is a way out. */
#ifndef SVENV_BASE_REPOSITORY_H
#define SVENV_BASE_REPOSITORY_H

#include <stdbool.h>
#include <stddef.h>

/* By this name, a directory, a file or a link, every directory may have a repository. */
#define REPOSITORY_DOT_GIT ".git"
/* Without this name in it no directory is a repository itself. */
#define REPOSITORY_HEAD_NAME "HEAD"

/* The names that git asks a directory for, a bit each. */
enum repository_mark {
    REPOSITORY_HEAD = 1u << 0,
    REPOSITORY_OBJECTS = 1u << 1,
    REPOSITORY_REFS = 1u << 2,
    REPOSITORY_COMMONDIR = 1u << 3,
};

/* Return: the bit of the name, 0 when git does not ask for it. */
unsigned repository_mark(const char *name);

/* Might git take a directory with these names for a repository (bare, a worktree's or a submodule's
 * part, a separate one)? True too often, never too seldom. */
bool repository_is(unsigned marks);

/* Is `dir` a repository? The names are asked for, not listed, so that a directory with very many
 * names, or one that can be passed but not listed, hides nothing; O_PATH is enough for it.
 * Return: 1, 0, or negative errno when that could not be found out. */
int repository_at(int dir);

/* The names in a repository that lead git to the programs and settings it trusts, for a directory
 * that cannot be protected as a whole. Names that git makes anew in everyday work (packed-refs,
 * index, FETCH_HEAD) are none of them: nobody could tell them from a program's. NULL after the
 * last. */
const char *repository_part(size_t index);

#endif
