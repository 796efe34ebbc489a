/* Path texts. Nothing here touches the file system. */
#ifndef SVENV_BASE_PATH_H
#define SVENV_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Joins with one '/'; an absolute `name` stands alone. Caller frees. */
char *path_join(const char *dir, const char *name);

/* Makes absolute (against `cwd`, which is absolute) and removes "//", "." and "..", lexically.
 * Caller frees. */
char *path_normalise(const char *cwd, const char *path);

/* Parent directory ("/" for "/" and "/x"; "." for "x"). Caller frees. */
char *path_dirname(const char *path);

/* Pointer to the last component within `path`: what follows the last slash ("" when it ends in
 * one). */
const char *path_basename(const char *path);

/* Is `path` the directory `root` itself or below it? Both absolute and normalised. */
bool path_is_beneath(const char *path, const char *root);

/* The part of `path` below `root`, "" when equal, NULL when not beneath. Points into `path`. */
const char *path_relative_to(const char *path, const char *root);

/* The number of slashes. */
size_t path_depth(const char *path);

#endif
