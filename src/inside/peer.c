/* Processes of running sandboxes, as /proc shows them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/seen/scan.h"

#include "peer-internal.h"

enum {
    STATUS_BYTES = 4096,
    ANCESTORS_MAX = 4096
};

/* --- which processes ---------------------------------------------------------------------------
 */

struct status {
    char name[64];
    char state;
    int parent;
    int uid;
    unsigned depth; /* of its process namespace below that of /proc */
    int innermost;  /* its number in its own */
};

static const char *status_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? at + strlen(key) : "";
}

static int leading_number(const char *text)
{
    int number = 0;

    for (; *text >= '0' && *text <= '9' && number < 100000000; text++)
        number = number * 10 + (*text - '0');
    return number;
}

int peer_number(const char *pid)
{
    return leading_number(pid);
}

/* "NSpid:\t812\t7": the number in each namespace, from /proc's inwards. */
static void read_numbers(const char *text, struct status *out)
{
    for (const char *at = text; *at == '\t'; at += 1 + strcspn(at + 1, "\t\n")) {
        out->innermost = leading_number(at + 1);
        out->depth++;
    }
}

/* Return: 1, 0: no such process, or negative errno. */
static int read_status(int proc, const char *pid, struct status *out)
{
    char path[64], text[STATUS_BYTES + 1];
    auto_fd int fd = -1;
    ssize_t len = 0;

    snprintf(path, sizeof(path), "%.20s/status", pid);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? -1 : read(fd, text, STATUS_BYTES);
    if (len < 0)
        return look_is_answer(errno) || errno == ESRCH ? 0 : -errno;
    text[len] = '\0';
    *out = (struct status){.depth = 0};
    snprintf(out->name, sizeof(out->name), "%.*s",
             (int)strcspn(status_value(text, "Name:\t"), "\n"), status_value(text, "Name:\t"));
    out->state = *status_value(text, "\nState:\t");
    out->parent = leading_number(status_value(text, "\nPPid:\t"));
    out->uid = leading_number(status_value(text, "\nUid:\t"));
    read_numbers(status_value(text, "\nNSpid:"), out);
    return 1;
}

/* The kernel keeps the list of ancestors, and the two names above every program in a sandbox are
 * those of processes that it cannot touch. */
static int is_below_launcher(int proc, const struct status *status)
{
    int parent = status->parent;

    for (int i = 0; parent > 0 && i < ANCESTORS_MAX; i++) {
        struct status above;
        char pid[24];
        int rc;

        snprintf(pid, sizeof(pid), "%d", parent);
        rc = read_status(proc, pid, &above);
        if (rc <= 0)
            return rc;
        if (str_eq(above.name, "sandbox-venv") || str_eq(above.name, "launcher"))
            return 1;
        parent = above.parent;
    }
    return 0;
}

int peer_is_inside(int proc, const char *pid)
{
    struct status own, status;
    int rc = read_status(proc, "self", &own);

    if (rc > 0)
        rc = read_status(proc, pid, &status);
    if (rc <= 0)
        return rc;
    if (status.uid != own.uid && own.uid != 0) /* nor could we look at it */
        return 0;
    /* Pid 1 of a sandbox shows nothing of itself, and has nothing open. */
    if (status.state == 'Z' || status.depth <= own.depth ||
        (status.depth == own.depth + 1 && status.innermost == 1))
        return 0;
    return is_below_launcher(proc, &status);
}

/* --- what they have open -----------------------------------------------------------------------
 */

struct holding {
    const char *path; /* as it is called inside */
    int info;         /* the directory fdinfo; -1: none */
};

/* A descriptor that came by a mount that is read-only leads to nothing that could be written. */
static bool is_held(int dir, const char *name, const char *path)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(dir, name, text, sizeof(text) - 1);
    auto_fd int fd = -1;
    struct statvfs fs;

    if (len <= 0)
        return false;
    text[len] = '\0';
    if (!path_is_beneath(text, path))
        return false;
    fd = openat(dir, name, O_PATH | O_CLOEXEC);
    return fd < 0 ? errno != ENOENT : fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_RDONLY) == 0;
}

/* Descriptors that were sent and not yet received are in no table. */
static bool has_sent(int info, const char *name)
{
    char text[1024];
    auto_fd int fd = info < 0 ? -1 : openat(info, name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    const char *count = NULL;

    if (len <= 0)
        return false;
    text[len] = '\0';
    count = strstr(text, "scm_fds:");
    count = count ? count + strlen("scm_fds:") : "";
    return leading_number(count + strspn(count, " \t")) > 0;
}

static int hold_name(void *context, int dir, const char *name, bool directory)
{
    const struct holding *holding = context;

    (void)directory;
    return is_held(dir, name, holding->path) || has_sent(holding->info, name) ? 1 : 0;
}

static int open_of(int proc, const char *pid, const char *name, int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "%.20s/%s", pid, name);
    fd = openat(proc, path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* "7f..-7f.. rw-s 00000000 fe:00 1234   /path": memory that is shared with the file. */
static bool line_holds(const char *line, const char *path)
{
    const char *perms = strchr(line, ' ');
    const char *name = strchr(line, '/');

    return perms != NULL && strlen(perms) > 4 && perms[4] == 's' && name != NULL &&
           path_is_beneath(name, path);
}

static int holds_memory(int proc, const char *pid, const char *path)
{
    auto_fd int fd = open_of(proc, pid, "maps", O_RDONLY);
    auto_buf struct buf text = {0};
    int rc = fd < 0 ? fd : fd_read_all(fd, MAPS_BYTES_MAX, &text);

    if (rc < 0 || text.data == NULL)
        return rc;
    for (char *line = text.data, *end = NULL; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL)
            break;
        *end = '\0';
        if (line_holds(line, path))
            return 1;
    }
    return 0;
}

static int holds_descriptor(int proc, const char *pid, const char *path)
{
    auto_fd int fds = open_of(proc, pid, "fd", O_RDONLY | O_DIRECTORY);
    auto_fd int info = open_of(proc, pid, "fdinfo", O_RDONLY | O_DIRECTORY);
    struct holding holding = {.path = path, .info = info};

    return fds < 0 ? fds : scan_names(fds, hold_name, &holding);
}

int peer_holds(int proc, const char *pid, const char *path)
{
    auto_fd int self = open_of(proc, pid, "", O_PATH | O_DIRECTORY);
    int rc = self < 0 ? self : is_held(self, "cwd", path) || is_held(self, "root", path) ? 1 : 0;

    if (rc == 0)
        rc = holds_descriptor(proc, pid, path);
    if (rc == 0)
        rc = holds_memory(proc, pid, path);
    return rc == -ENOENT || rc == -ESRCH ? 0 : rc; /* it has ended */
}
