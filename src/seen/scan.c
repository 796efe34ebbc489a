/* Reads the names of a directory. */
#include "svenv/seen/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/sys/syscalls.h"

enum {
    BUFFER_BYTES = 8192,
    NAMES_MAX = 262144 /* of one directory */
};

/* getdents64(2); libc's struct dirent is the same or not, by library. */
struct report {
    uint64_t ino;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

int scan_path_add(struct scan_path *path, const char *name)
{
    size_t before = path->len;
    size_t len = strlen(name);

    if (before + len + 2 > sizeof(path->text))
        return -ENAMETOOLONG;
    if (before > 0)
        path->text[path->len++] = '/';
    memcpy(path->text + path->len, name, len + 1);
    path->len += len;
    return (int)before;
}

void scan_path_cut(struct scan_path *path, int len)
{
    path->len = (size_t)len;
    path->text[path->len] = '\0';
}

int scan_venv(int dir)
{
    struct stat st;

    return look_at(dir, "pyvenv.cfg", false, &st);
}

int scan_open_forcibly(int parent, const char *name, unsigned mode)
{
    auto_fd int path = fd_open_beneath(parent, name, O_PATH | O_DIRECTORY, 0);
    char proc[64];
    struct stat st;

    if (path < 0)
        return path;
    if (fstat(path, &st) < 0)
        return -errno;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path);
    if ((st.st_mode & mode) != mode && st.st_uid == geteuid())
        (void)chmod(proc, (st.st_mode & 07777) | mode);
    return fd_open_beneath(path, ".", O_RDONLY | O_DIRECTORY, 0);
}

static bool scan_is_directory(int dir, const struct report *report)
{
    struct stat st;

    if (report->type != DT_UNKNOWN)
        return report->type == DT_DIR;
    return fstatat(dir, report->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

int scan_names(int dir, scan_fn *fn, void *context)
{
    _Alignas(struct report) char buffer[BUFFER_BYTES];
    unsigned left = NAMES_MAX;

    if (lseek(dir, 0, SEEK_SET) < 0)
        return -errno;
    for (;;) {
        int size = sys_getdents(dir, buffer, sizeof(buffer));

        if (size <= 0) /* a directory that has been removed is empty */
            return size == -ENOENT ? 0 : size;
        for (int at = 0; at < size;) {
            const struct report *report = (const struct report *)(const void *)(buffer + at);
            int rc = 0;

            at += report->size;
            if (is_dots(report->name))
                continue;
            if (left-- == 0)
                return -EOVERFLOW;
            rc = fn(context, dir, report->name, scan_is_directory(dir, report));
            if (rc != 0)
                return rc;
        }
    }
}

int scan_open_parent(int top, const char *rel)
{
    const char *name = path_basename(rel);
    char dir[PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", name == rel ? 1 : (int)(name - rel - 1),
             name == rel ? "." : rel);
    return fd_open_beneath(top, dir, O_PATH | O_DIRECTORY, 0);
}
