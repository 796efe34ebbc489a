/* Appends lines to the audit log, and rotates it. */
#include "svenv/audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"

#define FILE_NAME_SIZE 64

/* A log being written: its directory, and texts for messages. */
struct log {
    const char *path;
    const char *name; /* its last component */
    int dir;
};

static int writer_complain(const struct log *log, const char *what, struct err *err)
{
    return err_plain(err, EPERM, "the log '%s' is refused: %s", log->path, what);
}

/* Others must not be able to change the file, and need not read it: `want` is its mode. */
static int check_own(const char *path, int fd, const struct stat *st, mode_t want, struct err *err)
{
    int rc = owner_check(st, OWNER_SELF, path, err);

    if (rc == 0 && (st->st_mode & 077) != 0 && fchmod(fd, want) < 0)
        return err_set(err, errno, "cannot close '%s' to other users", path);
    return rc;
}

static int writer_open_dir(const char *path, struct log *log, struct err *err)
{
    auto_free char *parent = path_dirname(path);
    auto_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd int made = root < 0 ? -errno : fd_mkdir_beneath(root, parent + 1, 0700);
    struct stat st;
    int rc = 0;

    if (made < 0)
        return err_set(err, -made, "cannot open the directory of the log '%s'", path);
    log->dir = openat(made, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir < 0 || fstat(log->dir, &st) < 0)
        return err_set(err, errno, "cannot open the directory of the log '%s'", path);
    rc = check_own(parent, log->dir, &st, 0700, err);
    return rc;
}

/* O_NONBLOCK: a FIFO without a reader is ENXIO and not a wait without end. */
static int open_file(const struct log *log, const char *name, struct stat *st, struct err *err)
{
    auto_fd int fd =
        openat(log->dir, name,
               O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0 && errno == ELOOP)
        return writer_complain(log, "it is a symbolic link", err);
    if (fd < 0 || fstat(fd, st) < 0)
        return err_set(err, errno, "cannot open the log '%s'", log->path);
    if (!S_ISREG(st->st_mode))
        return writer_complain(log, "it is no regular file", err);
    if (st->st_nlink > 1)
        return writer_complain(log, "it has a second name (a hard link)", err);
    rc = check_own(log->path, fd, st, 0600, err);
    return rc < 0 ? rc : steal_fd(&fd);
}

static int shift_names(const struct log *log)
{
    char from[FILE_NAME_SIZE];
    char to[FILE_NAME_SIZE];

    for (int i = AUDIT_LOG_OLD; i > 0; i--) {
        snprintf(from, sizeof(from), i > 1 ? "%s.%d" : "%s", log->name, i - 1);
        snprintf(to, sizeof(to), "%s.%d", log->name, i);
        if (renameat(log->dir, from, log->dir, to) < 0 && errno != ENOENT)
            return -errno;
    }
    return 0;
}

/* Rotates under a lock that nobody waits for: a writer that does not get it adds to the file that
 * is being renamed, which loses nothing. *fd is the log of that name afterwards. */
static int writer_rotate(const struct log *log, int *fd, struct stat *st, struct err *err)
{
    char name[FILE_NAME_SIZE];
    struct stat lock_st;
    struct stat now;
    auto_fd int lock = -1;
    int rc = 0;

    snprintf(name, sizeof(name), "%s.lock", log->name);
    lock = open_file(log, name, &lock_st, err);
    if (lock < 0)
        return lock;
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        return 0;
    /* Has somebody been faster? */
    if (fstatat(log->dir, log->name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st->st_ino)
        rc = shift_names(log);
    if (rc < 0)
        return err_set(err, -rc, "cannot rotate the log '%s'", log->path);
    rc = open_file(log, log->name, st, err);
    if (rc < 0)
        return rc;
    close(*fd);
    *fd = rc;
    return 0;
}

/* A line that a full disk cut in two must not swallow the next one. The answer may be wrong while
 * another process writes; that only makes an empty line. */
static bool ends_in_line(int fd, const struct stat *st)
{
    char last = '\n';

    return st->st_size == 0 || pread(fd, &last, 1, st->st_size - 1) != 1 || last == '\n';
}

static int append(const struct log *log, int fd, const struct stat *st, const void *data,
                  size_t len, struct err *err)
{
    auto_buf struct buf whole = {0};
    ssize_t put = 0;

    if (!ends_in_line(fd, st))
        buf_add_char(&whole, '\n');
    buf_add(&whole, data, len);
    do {
        put = write(fd, whole.data, whole.len);
    } while (put < 0 && errno == EINTR);
    if (put < 0)
        return err_set(err, errno, "cannot write to the log '%s'", log->path);
    if ((size_t)put < whole.len)
        return err_plain(err, ENOSPC, "cannot write a whole line to the log '%s'", log->path);
    return 0;
}

int audit_append(const char *path, const void *data, size_t len, struct err *err)
{
    struct log log = {.path = path, .name = path_basename(path), .dir = -1};
    auto_fd int fd = -1;
    struct stat st;
    int rc = 0;

    if (path[0] != '/' || strlen(log.name) + sizeof(".lock") > FILE_NAME_SIZE)
        return err_plain(err, EINVAL, "'%s' is no path of a log", path);
    rc = writer_open_dir(path, &log, err);
    if (rc == 0) {
        fd = open_file(&log, log.name, &st, err);
        rc = fd < 0 ? fd : 0;
    }
    if (rc == 0 && (size_t)st.st_size > 0 && (size_t)st.st_size + len > AUDIT_LOG_BYTES)
        rc = writer_rotate(&log, &fd, &st, err);
    if (rc == 0)
        rc = append(&log, fd, &st, data, len, err);
    if (log.dir >= 0)
        close(log.dir);
    return rc;
}
