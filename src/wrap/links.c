/* Gives files with a second name an inode of their own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

#include "svenv/find/site.h"
#include "svenv/wrap/wrap.h"

/* Packages nest a dozen deep; each level costs one descriptor. */
#define DEPTH_MAX 128

/* A package may leave one large file under many names, each of which would become a copy. */
#define COPIED_MAX ((uint64_t)16 << 30)

struct breaker {
    int workshop; /* a directory that nothing inside can write */
    size_t copied;
    uint64_t bytes; /* that the copies take on the disk */
};

/* The copy is made where nothing inside can reach it, and renamed over the name. */
static int give_own_inode(struct breaker *b, int dir, const char *name, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    auto_fd int from = fd_open_beneath(dir, name, O_RDONLY, 0);
    auto_fd int to = -1;
    struct stat opened;
    int rc = 0;

    if (from < 0)
        return from;
    if (fstat(from, &opened) < 0 || opened.st_ino != st->st_ino || opened.st_dev != st->st_dev)
        return -ESTALE;
    b->bytes += (uint64_t)opened.st_blocks * 512;
    if (b->bytes > COPIED_MAX)
        return -EFBIG;
    unlinkat(b->workshop, SITE_NEW_FILE, 0);
    to = openat(b->workshop, SITE_NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0600);
    if (to < 0)
        return -errno;
    rc = fd_copy(from, to);
    if (rc == 0 && (fchmod(to, st->st_mode & 0777) < 0 || futimens(to, times) < 0 ||
                    renameat(b->workshop, SITE_NEW_FILE, dir, name) < 0))
        rc = -errno;
    if (rc < 0)
        unlinkat(b->workshop, SITE_NEW_FILE, 0);
    else
        b->copied++;
    return rc;
}

static bool links_is_left_out(const char *name, unsigned depth)
{
    return (depth == 0 && layout_is_private(name)) || str_eq(name, ".") || str_eq(name, "..");
}

static int links_walk(struct breaker *b, int parent, const char *name, unsigned depth);

static int treat_name(struct breaker *b, int dir, const char *name, unsigned depth)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISDIR(st.st_mode))
        return links_walk(b, dir, name, depth + 1);
    if (!S_ISREG(st.st_mode) || st.st_nlink < 2)
        return 0;
    return give_own_inode(b, dir, name, &st);
}

static int links_walk(struct breaker *b, int parent, const char *name, unsigned depth)
{
    int fd = depth < DEPTH_MAX ? fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0) : -ELOOP;
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    int rc = 0;

    if (stream == NULL) {
        rc = fd < 0 ? fd : -errno;
        if (fd >= 0)
            close(fd);
        return rc == -ENOENT ? 0 : rc;
    }
    while (rc == 0 && (errno = 0, entry = readdir(stream)) != NULL) {
        if (!links_is_left_out(entry->d_name, depth))
            rc = treat_name(b, dirfd(stream), entry->d_name, depth);
    }
    if (rc == 0)
        rc = -errno;
    closedir(stream);
    return rc;
}

int venv_break_links(const char *venv_path, size_t *copied_out, struct err *err)
{
    auto_fd int lock = venv_lock(venv_path, err);
    auto_site struct site site;
    struct breaker b = {.copied = 0};
    int rc = 0;

    site_init(&site, venv_path);
    if (lock < 0)
        return lock;
    rc = site_open(&site, venv_path, err);
    if (rc < 0)
        return rc;
    b.workshop = site.sandbox >= 0 ? site.sandbox : site.root;
    rc = links_walk(&b, site.root, ".", 0);
    if (rc == -EFBIG)
        return err_plain(err, EFBIG,
                         "files of '%s' that have a second name are larger than 16 GiB together: "
                         "delete those names, or replace them by copies",
                         venv_path);
    if (rc < 0)
        return err_set(err, -rc, "cannot give the files of '%s' inodes of their own", venv_path);
    if (copied_out != NULL)
        *copied_out = b.copied;
    return 0;
}
