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

/* A way that a program has closed since: once more when permissions change, or at the end. */
void guard_take(struct guard *guard, const char *rel, bool ended)
{
    auto_fd int dir = fd_open_beneath(guard->seen.top, rel, O_PATH | O_DIRECTORY, 0);
    int rc = dir >= 0 && repository_at(dir) > 0
                 ? take_parts(guard, rel)
                 : quarantine_take(&guard->quarantine, guard->seen.top, rel);

    guard->passed_by = guard->passed_by || rc == -EACCES;
    guard->report->failed = guard->report->failed || (rc < 0 && (rc != -EACCES || ended));
}

void guard_take_all(struct guard *guard, const char *rel)
{
    if (quarantine_take(&guard->quarantine, guard->seen.top, rel) < 0)
        guard->report->failed = true;
}
