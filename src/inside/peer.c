/* Processes of running sandboxes, as /proc shows them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/num.h"
#include "svenv/base/str.h"

#include "peer-internal.h"
#include "thread-internal.h"

enum {
    STATUS_BYTES = 4096,
    ANCESTORS_MAX = 4096
};

/* --- which processes ---------------------------------------------------------------------------
 */

struct status {
    char name[64];
    int parent;
    uint64_t uid;
    unsigned depth; /* of its process namespace below that of /proc */
    int innermost;  /* its number in its own */
};

static const char *status_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? at + strlen(key) : "";
}

/* "NSpid:\t812\t7": the number in each namespace, from /proc's inwards. */
static void read_numbers(const char *text, struct status *out)
{
    for (const char *at = text; *at == '\t'; at += 1 + strcspn(at + 1, "\t\n")) {
        out->innermost = num_leading_id(at + 1);
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
    out->parent = num_leading_id(status_value(text, "\nPPid:\t"));
    out->uid = num_leading(status_value(text, "\nUid:\t"));
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
    if (status.depth <= own.depth || (status.depth == own.depth + 1 && status.innermost == 1))
        return 0;
    return is_below_launcher(proc, &status);
}

/* A descriptor that came by a mount that is read-only leads to nothing that could be written. */
static bool leads_to_writable(const struct thread_holding *holding, int fd)
{
    struct statvfs fs;

    (void)holding;
    return fstatvfs(fd, &fs) < 0 || (fs.f_flag & ST_RDONLY) == 0;
}

int peer_holds(int proc, const char *thread, const char *path)
{
    const struct thread_holding holding = {
        .path = path, .closely = true, .leads = leads_to_writable};

    return thread_holds(proc, thread, &holding);
}
