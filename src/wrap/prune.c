/* Removes from the private home the directories that were mount points and have nothing in them. */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "svenv/base/str.h"

#include "unwrap-internal.h"

/* Deeper ones are no mount points; each level holds a descriptor. */
enum {
    PRUNE_DEPTH_MAX = 64
};

static void prune(int dir, const char *name, unsigned depth)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    if (stream == NULL && fd >= 0)
        close(fd);
    while (stream != NULL && depth < PRUNE_DEPTH_MAX && (entry = readdir(stream)) != NULL) {
        bool is_dots = str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..");

        if (!is_dots && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
            prune(fd, entry->d_name, depth + 1);
    }
    if (stream != NULL)
        closedir(stream);
    (void)unlinkat(dir, name, AT_REMOVEDIR);
}

void unwrap_prune(int dir, const char *name)
{
    prune(dir, name, 0);
}
