/* git's configuration files, as git-config(1) describes them. The reader finds out what a
 * configuration could name; where git would refuse a line, it goes on with the next one. */
#ifndef SVENV_FORMATS_GITCONFIG_H
#define SVENV_FORMATS_GITCONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct gitconfig_entry {
    const char *section; /* in small letters */
    const char *sub;     /* as it is written; NULL: none */
    const char *name;    /* in small letters */
    const char *value;   /* NULL: the line has no '=' */
};

struct gitconfig {
    struct gitconfig_entry *entries;
    size_t count;
    bool cut; /* there are more entries than are read */
};

/* Everything in *out lives in the arena. */
void gitconfig_parse(struct arena *arena, const char *data, size_t len, struct gitconfig *out);

#endif
