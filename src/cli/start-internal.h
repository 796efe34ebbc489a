/* Handing over to the launcher, for `run` and `shell`. */
#ifndef SVENV_CLI_START_INTERNAL_H
#define SVENV_CLI_START_INTERNAL_H

#include <stddef.h>

struct args;

/* Becomes the launcher with `program` (and the further words) inside the venv that `args` names,
 * under the policy options of `args`. how: "run" or "shell", as the launcher calls it. Returns only
 * on failure, with the exit status. */
int start_program(const struct args *args, const char *how, const char *program,
                  const char *const *words, size_t count);

#endif
