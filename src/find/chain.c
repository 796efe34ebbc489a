/* Walks a path as the kernel does, and notes each link on the way. */
#include "discover-internal.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "svenv/base/follow.h"
#include "svenv/find/venv.h"

static int ask_host(void *context, const char *path, const char **target_out)
{
    struct venv *venv = context;
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof(target) - 1);

    if (len < 0)
        return errno == EINVAL ? 0 : -errno;
    *target_out = arena_strndup(&venv->arena, target, (size_t)len);
    return 0;
}

int chain_walk(struct venv *venv, const char *path, const char **real_out)
{
    struct followed way;
    int rc = follow_path(&venv->arena, path, ask_host, venv, &way);

    for (size_t i = 0; i < way.link_count; i++)
        needs_add_link(venv, way.links[i].path, way.links[i].target);
    *real_out = way.real;
    return rc;
}
