/* File descriptors and whole files. Every descriptor is made close-on-exec. */
#ifndef SVENV_BASE_FD_H
#define SVENV_BASE_FD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "svenv/base/str.h"

struct err;

static inline void auto_fd_cleanup(int *fd)
{
    extern int close(int);

    if (*fd >= 0)
        close(*fd);
}
#define auto_fd __attribute__((cleanup(auto_fd_cleanup)))

static inline int steal_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

/* Opens `path` below the directory `dir` and nowhere else: no symlink in any component, no "..", no
 * magic link (openat2 with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS), never
 * blocking on a FIFO. For everything that code in the sandbox could have written.
 * flags, mode: as for open(2); O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK are added (not to O_PATH).
 * Return: the descriptor, or negative errno. */
int fd_open_beneath(int dir, const char *path, int flags, mode_t mode);

/* mkdir -p below `dir` with the same safety. Return: descriptor (O_PATH|O_DIRECTORY) of the last
 * directory, or negative errno. */
int fd_mkdir_beneath(int dir, const char *path, mode_t mode);

/* Reads the whole of a descriptor into *out (appending). More than `max` bytes is -EFBIG.
 * Return: 0 or negative errno. */
int fd_read_all(int fd, size_t max, struct buf *out);

/* Reads a regular file of at most `max` bytes; a FIFO, device or directory is -EINVAL.
 * With a descriptor for `dir` the path is opened as by fd_open_beneath(); with AT_FDCWD it is a
 * path that the user or the system named, and links are followed. Return: 0 or negative errno with
 * *err set. */
int file_read(int dir, const char *path, size_t max, struct buf *out, struct err *err);

/* Return: 0 or negative errno. */
int fd_write_all(int fd, const void *data, size_t len);

/* Replaces `name` (one component) in the directory `dir` atomically: temporary file, fsync,
 * renameat. The mode is taken as it is, whatever the umask.
 * Return: 0 or negative errno with *err set; on failure the old file stands untouched. */
int file_write_atomic(int dir, const char *name, const void *data, size_t len, mode_t mode,
                      struct err *err);

/* Removes from `dir` the temporary files that killed writers left there: those older than an hour,
 * which nobody writes any more. */
void file_forget_temporaries(int dir);

/* Copies the whole of a regular file, from its beginning whatever its offset, to where `to` stands.
 * Its holes stay holes. Return: 0 or negative errno. */
int fd_copy(int from, int to);

/* Removes `name` (one component) in `dir` and everything below it, never following a link or
 * leaving the file system. Absent is success; a mount point below is -EBUSY or -EXDEV. Directories
 * of ours without write permission are given it. Stops at the first failure. Return: 0 or negative
 * errno.
 */
int tree_remove(int dir, const char *name);

/* Identifies a file's content for "did it change since": compared as a whole. */
struct file_id {
    uint64_t dev;
    uint64_t ino;
    int64_t mtime_ns;
    int64_t ctime_ns;
    uint64_t size;
    uint32_t mode; /* 0: the file does not exist */
};

/* Never fails: a file that cannot be seen counts as absent. Symlinks are followed when `follow`. */
struct file_id file_id_of(int dir, const char *path, bool follow);

/* As file_id_of(), for an id that is kept: when nobody could find out whether the file is there
 * (look_is_answer()), the id equals no other, not even a second one of that kind. */
struct file_id file_id_known(int dir, const char *path, bool follow);
bool file_id_is_known(const struct file_id *id);
bool file_id_eq(const struct file_id *a, const struct file_id *b);

#endif
