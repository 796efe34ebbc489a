/* Writing the made /etc: each file replaced as a whole, and only when it differs. */
#ifndef SVENV_COMPILE_ETC_INTERNAL_H
#define SVENV_COMPILE_ETC_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "svenv/compile/etc.h"

struct etc {
    int sandbox; /* $venv/sandbox: where files are made before they are renamed */
    int dir;     /* $venv/sandbox/etc */
    char temporary[32];
    size_t budget; /* bytes that may still be copied from the host */
    size_t names;  /* files that may still be made */
    etc_note_fn *note;
    void *context;
};

/* `dir` is etc->dir or one below it. modified: as on the host, NULL for a made file; Python
 * compiles a module again at every start whose time is not the one in its byte code. Return: 0 or
 * negative errno. */
int etc_put_file(struct etc *etc, int dir, const char *name, const void *data, size_t len,
                 const struct timespec *modified);
int etc_put_link(struct etc *etc, int dir, const char *name, const char *target);

/* Shows the host's /etc/`path` (a file, or a link into /usr) at the same place; removes ours when
 * the host has none. Files that not everybody may read are left out. edited: see ETC_EDITED. */
int etc_show_file(struct etc *etc, const char *path, bool edited);

/* The same for a directory and what lies in it. */
int etc_show_tree(struct etc *etc, const char *name);

#endif
