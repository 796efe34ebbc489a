/* Links that a program made in the project and that lead tools of the host to files that they would
 * obey. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"

#include "guard-internal.h"

static bool is_private_name(const char *rel)
{
    char first[NAME_MAX + 1] = "";
    size_t len = strcspn(rel, "/");

    if (len >= sizeof(first))
        return false;
    memcpy(first, rel, len);
    return layout_is_private(first);
}

/* Is the path of the host in a directory that programs write as their own home, cache or /tmp? */
static bool is_private_path(const struct guard *guard, const char *path)
{
    const char *in_venv = path_relative_to(path, guard->quarantine.venv);
    const char *tmp = guard->seen.file->temp_base;
    char shm[PATH_MAX];

    if (in_venv != NULL && is_private_name(in_venv))
        return true;
    if (tmp == NULL)
        return false;
    snprintf(shm, sizeof(shm), TEMPORARY_SHM "/%s", path_basename(tmp));
    return path_is_beneath(path, tmp) || path_is_beneath(path, shm);
}

/* Return: 1, 0, or negative errno, of which only look_is_answer() says that nothing is there. */
static int ends_in_private(const struct guard *guard, int dir, const char *path)
{
    auto_fd int fd = openat(dir, path, O_PATH | O_CLOEXEC);
    char proc[64], real[PATH_MAX];
    ssize_t len = 0;

    if (fd < 0)
        return -errno;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    len = readlink(proc, real, sizeof(real) - 1);
    if (len < 0)
        return -errno;
    real[len] = '\0';
    return is_private_path(guard, real);
}

/* The target may be made later, so of a link that leads nowhere the part counts that is there.
 * Nobody can say where one with ".." behind a missing name will lead, nor one that could not be
 * followed. */
static bool leads_to_private(const struct guard *guard, int dir, const char *name)
{
    char text[PATH_MAX], there[PATH_MAX];
    ssize_t len = readlinkat(dir, name, text, sizeof(text) - 1);
    int rc = 0;

    if (len <= 0)
        return false;
    text[len] = '\0';
    memcpy(there, text, (size_t)len + 1);
    rc = ends_in_private(guard, dir, there);
    while ((rc == -ENOENT || rc == -ENOTDIR) && *there != '\0') {
        char *slash = strrchr(there, '/');

        *(slash ? slash : there) = '\0';
        rc = *there != '\0' ? ends_in_private(guard, dir, there) : 0;
    }
    return rc > 0 || (rc < 0 && !look_is_answer(rc)) || strstr(text + strlen(there), "/..") != NULL;
}

bool link_leads_around(const struct guard *guard, int dir, const char *name)
{
    const struct plan *plan = guard->plan;
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode) &&
           guard_is_new(guard, &st) &&
           (plan_obeyed_leads(plan->obeyed, plan->obeyed_count, guard->path.text) ||
            leads_to_private(guard, dir, name));
}
