/* Removes a directory tree that others may change meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"

/* Theory: two descriptors whatever the depth. We go down with openat2 and up with "..", and check
 * on the way up that we came back to the directory we had left: when somebody moves the tree
 * meanwhile, the removal ends instead of going elsewhere. */

/* Sub-directories remembered per level before working them off: bounds the memory, saves reading a
 * wide directory again after each of them. */
#define BATCH 128
/* A directory that fills up again as fast as we empty it is given up after so many rounds. */
#define MAX_TRIES 64

struct level {
    dev_t dev;
    ino_t ino;
    struct strv pending; /* names of sub-directories still to be entered */
    bool more;           /* the last reading stopped because `pending` was full */
    unsigned tries;      /* how often the last of `pending` was entered */
};

struct walk {
    struct level *levels;
    size_t depth;
    size_t cap;
    int here; /* the directory of the last level */
};

static void walk_finish(struct walk *walk)
{
    for (size_t i = 0; i < walk->depth; i++)
        strv_finish(&walk->levels[i].pending);
    free(walk->levels);
    if (walk->here >= 0)
        close(walk->here);
}

static int open_child(int dir, const char *name, int flags)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
        /* NO_XDEV also stops at a bind mount of the same file system, which st_dev cannot tell. */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    long fd = -1;

    do {
        fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    return fd >= 0 ? (int)fd : -errno;
}

/* Opens a directory that we may not even read, by giving ourselves the permission first. An O_PATH
 * descriptor takes no fchmod, but its name in /proc does, and cannot be swapped. */
static int open_forbidden(int dir, const char *name)
{
    auto_fd int path = open_child(dir, name, O_PATH);
    char proc[64];

    if (path < 0)
        return path;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path);
    if (chmod(proc, 0700) < 0)
        return errno == ENOENT ? -EACCES : -errno;
    return open_child(path, ".", O_RDONLY);
}

static int walk_enter(struct walk *walk, int dir, const char *name)
{
    auto_fd int fd = open_child(dir, name, O_RDONLY);
    struct stat st;

    if (fd == -EACCES)
        fd = open_forbidden(dir, name);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    /* When the kernel refuses this, the directory is not ours; whether that matters shows at its
     * entries. */
    if ((st.st_mode & 0700) != 0700)
        (void)fchmod(fd, 0700);
    if (walk->depth == walk->cap) {
        walk->cap = walk->cap > 0 ? walk->cap * 2 : 16;
        walk->levels = xreallocarray(walk->levels, walk->cap, sizeof(*walk->levels));
    }
    walk->levels[walk->depth++] = (struct level){.dev = st.st_dev, .ino = st.st_ino, .more = true};
    if (walk->here >= 0)
        close(walk->here);
    walk->here = steal_fd(&fd);
    return 0;
}

/* Back to the parent; the emptied directory is still there, and its name is the last one pending.
 */
static int walk_leave(struct walk *walk)
{
    const struct level *parent = &walk->levels[walk->depth - 2];
    auto_fd int fd = openat(walk->here, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (st.st_dev != parent->dev || st.st_ino != parent->ino)
        return -ESTALE;
    strv_finish(&walk->levels[--walk->depth].pending);
    close(walk->here);
    walk->here = steal_fd(&fd);
    return 0;
}

/* Return: 0 when gone, -ENOTEMPTY for a directory with something in it, or negative errno. */
static int remove_one(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -errno;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return errno == EEXIST ? -ENOTEMPTY : -errno;
}

/* Reads the directory we are in, removes what can be removed at once and remembers the rest. */
static int read_level(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    int fd = openat(walk->here, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    int rc = 0;

    if (listing == NULL) {
        rc = -errno;
        if (fd >= 0)
            close(fd);
        return rc;
    }
    level->more = false;
    while (rc == 0 && !level->more && (errno = 0, entry = readdir(listing)) != NULL) {
        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
            continue;
        rc = remove_one(walk->here, entry->d_name);
        if (rc == -ENOTEMPTY) {
            strv_add(&level->pending, entry->d_name);
            level->more = level->pending.count == BATCH;
            rc = 0;
        }
    }
    if (rc == 0 && entry == NULL && errno != 0)
        rc = -errno;
    closedir(listing);
    return rc;
}

static void drop_last(struct level *level)
{
    struct strv *pending = &level->pending;

    free(pending->items[--pending->count]);
    pending->items[pending->count] = NULL;
    level->tries = 0;
}

/* Enters the last pending sub-directory, or removes it when it is empty by now.
 * Return: 1 when it was entered, 0 when it is gone, or negative errno. */
static int work_off_last(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    const char *name = level->pending.items[level->pending.count - 1];
    int rc = remove_one(walk->here, name);

    if (rc == 0)
        drop_last(level);
    if (rc != -ENOTEMPTY || level->tries++ == MAX_TRIES)
        return rc;
    rc = walk_enter(walk, walk->here, name);
    if (rc == 0)
        return 1;
    /* Swapped for something else meanwhile: the next round looks at it again. */
    return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

/* Works on the directory we are in until it is empty or a sub-directory has to come first.
 * Return: 1 when it is empty, 0 when a sub-directory was entered, or negative errno. */
static int empty_level(struct walk *walk)
{
    for (;;) {
        const struct level *level = &walk->levels[walk->depth - 1];
        int rc = 0;

        if (level->pending.count > 0) {
            rc = work_off_last(walk);
            if (rc != 0)
                return rc < 0 ? rc : 0;
        } else if (level->more) {
            rc = read_level(walk);
            if (rc < 0)
                return rc;
        } else {
            return 1;
        }
    }
}

static int empty_tree(int dir, const char *name)
{
    __attribute__((cleanup(walk_finish))) struct walk walk = {.here = -1};
    int rc = walk_enter(&walk, dir, name);

    while (rc == 0) {
        rc = empty_level(&walk);
        if (rc == 1 && walk.depth == 1)
            return 0;
        if (rc == 1)
            rc = walk_leave(&walk);
    }
    return rc;
}

int tree_remove(int dir, const char *name)
{
    if (*name == '\0' || strchr(name, '/') != NULL || str_eq(name, ".") || str_eq(name, ".."))
        return -EINVAL;
    for (int i = 0; i < MAX_TRIES; i++) {
        int rc = remove_one(dir, name);

        if (rc != -ENOTEMPTY)
            return rc;
        rc = empty_tree(dir, name);
        if (rc < 0 && rc != -ENOENT && rc != -ENOTDIR)
            return rc;
    }
    return -ENOTEMPTY;
}
