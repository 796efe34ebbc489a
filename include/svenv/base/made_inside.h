/* Virtualenvs that programs in the sandbox made. They stay writable there, or tox could not use its
 * own a second time, so none that a person made or wrapped may be taken for one. */
#ifndef SVENV_BASE_MADE_INSIDE_H
#define SVENV_BASE_MADE_INSIDE_H

#include <stddef.h>

enum {
    MADE_INSIDE_LINE = 128 /* bytes of a line in the record, at most */
};

/* The line of the virtualenv at `dir` in the record: of the directory, and of its pyvenv.cfg, which
 * is another one, or has another change time, when somebody makes the virtualenv anew in the same
 * directory. A wrapped virtualenv has none. *dir_len_out: how much of the line is the directory's.
 * Return: 1 with the line, 0: none, or negative errno. */
int made_inside_line(int dir, char line[MADE_INSIDE_LINE], size_t *dir_len_out);

#endif
