/* Repositories in which git runs nothing, whoever made them. */
#ifndef SVENV_GIT_HARMLESS_H
#define SVENV_GIT_HARMLESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads a small regular file with one name. Return: its length, text_out ends with a 0; or negative
 * errno. */
ssize_t git_read_small(int dir, const char *name, char *text_out, size_t size);

/* Is there nothing in the repository `dir`, a .git or one without, that git would run? depth: of it
 * below the directory that it is the repository of. A part that cannot be looked at
 * counts as harmful. */
bool git_is_harmless(int dir, unsigned depth);

#endif
