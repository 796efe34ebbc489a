/* Mounts in a sandbox that runs. The user of the launcher owns the sandbox's user namespace, so a
 * child of the guard may enter. The child holds nothing that a program inside could use, and
 * nothing inside can see it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/sys/mounts.h"
#include "svenv/sys/syscalls.h"

#include "guard-internal.h"

#define FIXED_ATTRS ((uint64_t)(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))

enum {
    TRIES_MAX = 20 /* a program may rename a directory until that is a mount point */
};

static int open_namespace(int pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void inside_open(struct inside *inside, int pid)
{
    inside->user_ns = open_namespace(pid, "user");
    inside->mount_ns = open_namespace(pid, "mnt");
}

void inside_close(struct inside *inside)
{
    if (inside->user_ns >= 0)
        close(inside->user_ns);
    if (inside->mount_ns >= 0)
        close(inside->mount_ns);
    *inside = (struct inside){-1, -1};
}

static int open_inside(const char *path)
{
    return sys_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0,
                       RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static int mount_over(int target, int source, const char *source_path, uint64_t attrs)
{
    auto_fd int tree = mount_clone(source, source_path, FIXED_ATTRS | attrs);

    return tree < 0 ? tree : mount_attach(tree, target, "");
}

/* A directory that is no mount point becomes one: it can be renamed no more. */
static int pin(const char *path, int parent_mount)
{
    auto_fd int dir = open_inside(path);
    int mount = dir < 0 ? dir : sys_mount_id(dir);

    if (mount < 0)
        return mount;
    return mount != parent_mount ? mount : mount_over(dir, dir, "", 0);
}

static int pin_ancestors(const char *top, const char *dest)
{
    char path[PATH_MAX];
    auto_fd int dir = open_inside(top);
    int mount = dir < 0 ? dir : sys_mount_id(dir);

    for (const char *slash = strchr(dest + strlen(top) + 1, '/'); mount >= 0 && slash;
         slash = strchr(slash + 1, '/')) {
        auto_fd int here = -1;

        snprintf(path, sizeof(path), "%.*s", (int)(slash - dest), dest);
        mount = pin(path, mount);
        if (mount < 0)
            return mount;
        here = open_inside(path);
        mount = here < 0 ? here : sys_mount_id(here);
    }
    return mount < 0 ? mount : 0;
}

static bool cover_is_covered(int target)
{
    struct statvfs fs;

    return fstatvfs(target, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

/* Return: 0 when dest is covered or not there, 1 to try again. */
static int cover(const char *top, const char *dest, bool hide)
{
    int rc = pin_ancestors(top, dest);
    auto_fd int target = rc < 0 ? rc : open_inside(dest);
    struct stat st;

    if (rc == -ENOENT || target == -ENOENT)
        return 0;
    if (target < 0 || fstat(target, &st) < 0)
        return 1;
    if (S_ISLNK(st.st_mode))
        return -ELOOP;
    if (cover_is_covered(target))
        return 0;
    if (hide)
        rc = mount_over(target, AT_FDCWD,
                        S_ISDIR(st.st_mode) ? "/" ROOT_EMPTY_DIR : "/" ROOT_EMPTY_FILE,
                        MOUNT_ATTR_RDONLY);
    else
        rc = mount_over(target, target, "", MOUNT_ATTR_RDONLY);
    return 1; /* what counts is how it looks now */
}

static bool enter_inside(const struct inside *inside)
{
    return setns(inside->user_ns, CLONE_NEWUSER) == 0 && setns(inside->mount_ns, CLONE_NEWNS) == 0;
}

/* Return: the child's exit status, or negative errno. */
static int wait_for_child(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EPERM;
}

/* In a child, so without memory of its own. */
static _Noreturn void look_main(const struct inside *inside, const char *path,
                                const struct stat *wanted)
{
    enum inside_view view = INSIDE_WRITABLE;
    int fd = -1;
    struct stat st;

    if (!enter_inside(inside))
        _exit(INSIDE_UNKNOWN);
    fd = open_inside(path);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != wanted->st_dev || st.st_ino != wanted->st_ino)
        view = INSIDE_OTHER;
    else if (cover_is_covered(fd))
        view = INSIDE_READ_ONLY;
    _exit(view);
}

enum inside_view inside_look(const struct inside *inside, const char *path, const struct stat *st)
{
    int status = INSIDE_UNKNOWN;
    pid_t pid = inside->user_ns < 0 || inside->mount_ns < 0 ? -1 : sys_fork_with(0, NULL);

    if (pid == 0)
        look_main(inside, path, st);
    if (pid > 0)
        status = wait_for_child(pid);
    return status > 0 ? (enum inside_view)status : INSIDE_UNKNOWN;
}

/* In a child, so without memory of its own. */
static _Noreturn void cover_main(const struct inside *inside, const char *top, const char *dest,
                                 bool hide)
{
    int rc = 1;

    if (!enter_inside(inside))
        _exit(1);
    for (int i = 0; rc == 1 && i < TRIES_MAX; i++)
        rc = cover(top, dest, hide);
    _exit(rc == 0 ? 0 : 1);
}

int inside_cover(const struct inside *inside, const char *top, const char *dest, bool hide)
{
    pid_t pid;

    if (inside->user_ns < 0 || inside->mount_ns < 0)
        return -EBADF;
    pid = sys_fork_with(0, NULL);
    if (pid == 0)
        cover_main(inside, top, dest, hide);
    if (pid < 0)
        return pid;
    return wait_for_child(pid) == 0 ? 0 : -EPERM;
}
