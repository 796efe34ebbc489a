/* The keys of git's configuration, by what git does with their values. */
#ifndef SVENV_GIT_KEYS_H
#define SVENV_GIT_KEYS_H

#include <stddef.h>

struct git_config_entry;

enum git_key {
    GIT_KEY_OTHER,    /* one that we do not know */
    GIT_KEY_DATA,     /* names no file, and git runs nothing for it */
    GIT_KEY_URL,      /* an address, or the name of a remote */
    GIT_KEY_PATH,     /* a file or directory that git reads */
    GIT_KEY_HOOKS,    /* the directory of the hooks */
    GIT_KEY_WORKTREE, /* where the files of the repository lie */
    GIT_KEY_INCLUDE,  /* more configuration */
    GIT_KEY_COMMAND
};
enum git_key git_key_of(const struct git_config_entry *entry);

/* The names of hooks, one after the other; NULL behind the last. */
const char *git_hook(size_t index);

#endif
