/* Takes names out of the project: files wholly, of repositories what makes them dangerous. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"

#include "guard-internal.h"

static int take_part(struct guard *guard, const char *rel, const char *part)
{
    char path[PATH_MAX];
    auto_fd int parent = -1;
    struct stat st;

    if (snprintf(path, sizeof(path), "%s/%s", rel, part) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    parent = scan_open_parent(guard->seen.top, path);
    if (parent == -ENOENT ||
        (parent >= 0 && fstatat(parent, part, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT))
        return 0;
    return quarantine_take(&guard->quarantine, guard->seen.top, path);
}

/* HEAD first: without it the directory is no repository. */
static int take_parts(struct guard *guard, const char *rel)
{
    auto_fd int above = scan_open_parent(guard->seen.top, rel);
    int rc = 0;

    for (size_t i = 0; repository_part(i) != NULL; i++) {
        const char *part = repository_part(i);
        int one = 0;

        if (str_eq(part, "objects") || str_eq(part, "refs"))
            continue;
        one = take_part(guard, rel, part);
        rc = rc < 0 ? rc : one;
    }
    if (above >= 0)
        unlinkat(above, path_basename(rel), AT_REMOVEDIR); /* when nothing else is in it */
    return rc;
}

int guard_take(struct guard *guard, const char *rel)
{
    auto_fd int parent = scan_open_parent(guard->seen.top, rel);
    auto_fd int dir = -1;

    if (parent >= 0)
        dir = fd_open_beneath(parent, path_basename(rel), O_PATH | O_DIRECTORY, 0);
    if (dir >= 0 && repository_at(dir) > 0)
        return take_parts(guard, rel);
    return quarantine_take(&guard->quarantine, guard->seen.top, rel);
}

void guard_take_all(struct guard *guard, const char *rel)
{
    if (quarantine_take(&guard->quarantine, guard->seen.top, rel) < 0)
        guard->report->failed = true;
}
