/* Mounts in a sandbox that runs. The user of the launcher owns the sandbox's user namespace, so a
 * child of the guard may enter: the coverer. It enters once and then waits for names, because what
 * it is asked for cannot wait for a process to be made. It holds nothing that a program inside
 * could use but its socket to the guard, and nothing inside can see it. */
#include "svenv/inside/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/sys/mounts.h"
#include "svenv/sys/syscalls.h"

#include "held-internal.h"

#define FIXED_ATTRS ((uint64_t)(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))

enum {
    TRIES_MAX = 20, /* a program may rename a directory until that is a mount point */
    PATIENCE_S = 5  /* with the coverer: a file system may be slow */
};

static int open_namespace(int pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int inside_open(struct inside *inside, int pid)
{
    int rc = 0;

    inside->coverer = -1;
    inside->user_ns = open_namespace(pid, "user");
    if (inside->user_ns < 0)
        rc = -errno;
    inside->mount_ns = open_namespace(pid, "mnt");
    if (inside->mount_ns < 0 && rc == 0)
        rc = -errno;
    return rc;
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

/* Is it the empty file or directory that hides what is there? */
static bool cover_is_hidden(const struct stat *st)
{
    struct stat empty;

    return stat(S_ISDIR(st->st_mode) ? "/" ROOT_EMPTY_DIR : "/" ROOT_EMPTY_FILE, &empty) == 0 &&
           empty.st_dev == st->st_dev && empty.st_ino == st->st_ino;
}

/* Return: 0 when dest is covered or not there, 1 to try again. */
static int cover(const char *top, const char *dest, unsigned how)
{
    int rc = how & COVER_PIN ? pin_ancestors(top, dest) : 0;
    auto_fd int target = rc < 0 ? rc : open_inside(dest);
    struct stat st;

    if (rc == -ENOENT || target == -ENOENT)
        return 0;
    if (target < 0 || fstat(target, &st) < 0)
        return 1;
    if (S_ISLNK(st.st_mode))
        return -ELOOP;
    if (cover_is_covered(target) && (!(how & COVER_HIDE) || cover_is_hidden(&st)))
        return 0;
    if (how & COVER_HIDE)
        rc = mount_over(target, AT_FDCWD,
                        S_ISDIR(st.st_mode) ? "/" ROOT_EMPTY_DIR : "/" ROOT_EMPTY_FILE,
                        MOUNT_ATTR_RDONLY);
    else
        rc = mount_over(target, target, "", MOUNT_ATTR_RDONLY);
    return 1; /* what counts is how it looks now */
}

/* --- the coverer -------------------------------------------------------------------------------
 */

struct cover_request {
    unsigned how;
    size_t top;             /* length of the project's path, with which dest begins */
    unsigned long dev, ino; /* of the directory that is looked for */
    char dest[PATH_MAX];
};

static enum inside_view look_inside(const struct cover_request *request)
{
    auto_fd int fd = open_inside(request->dest);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != request->dev || st.st_ino != request->ino)
        return INSIDE_OTHER;
    return cover_is_covered(fd) ? INSIDE_READ_ONLY : INSIDE_WRITABLE;
}

static int cover_answer(struct cover_request *request)
{
    char top[PATH_MAX];
    int rc = 1;

    if (request->how & COVER_SEARCH)
        return held_inside(request->dest);
    if (request->how & COVER_LOOK)
        return (int)look_inside(request);
    snprintf(top, sizeof(top), "%.*s", (int)request->top, request->dest);
    for (int i = 0; rc == 1 && i < TRIES_MAX; i++)
        rc = cover(top, request->dest, request->how);
    return rc == 1 ? -EBUSY : rc;
}

/* In a child, so without memory of its own. It ends with the other end of its socket. */
static _Noreturn void coverer_main(const struct inside *inside, int socket)
{
    struct cover_request request;
    int rc = 0;

    if (setns(inside->user_ns, CLONE_NEWUSER) < 0 || setns(inside->mount_ns, CLONE_NEWNS) < 0)
        _exit(1);
    prctl(PR_SET_NAME, "sandbox-cover");
    if (socket != 0 && dup2(socket, 0) < 0)
        _exit(1);
    sys_close_range(1, ~0u, 0);
    while (recv(0, &request, sizeof(request), 0) > 0) {
        rc = cover_answer(&request);
        if (send(0, &rc, sizeof(rc), MSG_NOSIGNAL) < 0)
            break;
    }
    _exit(0);
}

int inside_begin(struct inside *inside)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int pair[2];
    pid_t pid;

    if (inside->user_ns < 0 || inside->mount_ns < 0)
        return -EBADF;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid = sys_fork_with(0, NULL);
    if (pid == 0) {
        close(pair[0]); /* by itself, or it would wait for itself where close_range(2) fails */
        coverer_main(inside, pair[1]);
    }
    close(pair[1]);
    if (pid < 0 || setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
        close(pair[0]);
        return pid < 0 ? pid : -errno;
    }
    inside->coverer = pair[0];
    inside->pid = pid;
    return 0;
}

static void coverer_end(struct inside *inside)
{
    close(inside->coverer);
    inside->coverer = -1;
    kill(inside->pid, SIGKILL);
    while (waitpid(inside->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* Return: 0 with the answer, or negative errno: there is no coverer now. */
static int ask_coverer(struct inside *inside, const struct cover_request *request, int *answer_out)
{
    size_t size = offsetof(struct cover_request, dest) + strlen(request->dest) + 1;
    int rc = inside->coverer < 0 ? inside_begin(inside) : 0;
    ssize_t got = -1;

    if (rc < 0)
        return rc;
    if (send(inside->coverer, request, size, MSG_NOSIGNAL) == (ssize_t)size) {
        do
            got = recv(inside->coverer, answer_out, sizeof(*answer_out), 0);
        while (got < 0 && errno == EINTR);
    }
    if (got == (ssize_t)sizeof(*answer_out))
        return 0;
    coverer_end(inside);
    return -ECHILD;
}

/* Return: the answer, or negative errno. */
static int ask_inside(struct inside *inside, struct cover_request *request, const char *dest)
{
    int answer = 0;
    int rc = -ENAMETOOLONG;

    if (snprintf(request->dest, sizeof(request->dest), "%s", dest) >= (int)sizeof(request->dest))
        return rc;
    for (int i = 0; rc < 0 && i < 2; i++) /* somebody may have killed it */
        rc = ask_coverer(inside, request, &answer);
    return rc < 0 ? rc : answer;
}

int inside_cover(struct inside *inside, const char *top, const char *dest, unsigned how)
{
    struct cover_request request = {.how = how, .top = strlen(top)};

    return ask_inside(inside, &request, dest);
}

enum inside_view inside_look(struct inside *inside, const char *path, const struct stat *st)
{
    struct cover_request request = {.how = COVER_LOOK, .dev = st->st_dev, .ino = st->st_ino};
    int answer = ask_inside(inside, &request, path);

    return answer > 0 ? (enum inside_view)answer : INSIDE_UNKNOWN;
}

void inside_close(struct inside *inside)
{
    if (inside->coverer >= 0)
        coverer_end(inside);
    if (inside->user_ns >= 0)
        close(inside->user_ns);
    if (inside->mount_ns >= 0)
        close(inside->mount_ns);
    *inside = (struct inside){-1, -1, -1, 0};
}
