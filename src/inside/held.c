/* Does a process in the sandbox hold a name past the mount that covers it? For the coverer, which
 * sees the sandbox's /proc, and may look at each process there. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/seen/scan.h"
#include "svenv/sys/syscalls.h"

#include "held-internal.h"

struct holding {
    const char *dest;
    int mount; /* that covers it */
};

/* Is the link in /proc one to the name, or to something below it, on another mount? */
static int held_by_link(const struct holding *holding, int dir, const char *name)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(dir, name, text, sizeof(text) - 1);
    auto_fd int fd = -1;

    if (len < 0)
        return 0; /* the process has ended, or closed it */
    text[len] = '\0';
    if (!str_eq(text, holding->dest) && !path_is_beneath(text, holding->dest))
        return 0;
    fd = openat(dir, name, O_PATH | O_CLOEXEC);
    return fd >= 0 && sys_mount_id(fd) != holding->mount;
}

static int held_descriptor(void *context, int dir, const char *name, bool directory)
{
    (void)directory;
    return held_by_link(context, dir, name);
}

/* Return: 1 when the process holds it. */
static int held_by_process(void *context, int proc, const char *name, bool directory)
{
    struct holding *holding = context;
    char path[NAME_MAX + 8];
    auto_fd int dir = -1;
    int rc = 0;

    if (!directory || *name < '0' || *name > '9')
        return 0;
    snprintf(path, sizeof(path), "%s/cwd", name);
    if (held_by_link(holding, proc, path))
        return 1;
    snprintf(path, sizeof(path), "%s/fd", name);
    dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) /* pid 1 is ours, and shows nothing to anybody */
        return errno == ENOENT || errno == ESRCH || str_eq(name, "1") ? 0 : -errno;
    rc = scan_names(dir, held_descriptor, holding);
    return rc == -ESRCH ? 0 : rc;
}

int held_inside(const char *dest)
{
    auto_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd int target = sys_openat2(AT_FDCWD, dest, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS);
    struct holding holding = {.dest = dest, .mount = target < 0 ? 0 : sys_mount_id(target)};

    int rc = 0;

    if (target == -ENOENT)
        return 0;
    if (proc < 0 || target < 0)
        return proc < 0 ? -errno : target;
    rc = scan_names(proc, held_by_process, &holding);
    /* A sandbox without pid 1 has ended, and nothing holds anything there. */
    return rc < 0 && faccessat(proc, "1", F_OK, 0) < 0 && errno == ENOENT ? 0 : rc;
}
