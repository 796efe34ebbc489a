/* The installers that are at work in a venv. Before one starts, its launcher writes the list of the
 * venv's files to a file in $venv/sandbox/installing, and keeps that locked. After the installer's
 * end the venv is compared with the list, and the list is emptied and removed. So a list that
 * nobody holds is that of an installer whose launcher was killed, and the look is still to be made.
 */
#ifndef SVENV_BASE_INSTALLING_H
#define SVENV_BASE_INSTALLING_H

#include <stdbool.h>

/* Makes an empty list, which stays locked while a process has the descriptor.
 * Return: it, or negative errno. */
int installing_begin(const char *venv);

/* A list that was left, locked. One that is empty is removed: no installer ran, or the look was
 * made. Return: it, -ENOENT when there is none, or negative errno. */
int installing_left(const char *venv);

/* Removes the list when it is empty. The caller closes it. Return: it was. */
bool installing_end(const char *venv, int list);

#endif
