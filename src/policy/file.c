/* Reads a policy file, and refuses one that others could have written. */
#include "policy-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

static int check_directory(const char *path, struct err *err)
{
    auto_free char *dir = path_dirname(path);
    struct stat st;

    if (stat(dir, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", dir);
    return owner_check(&st, OWNER_POLICY_DIR, dir, err);
}

/* Checks the directory of the opened file, wherever a symlink led: others who may write there may
 * swap the file. */
static int check_real_directory(int fd, struct err *err)
{
    char link[64];
    char real[PATH_MAX];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, real, sizeof(real) - 1);
    if (len < 0)
        return err_set(err, errno, "cannot read '%s'", link);
    real[len] = '\0';
    return check_directory(real, err);
}

/* Return: 1 with *fd_out, 0 when there is no such file, or negative errno with *err. */
static int open_policy(const char *path, int *fd_out, struct err *err)
{
    struct stat st;

    *fd_out = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd_out >= 0)
        return 1;
    if (errno != ENOENT)
        return err_set(err, errno, "cannot read the policy '%s'", path);
    if (lstat(path, &st) < 0 && errno == ENOENT)
        return 0;
    /* Somebody meant a policy to be there. */
    return err_plain(err, ENOENT, "the policy '%s' is a symbolic link to nothing", path);
}

static int check_file(const char *path, int fd, struct err *err)
{
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_plain(err, EINVAL, "the policy '%s' is no regular file", path);
    r = owner_check(&st, OWNER_POLICY, path, err);
    if (r == 0)
        r = check_directory(path, err);
    if (r == 0)
        r = check_real_directory(fd, err);
    return r;
}

int policy_file_read(const char *path, struct buf *out, struct err *err)
{
    auto_fd int fd = -1;
    int r = open_policy(path, &fd, err);

    if (r <= 0)
        return r;
    r = check_file(path, fd, err);
    if (r < 0)
        return r;
    r = fd_read_all(fd, POLICY_BYTES_MAX, out);
    if (r < 0)
        return err_set(err, -r, "cannot read the policy '%s'", path);
    return 1;
}
