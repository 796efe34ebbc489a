/* Lists of a venv's files for installers that are at work: made, found again and removed. */
#include "svenv/base/installing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"

enum {
    TRIES_MAX = 1000 /* names that others have, and directories that they remove meanwhile */
};

/* With rmdir, beside other installers: the last one removes it. */
static void remove_list(const char *venv, int dir, const char *name)
{
    auto_free char *path = path_join(venv, IN_SANDBOX(SANDBOX_INSTALLING));

    (void)unlinkat(dir, name, 0);
    (void)rmdir(path);
}

/* Return: the descriptor, -ENOENT when somebody else has the list, or negative errno. */
static int lock_list(int dir, const char *name, int flags)
{
    auto_fd int list =
        openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
    struct stat st;

    if (list < 0)
        return -errno;
    if (flock(list, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -ENOENT : -errno;
    if (fstat(list, &st) < 0)
        return -errno;
    return st.st_nlink == 0 ? -ENOENT : steal_fd(&list);
}

/* Another launcher may find the new list before it is locked, and remove it. */
int installing_begin(const char *venv)
{
    auto_fd int top = open(venv, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = top < 0 ? -errno : -ENOENT;

    for (int i = 0; top >= 0 && i < TRIES_MAX && (rc == -ENOENT || rc == -EEXIST); i++) {
        auto_fd int dir = fd_mkdir_beneath(top, IN_SANDBOX(SANDBOX_INSTALLING), 0700);
        char name[32];

        snprintf(name, sizeof(name), "%d-%d", (int)getpid(), i);
        rc = dir < 0 ? dir : lock_list(dir, name, O_CREAT | O_EXCL);
    }
    return rc;
}

int installing_left(const char *venv)
{
    auto_free char *path = path_join(venv, IN_SANDBOX(SANDBOX_INSTALLING));
    auto_dir DIR *dir = NULL;
    const struct dirent *entry = NULL;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return -errno;
    dir = fdopendir(fd);
    if (dir == NULL) {
        rc = -errno;
        close(fd);
        return rc;
    }
    while ((rc = look_next(dir, &entry)) > 0) {
        auto_fd int list = lock_list(dirfd(dir), entry->d_name, 0);
        struct stat st;

        if (list == -ENOENT)
            continue;
        if (list < 0 || fstat(list, &st) < 0)
            return list < 0 ? list : -errno;
        if (st.st_size > 0)
            return steal_fd(&list);
        remove_list(venv, dirfd(dir), entry->d_name);
    }
    return rc < 0 ? rc : -ENOENT;
}

bool installing_end(const char *venv, int list)
{
    auto_free char *path = path_join(venv, IN_SANDBOX(SANDBOX_INSTALLING));
    auto_fd int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char proc[64], name[PATH_MAX];
    struct stat st;
    ssize_t len = 0;

    if (fstat(list, &st) < 0 || st.st_size > 0)
        return false;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", list);
    len = readlink(proc, name, sizeof(name) - 1);
    if (dir < 0 || len < 0)
        return true; /* whoever finds the empty list removes it */
    name[len] = '\0';
    remove_list(venv, dir, path_basename(name));
    return true;
}
