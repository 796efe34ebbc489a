/* git's configuration files, as git-config(1) describes them. The reader finds out what a
 * configuration could name; where git would refuse a line, it goes on with the next one. It
 * allocates nothing. */
#ifndef SVENV_GIT_CONFIG_H
#define SVENV_GIT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct git_config_entry {
    const char *section; /* in small letters */
    const char *sub;     /* as it is written; NULL: none */
    const char *name;    /* in small letters */
    const char *value;   /* NULL: the line has no '=' */
};

/* The entry lives until the function returns. Return: false: no more entries are wanted. */
typedef bool git_config_fn(void *context, const struct git_config_entry *entry);

enum {
    GIT_CONFIG_ROOM = 8 /* and the length of a file: enough for each entry in it */
};

/* Calls fn for each entry. room: memory for the entry at hand. Return: 0; -EINVAL when git would
 * refuse something in it; -ENOBUFS when an entry was left out for want of room; -ECANCELED when fn
 * wanted no more. */
int git_config_read(const char *data, size_t len, char *room, size_t size, git_config_fn *fn,
                    void *context);

#endif
