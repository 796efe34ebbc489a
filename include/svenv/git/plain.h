/* git's configuration of one repository, as far as a new one has it: names of remotes and branches,
 * and what the file system can do. */
#ifndef SVENV_GIT_PLAIN_H
#define SVENV_GIT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    GIT_CONFIG_BYTES_MAX = 64 << 10
};

/* Are all the keys among those that are known to run nothing, and is there nothing that git would
 * refuse? worktree_out (may be NULL) gets core.worktree,
 * which is else refused; "" without one. It is a buffer of `size` bytes. */
bool git_config_is_plain(const char *text, size_t len, char *worktree_out, size_t size);

#endif
