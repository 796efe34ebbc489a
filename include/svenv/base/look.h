/* Looking for a file that may be absent. "It is not there" is an answer about the world; no memory,
 * too many open files or an input/output error are no answer, and must never be taken for one: a
 * name that is missing from a listing may be one that had to be hidden. */
#ifndef SVENV_BASE_LOOK_H
#define SVENV_BASE_LOOK_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Does this errno, positive or negative, say something about the file that was asked for: that the
 * file is absent, or that this user does not get to it? Programs inside can bring about each of
 * these in the project, so none of them may refuse a start there. */
bool look_is_answer(int code);

/* Is there something to be seen at `path`? Return: 1 with *out, 0 by look_is_answer(), or negative
 * errno. */
int look_at(int dir, const char *path, bool follow, struct stat *out);

/* May it be read? Return: as look_at(). */
int look_readable(const char *path);

/* realpath(3). Return: 1 with *out (caller frees), 0, or negative errno, as look_at(). */
int look_real(const char *path, char **out);

/* Opens a directory to list it. `flags`: O_NOFOLLOW or nothing.
 * Return: 1 with *out, 0 by look_is_answer(), or negative errno. */
int look_open_dir(int dir, const char *path, int flags, DIR **out);

/* The next name but "." and "..". Return: 1 with *out, 0 at the end (also of a directory that was
 * removed meanwhile), or negative errno. */
int look_next(DIR *stream, const struct dirent **out);

/* Is there anything in the directory? One that must not be read is an error.
 * Return: 1, 0 (also when it is missing), or negative errno. */
int look_for_content(const char *path);

static inline void auto_dir_cleanup(DIR **stream)
{
    if (*stream)
        closedir(*stream);
}
#define auto_dir __attribute__((cleanup(auto_dir_cleanup)))

#endif
