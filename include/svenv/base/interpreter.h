/* How a Python interpreter is called. */
#ifndef SVENV_BASE_INTERPRETER_H
#define SVENV_BASE_INTERPRETER_H

#include <stdbool.h>

/* Is `name`, without a directory, one of a Python interpreter: python, python3, python3.12,
 * python3.13t, pypy3, graalpy ...? Such an entry reads options of its own, and no installer removes
 * it. */
bool interpreter_is_name(const char *name);

#endif
