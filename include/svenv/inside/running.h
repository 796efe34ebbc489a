/* Sandboxes that run, for a command that is about to write where their programs can. Nobody keeps a
 * list that a killed launcher would leave wrong: the kernel is asked. */
#ifndef SVENV_INSIDE_RUNNING_H
#define SVENV_INSIDE_RUNNING_H

#include <stdbool.h>

struct err;

/* Makes the directory at `path` (a real path) read-only in every sandbox that runs and whose
 * programs could write there. A sandbox that has the directory itself writable, as an installer has
 * its own venv, is left alone. *covered_out: in how many that was done. Return: 0, or negative
 * errno with *err: -EBUSY: a program holds something of it open, which no mount closes; -EPERM: a
 * sandbox cannot be entered. */
int running_close(const char *path, unsigned *covered_out, struct err *err);

/* Does a program that runs in a sandbox hold the path, as it is called inside, or something below
 * it, open? A process that cannot be looked at counts, too. */
bool running_holds(const char *path);

#endif
