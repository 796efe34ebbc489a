/* Which names of the host's /etc a sandbox has: the one list for those that make the sandbox's own
 * /etc, that mount over it, and that watch the host's. */
#ifndef SVENV_BASE_ETC_NAMES_H
#define SVENV_BASE_ETC_NAMES_H

#include <stddef.h>

enum etc_kind {
    ETC_FILE,   /* a copy, or a link into /usr */
    ETC_EDITED, /* the same of a file that people and daemons change in place, or of a link to one:
                   the times of /etc tell nothing of it */
    ETC_TREE,   /* copies of all that lies in the directory */
    ETC_TREES,  /* the same for each directory that the pattern fits */
    ETC_BOUND,  /* the host's directory itself: large, public, and changed by the distribution */
};

struct etc_name {
    const char *name; /* below /etc */
    enum etc_kind kind;
};

/* Nothing that holds secrets: no shadow, ssh, sudoers, keytabs; and not ld.so.preload, whose
 * libraries may not be there inside. */
extern const struct etc_name etc_names[];
extern const size_t etc_name_count;

#endif
