/* The names of a directory. Nothing here follows a link or allocates. */
#ifndef SVENV_SEEN_SCAN_H
#define SVENV_SEEN_SCAN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* The path below the project that is being looked at. */
struct scan_path {
    char text[PATH_MAX];
    size_t len;
};

/* Adds a component. Return: the length before, for scan_path_cut(), or -ENAMETOOLONG. */
int scan_path_add(struct scan_path *path, const char *name);
void scan_path_cut(struct scan_path *path, int len);

/* Would Python take the directory for a venv? Return: 1, 0, or negative errno. */
int scan_venv(int dir);

/* Opens a directory to list it. Its owner, when that is the caller, gets the permissions `mode`:
 * programs take them away. Return: descriptor or negative errno. */
int scan_open_forcibly(int parent, const char *name, unsigned mode);

/* The directory below `top` that the name at the path is in, O_PATH, or negative errno. */
int scan_open_parent(int top, const char *rel);

/* directory: by its entry; a name that vanishes meanwhile is none. Return: not 0 to stop. */
typedef int scan_fn(void *context, int dir, const char *name, bool directory);

/* Calls `fn` for the names of `dir`, an O_RDONLY descriptor, from its beginning. Return: 0, what fn
 * returned, -EOVERFLOW when there are more names than are looked at, or negative errno. */
int scan_names(int dir, scan_fn *fn, void *context);

#endif
