/* Walks a path as the kernel does, and notes each link on the way. */
#include "discover-internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

#define LINKS_MAX 40 /* as the kernel's own limit */

/* Adds one component to the link-free path *here. Return: 0, or negative errno. */
static int step(struct venv *venv, const char **here, const char *name, size_t len,
                const char **target_out)
{
    const char *next = NULL;
    char target[PATH_MAX];
    struct stat st;
    ssize_t size = 0;

    *target_out = NULL;
    if (len == 0 || (len == 1 && name[0] == '.'))
        return 0;
    if (len == 2 && memcmp(name, "..", 2) == 0) {
        auto_free char *parent = path_dirname(*here);

        *here = arena_strdup(&venv->arena, parent);
        return 0;
    }
    next = arena_printf(&venv->arena, "%s/%.*s", str_eq(*here, "/") ? "" : *here, (int)len, name);
    if (lstat(next, &st) < 0) {
        *here = next;
        return -errno;
    }
    if (!S_ISLNK(st.st_mode)) {
        *here = next;
        return 0;
    }
    size = readlink(next, target, sizeof(target) - 1);
    if (size < 0)
        return -errno;
    target[size] = '\0';
    *target_out = arena_strdup(&venv->arena, target);
    needs_add_link(venv, next, *target_out);
    return 0;
}

int chain_walk(struct venv *venv, const char *path, const char **real_out)
{
    const char *here = "/";
    const char *rest = path;
    unsigned links = 0;

    while (*rest != '\0') {
        size_t len = strcspn(rest, "/");
        const char *target = NULL;
        int rc = step(venv, &here, rest, len, &target);

        if (rc < 0) {
            *real_out = here;
            return rc;
        }
        rest += len;
        rest += strspn(rest, "/");
        if (target == NULL)
            continue;
        if (++links > LINKS_MAX)
            return -ELOOP;
        if (target[0] == '/')
            here = "/";
        rest = arena_printf(&venv->arena, "%s/%s", target, rest);
        if (strlen(rest) >= PATH_MAX)
            return -ENAMETOOLONG;
    }
    *real_out = here;
    return 0;
}
