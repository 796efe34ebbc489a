/* Puts files, links and trees of the host into the made /etc. */
#include "etc-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#define TREE_DEPTH_MAX 5

static bool has_time(const struct stat *st, const struct timespec *modified)
{
    return modified == NULL ||
           (st->st_mtim.tv_sec == modified->tv_sec && st->st_mtim.tv_nsec == modified->tv_nsec);
}

static bool has_content(int dir, const char *name, const void *data, size_t len,
                        const struct timespec *modified)
{
    auto_fd int fd = fd_open_beneath(dir, name, O_RDONLY, 0);
    auto_buf struct buf now = {0};
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644 &&
           has_time(&st, modified) && (uint64_t)st.st_size == len &&
           fd_read_all(fd, len, &now) == 0 && now.len == len &&
           (len == 0 || memcmp(now.data, data, len) == 0);
}

static int move_in(struct etc *etc, int dir, const char *name)
{
    if (renameat(etc->sandbox, etc->temporary, dir, name) == 0)
        return 0;
    /* The host's directory of this name may have become a file. */
    if (errno != EISDIR || tree_remove(dir, name) < 0 ||
        renameat(etc->sandbox, etc->temporary, dir, name) < 0) {
        int rc = -errno;

        unlinkat(etc->sandbox, etc->temporary, 0);
        return rc;
    }
    return 0;
}

/* No fsync: all of this can be made again, and a torn file is found by its content. */
int etc_put_file(struct etc *etc, int dir, const char *name, const void *data, size_t len,
                 const struct timespec *modified)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
    auto_fd int fd = -1;
    int rc = 0;

    if (has_content(dir, name, data, len, modified))
        return 0;
    unlinkat(etc->sandbox, etc->temporary, 0);
    fd = openat(etc->sandbox, etc->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0600);
    if (fd < 0)
        return -errno;
    rc = fd_write_all(fd, data, len);
    if (modified != NULL)
        times[1] = *modified;
    if (rc == 0 && (fchmod(fd, 0644) < 0 || futimens(fd, times) < 0))
        rc = -errno;
    if (rc < 0) {
        unlinkat(etc->sandbox, etc->temporary, 0);
        return rc;
    }
    return move_in(etc, dir, name);
}

int etc_put_link(struct etc *etc, int dir, const char *name, const char *target)
{
    char now[PATH_MAX];
    ssize_t len = readlinkat(dir, name, now, sizeof(now) - 1);

    if (len >= 0) {
        now[len] = '\0';
        if (str_eq(now, target))
            return 0;
    }
    unlinkat(etc->sandbox, etc->temporary, 0);
    if (symlinkat(target, etc->sandbox, etc->temporary) < 0)
        return -errno;
    return move_in(etc, dir, name);
}

/* A link whose text leads into a tree that is the same inside. */
static bool leads_into_usr(const char *host_path, const char *target)
{
    auto_free char *dir = path_dirname(host_path);
    auto_free char *path = path_normalise(dir, target);

    return path_is_beneath(path, "/usr");
}

/* Return: 1 when the link was put, 0 when it has to be copied, or negative errno. */
static int show_link(struct etc *etc, int dir, const char *name, const char *host_path,
                     bool any_target)
{
    char target[PATH_MAX];
    ssize_t len = readlink(host_path, target, sizeof(target) - 1);
    int rc = 0;

    if (len < 0)
        return errno == EINVAL ? 0 : -errno;
    target[len] = '\0';
    if (!any_target && !leads_into_usr(host_path, target))
        return 0;
    rc = etc_put_link(etc, dir, name, target);
    return rc < 0 ? rc : 1;
}

/* Return: 0, -ENOENT when there is nothing on the host that may be shown, or negative errno. */
static int show_content(struct etc *etc, int dir, const char *name, const char *host_path)
{
    auto_fd int fd = open(host_path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    auto_buf struct buf text = {0};
    struct stat st;
    int rc = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

    if (rc < 0) /* ENXIO: a socket, or a device that is none */
        return look_is_answer(rc) || rc == -ENXIO ? -ENOENT : rc;
    if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IROTH))
        return -ENOENT;
    rc =
        fd_read_all(fd, etc->budget < ETC_FILE_BYTES_MAX ? etc->budget : ETC_FILE_BYTES_MAX, &text);
    if (rc < 0)
        return rc == -EFBIG ? -ENOENT : rc;
    etc->budget -= text.len;
    return etc_put_file(etc, dir, name, text.data, text.len, &st.st_mtim);
}

static int etc_show(struct etc *etc, int dir, const char *name, const char *host_path,
                    bool any_link)
{
    int rc = 0;

    if (etc->names == 0)
        return 0;
    etc->names--;
    rc = show_link(etc, dir, name, host_path, any_link);
    if (rc == 0)
        rc = show_content(etc, dir, name, host_path);
    return rc > 0 ? 0 : rc;
}

int etc_show_file(struct etc *etc, const char *path, bool edited)
{
    auto_free char *host_path = path_join("/etc", path);
    auto_free char *parent = path_dirname(path);
    const char *name = path_basename(path);
    auto_fd int dir = -1;
    struct stat st;
    int rc = look_at(AT_FDCWD, host_path, true, &st);

    if (rc < 0)
        return rc;
    if (rc == 0) {
        dir = fd_open_beneath(etc->dir, parent, O_RDONLY | O_DIRECTORY, 0);
        if (dir >= 0)
            unlinkat(dir, name, 0);
        return 0;
    }
    dir = fd_mkdir_beneath(etc->dir, str_eq(parent, ".") ? "" : parent, 0755);
    if (dir < 0)
        return dir;
    rc = etc_show(etc, dir, name, host_path, false);
    if (rc == -ENOENT)
        return 0;
    if (rc == 0 && etc->note != NULL)
        etc->note(etc->context, host_path, edited);
    return rc;
}

/* Removes our files that the host's directory no longer has. */
static int remove_stale(int dir, int host)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(dir, ".", 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        struct stat st;
        int is_there = look_at(host, entry->d_name, false, &st);

        if (is_there == 0)
            is_there = tree_remove(dir, entry->d_name);
        if (is_there < 0)
            return is_there;
    }
    return rc;
}

static int show_dir(struct etc *etc, int parent, const char *name, const char *host_path,
                    unsigned depth);

static int show_child(struct etc *etc, int dir, const char *name, const char *host_dir,
                      unsigned depth)
{
    auto_free char *host_path = path_join(host_dir, name);
    struct stat st;
    int rc = look_at(AT_FDCWD, host_path, false, &st);

    if (rc <= 0)
        return rc;
    rc = 0;
    if (S_ISDIR(st.st_mode))
        return show_dir(etc, dir, name, host_path, depth + 1);
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        rc = etc_show(etc, dir, name, host_path, true);
    return rc == -ENOENT ? 0 : rc;
}

static int show_dir(struct etc *etc, int parent, const char *name, const char *host_path,
                    unsigned depth)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    auto_fd int dir = -1;
    int rc = depth < TREE_DEPTH_MAX ? look_open_dir(AT_FDCWD, host_path, 0, &stream) : 0;

    if (rc <= 0)
        return rc;
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return -errno;
    dir = fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return dir;
    while ((rc = look_next(stream, &entry)) > 0) {
        rc = show_child(etc, dir, entry->d_name, host_path, depth);
        if (rc < 0)
            break;
    }
    return rc < 0 ? rc : remove_stale(dir, dirfd(stream));
}

int etc_show_tree(struct etc *etc, const char *name)
{
    auto_free char *host_path = path_join("/etc", name);
    struct stat st;
    int rc = look_at(AT_FDCWD, host_path, true, &st);

    if (rc < 0)
        return rc;
    if (rc == 0 || !S_ISDIR(st.st_mode))
        return tree_remove(etc->dir, name);
    rc = show_dir(etc, etc->dir, name, host_path, 0);
    if (rc == 0 && etc->note != NULL)
        etc->note(etc->context, host_path, false);
    return rc;
}
