/* The lock that every command takes which changes a venv. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/find/venv.h"

#include "svenv/find/site.h"
#include "svenv/wrap/wrap.h"

#define LOCK_NAME IN_SANDBOX(SANDBOX_LOCK)
#define LOCK_NEW "lock-new"
/* Each try means that somebody wrapped or unwrapped the venv while we waited. */
#define LOCK_TRIES 1000

static int hold(int fd)
{
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* Is the file that we hold still the one that others will look for? */
static bool is_current(int root, int fd)
{
    auto_fd int now = fd_open_beneath(root, LOCK_NAME, O_PATH, 0);
    struct stat held;
    struct stat found;

    return now >= 0 && fstat(fd, &held) == 0 && fstat(now, &found) == 0 &&
           held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

/* Return: 1, 0, or negative errno when that could not be found out. */
static int has_lock_file(int root)
{
    auto_fd int fd = fd_open_beneath(root, LOCK_NAME, O_PATH, 0);

    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    return 1;
}

/* Return: the held descriptor, -EAGAIN when the world changed meanwhile, or negative errno. */
static int try_lock(int root)
{
    auto_fd int fd = fd_open_beneath(root, LOCK_NAME, O_RDWR, 0);
    bool is_wrapped = fd >= 0;
    int rc = 0;

    if (!is_wrapped && fd != -ENOENT)
        return fd;
    /* sandbox/lock cannot be seen inside; pyvenv.cfg can, and so could be held there for ever. It
     * serves only until the first wrap has made the other. */
    if (!is_wrapped)
        fd = fd_open_beneath(root, "pyvenv.cfg", O_RDONLY, 0);
    if (fd < 0)
        return fd;
    rc = hold(fd);
    if (rc < 0)
        return rc;
    rc = is_wrapped ? !is_current(root, fd) : has_lock_file(root);
    if (rc != 0)
        return rc < 0 ? rc : -EAGAIN;
    return steal_fd(&fd);
}

int venv_lock(const char *venv_path, struct err *err)
{
    auto_fd int root = open(venv_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = -EAGAIN;

    if (root < 0)
        return err_set(err, errno, "cannot open the directory '%s'", venv_path);
    for (int i = 0; rc == -EAGAIN && i < LOCK_TRIES; i++)
        rc = try_lock(root);
    if (rc < 0)
        return err_set(err, -rc, "cannot lock '%s'", venv_path);
    return rc;
}

int site_make_lock(const struct site *site, int *lock_out, struct err *err)
{
    auto_fd int fd = -1;
    int rc = has_lock_file(site->root);

    *lock_out = -1;
    if (rc < 0)
        return err_set(err, rc, "cannot look at '%s/" LOCK_NAME "'", site->path);
    if (rc > 0)
        return 0;
    /* Held before it has its name, so nobody can come in between. */
    unlinkat(site->sandbox, LOCK_NEW, 0);
    fd = openat(site->sandbox, LOCK_NEW, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ||
        renameat(site->sandbox, LOCK_NEW, site->sandbox, SANDBOX_LOCK) < 0)
        return err_set(err, errno, "cannot make '%s/sandbox/lock'", site->path);
    *lock_out = steal_fd(&fd);
    return 0;
}
