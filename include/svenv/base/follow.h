/* Following a path through symbolic links, by what the caller knows of each name: the caller may
 * know it from the host, from a table of facts, or from links that a plan will make. Nothing here
 * touches the file system. */
#ifndef SVENV_BASE_FOLLOW_H
#define SVENV_BASE_FOLLOW_H

#include <stddef.h>

struct arena;

/* Asks about `path`, above which no link is left. *target_out: a link's text; it stays NULL for
 * anything else, also where there may be nothing. Return: 0, or negative errno, which ends the way.
 */
typedef int follow_ask_fn(void *context, const char *path, const char **target_out);

struct follow_link {
    const char *path; /* no link lies above it */
    const char *target;
};

struct followed {
    const char *real; /* without links: the whole, or when the way ended early, the last name */
    struct follow_link *links; /* in the order in which they were met */
    size_t link_count;
};

/* Follows the path as the kernel does: each link is followed where it stands, and ".." leaves the
 * directory that was really come to. Nobody asks whether that is a directory. `path` is absolute;
 * the result lives in the arena.
 * Return: 0, -ELOOP for more than 40 links, -ENAMETOOLONG, or the error that `ask` gave; *out is
 * written in each case. */
int follow_path(struct arena *arena, const char *path, follow_ask_fn *ask, void *context,
                struct followed *out);

#endif
