/* Descriptors: opening beneath a directory, reading, writing, copying, and identities of files. */
#include "svenv/base/fd.h"
#include "svenv/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"

/* The kernel answers EAGAIN when something was renamed during the walk: worth a few tries. */
#define OPENAT2_TRIES 32
#define COPY_CHUNK 65536
#define TEMPORARY_SECONDS 3600
/* No file has it. */
#define MODE_UNKNOWN UINT32_MAX

static bool fd_has_dotdot(const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len == 2 && memcmp(path, "..", 2) == 0)
            return true;
        path += len;
        path += strspn(path, "/");
    }
    return false;
}

/* With O_PATH the kernel hands out a link itself rather than refuse it. */
static int refuse_link(int fd)
{
    struct stat st;
    int rc = 0;

    if (fstat(fd, &st) < 0)
        rc = -errno;
    else if (S_ISLNK(st.st_mode))
        rc = -ELOOP;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int fd_open_beneath(int dir, const char *path, int flags, mode_t mode)
{
    bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | (flags & O_PATH ? 0 : O_NONBLOCK)),
        .mode = creates ? mode & 07777 : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    if (fd_has_dotdot(path))
        return -EXDEV;
    for (int i = 0; i < OPENAT2_TRIES; i++) {
        long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

        if (fd >= 0)
            return flags & O_PATH ? refuse_link((int)fd) : (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}

static int enter_or_make(int dir, const char *name, mode_t mode)
{
    int fd = fd_open_beneath(dir, name, O_PATH | O_DIRECTORY, 0);

    if (fd != -ENOENT)
        return fd;
    if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
        return -errno;
    return fd_open_beneath(dir, name, O_PATH | O_DIRECTORY, 0);
}

int fd_mkdir_beneath(int dir, const char *path, mode_t mode)
{
    auto_fd int here = -1;

    if (*path == '/' || fd_has_dotdot(path))
        return -EXDEV;
    here = fd_open_beneath(dir, ".", O_PATH | O_DIRECTORY, 0);
    while (here >= 0 && *path != '\0') {
        char name[NAME_MAX + 1]; /* no memory of its own: the guard has to work without */
        size_t len = strcspn(path, "/");
        int next = -ENAMETOOLONG;

        if (len < sizeof(name)) {
            memcpy(name, path, len);
            name[len] = '\0';
            next = enter_or_make(here, name, mode);
        }
        close(here);
        here = next;
        path += len;
        path += strspn(path, "/");
    }
    return steal_fd(&here);
}

int fd_read_all(int fd, size_t max, struct buf *out)
{
    size_t before = out->len;
    int rc = 0;

    buf_add(out, "", 0);
    for (;;) {
        char chunk[8192];
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return 0;
        rc = n < 0 ? -errno : out->len - before + (size_t)n > max ? -EFBIG : 0;
        if (rc < 0)
            break;
        buf_add(out, chunk, (size_t)n);
    }
    out->len = before;
    out->data[before] = '\0';
    return rc;
}

int file_read(int dir, const char *path, size_t max, struct buf *out, struct err *err)
{
    auto_fd int fd = -1;
    struct stat st;
    int rc = 0;

    if (dir == AT_FDCWD)
        fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    else
        fd = fd_open_beneath(dir, path, O_RDONLY | O_NOCTTY, 0);
    if (fd < 0)
        return err_set(err, dir == AT_FDCWD ? errno : -fd, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_plain(err, EINVAL, "'%s' is not a regular file", path);
    rc = fd_read_all(fd, max, out);
    if (rc == -EFBIG)
        return err_plain(err, EFBIG, "'%s' is larger than %zu bytes", path, max);
    return rc < 0 ? err_set(err, -rc, "cannot read '%s'", path) : 0;
}

int fd_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static bool fd_is_component(const char *name)
{
    return *name != '\0' && strchr(name, '/') == NULL && !str_eq(name, ".") && !str_eq(name, "..");
}

void file_forget_temporaries(int dir)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = own >= 0 ? fdopendir(own) : NULL;
    time_t old = time(NULL) - TEMPORARY_SECONDS;

    if (!list && own >= 0)
        close(own);
    for (struct dirent *entry = list ? readdir(list) : NULL; entry; entry = readdir(list)) {
        struct stat st;

        if (str_starts(entry->d_name, NAME_UNFINISHED) &&
            fstatat(own, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtime < old)
            unlinkat(own, entry->d_name, 0);
    }
    if (list)
        closedir(list);
}

/* A name nobody can have put there beforehand. Return: descriptor or negative errno. */
static int make_temporary(int dir, char *name, size_t size)
{
    uint64_t number = 0;
    int fd = -1;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return -EIO;
    snprintf(name, size, NAME_UNFINISHED "%016" PRIx64, number);
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : -errno;
}

static int fd_fill_file(int fd, const void *data, size_t len, mode_t mode)
{
    int rc = fd_write_all(fd, data, len);

    if (rc < 0)
        return rc;
    /* fchmod and not the mode of open: the umask has no say in what the caller asked for. */
    if (fchmod(fd, mode & 07777) < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

int file_write_atomic(int dir, const char *name, const void *data, size_t len, mode_t mode,
                      struct err *err)
{
    char temporary[64];
    auto_fd int readable_dir = -1;
    auto_fd int fd = -1;
    int rc = 0;

    if (!fd_is_component(name))
        return err_plain(err, EINVAL, "'%s' is not the name of a file in a directory", name);
    readable_dir = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (readable_dir < 0)
        return err_set(err, errno, "cannot open the directory of '%s'", name);
    fd = make_temporary(dir, temporary, sizeof(temporary));
    if (fd < 0)
        return err_set(err, -fd, "cannot make a file beside '%s'", name);
    rc = fd_fill_file(fd, data, len, mode);
    if (rc == 0 && renameat(dir, temporary, dir, name) < 0)
        rc = -errno;
    if (rc < 0) {
        unlinkat(dir, temporary, 0);
        return err_set(err, -rc, "cannot write '%s'", name);
    }
    /* The new file is in place: whether its name survives a power cut is all that is left, and
     * some file systems cannot tell. */
    (void)fsync(readable_dir);
    return 0;
}

static int copy_by_hand(int from, int to, off_t at, off_t end)
{
    auto_free char *chunk = xcalloc(COPY_CHUNK, 1);

    while (at < end) {
        size_t wanted = end - at < COPY_CHUNK ? (size_t)(end - at) : COPY_CHUNK;
        ssize_t n = pread(from, chunk, wanted, at);
        int rc = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        rc = fd_write_all(to, chunk, (size_t)n);
        if (rc < 0)
            return rc;
        at += n;
    }
    return 0;
}

/* In the kernel as far as it can (it may share the blocks); across file systems, on old kernels and
 * for files of /proc it stops or refuses, and the plain loop does the rest. */
static int copy_piece(int from, int to, off_t at, off_t end)
{
    ssize_t n = 1;

    while (at < end && (n > 0 || (n < 0 && errno == EINTR))) {
        off_t left = end - at;

        n = copy_file_range(from, &at, to, NULL, left < 1 << 30 ? (size_t)left : (size_t)1 << 30,
                            0);
    }
    return copy_by_hand(from, to, at, end);
}

/* The hole from `at` on stays one in the copy. Return: where data begins again, or the size. */
static off_t skip_hole(int from, int to, off_t begin, off_t at, off_t size)
{
    off_t data = lseek(from, at, SEEK_DATA);

    if (data < 0) /* there is none, or the file system cannot tell */
        data = errno == ENXIO ? size : at;
    if (data > at && (ftruncate(to, begin + data) < 0 || lseek(to, begin + data, SEEK_SET) < 0))
        data = at;
    return data;
}

int fd_copy(int from, int to)
{
    off_t begin = lseek(to, 0, SEEK_CUR);
    struct stat st;
    off_t at = 0;
    int rc = 0;

    if (fstat(from, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    while (rc == 0 && at < st.st_size) {
        off_t data = begin < 0 ? at : skip_hole(from, to, begin, at, st.st_size);
        off_t end = lseek(from, data, SEEK_HOLE);

        if (end <= data)
            end = st.st_size;
        rc = data < st.st_size ? copy_piece(from, to, data, end) : 0;
        at = end;
    }
    /* It may have grown, or have no size of its own. */
    return rc < 0 ? rc : copy_by_hand(from, to, at, INT64_MAX);
}

static struct file_id id_of(const struct stat *st)
{
    return (struct file_id){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .mtime_ns = clock_ns_of(st->st_mtim),
        .ctime_ns = clock_ns_of(st->st_ctim),
        .size = (uint64_t)st->st_size,
        .mode = st->st_mode,
    };
}

struct file_id file_id_of(int dir, const char *path, bool follow)
{
    struct stat st;

    if (fstatat(dir, path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0)
        return (struct file_id){0};
    return id_of(&st);
}

struct file_id file_id_known(int dir, const char *path, bool follow)
{
    struct stat st;
    int rc = look_at(dir, path, follow, &st);

    if (rc < 0)
        return (struct file_id){.mode = MODE_UNKNOWN};
    return rc == 0 ? (struct file_id){0} : id_of(&st);
}

bool file_id_is_known(const struct file_id *id)
{
    return id->mode != MODE_UNKNOWN;
}

bool file_id_eq(const struct file_id *a, const struct file_id *b)
{
    return file_id_is_known(a) && a->dev == b->dev && a->ino == b->ino &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->size == b->size &&
           a->mode == b->mode;
}
