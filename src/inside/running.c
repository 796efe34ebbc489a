/* Closes a directory in the sandboxes that run. Their processes are looked through; in each of
 * their mount namespaces the directory is covered where it can be written, and then none of the
 * processes may hold something of it that was opened before. */
#include "svenv/inside/running.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/inside/inside.h"
#include "svenv/sys/syscalls.h"

#include "peer-internal.h"
#include "thread-internal.h"

enum {
    FIELDS = 6,
    HELD_TRIES = 20,
    HELD_WAIT_NS = 25000000
};

struct running {
    int proc;
    const char *path;
    struct stat st;
    char *device;       /* as mountinfo says */
    char *below;        /* the path below the root of its file system */
    struct strv inside; /* as it is called in sandboxes that could write it */
    unsigned covered;
    struct err *err;
};

/* --- mountinfo ---------------------------------------------------------------------------------
 */

/* Of a line of mountinfo(5). */
struct mount_line {
    char *fields[FIELDS]; /* number, parent, device, root, mount point, options */
};

/* Space, tab, newline and backslash stand there as "\040". */
static void mount_unescape(char *text)
{
    char *to = text;

    for (const char *at = text; *at; to++) {
        if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] != '\0' && at[3] != '\0') {
            *to = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            at += 4;
        } else {
            *to = *at++;
        }
    }
    *to = '\0';
}

/* Takes the next line off *text. */
static bool next_mount(char **text, struct mount_line *out)
{
    char *end = strchr(*text, '\n');
    char *at = *text;

    if (end == NULL)
        return false;
    *end = '\0';
    *text = end + 1;
    for (int i = 0; i < FIELDS; i++) {
        size_t len = strcspn(at, " ");
        bool last = at[len] == '\0';

        out->fields[i] = at;
        at[len] = '\0';
        at += len + (last ? 0 : 1);
        mount_unescape(out->fields[i]);
    }
    return true;
}

static int read_mounts(int proc, const char *process, struct buf *out)
{
    char path[64];
    auto_fd int fd = -1;

    snprintf(path, sizeof(path), "%.48s/mountinfo", process);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd_read_all(fd, MOUNTINFO_BYTES_MAX, out);
}

/* Finds out how every mount namespace calls the directory. */
static int find_on_disk(struct running *r)
{
    auto_buf struct buf text = {0};
    auto_fd int dir = open(r->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int id = dir < 0 ? -errno : sys_mount_id(dir);
    int rc = id < 0 ? id : fstat(dir, &r->st) < 0 ? -errno : read_mounts(r->proc, "self", &text);
    struct mount_line line;
    uint64_t number = 0;

    if (rc < 0)
        return err_set(r->err, rc, "cannot look at '%s'", r->path);
    for (char *at = text.data; at != NULL && next_mount(&at, &line);) {
        const char *rel = path_relative_to(r->path, line.fields[4]);

        if (num_parse_u64(line.fields[0], INT_MAX, &number) < 0 || number != (uint64_t)id ||
            rel == NULL)
            continue;
        r->device = xstrdup(line.fields[2]);
        r->below = path_join(line.fields[3], rel);
        return 0;
    }
    return err_plain(r->err, EIO, "the kernel does not say where '%s' is mounted", r->path);
}

/* --- one mount namespace -----------------------------------------------------------------------
 */

static int cannot_enter(const struct running *r, const char *pid)
{
    return err_plain(r->err, EPERM,
                     "a program in a sandbox (process %s) may be able to write '%s', and its "
                     "sandbox cannot be entered: end it and try again",
                     pid, r->path);
}

/* The directory by the mount, or NULL: it is not there. */
static char *inside_name(const struct running *r, const struct mount_line *line)
{
    const char *rel = path_relative_to(r->below, line->fields[3]);

    if (rel == NULL || *rel == '\0' || !str_eq(line->fields[2], r->device))
        return NULL;
    return path_join(line->fields[4], rel);
}

static int close_name(struct running *r, struct inside *inside, const char *pid, const char *top,
                      const char *name)
{
    enum inside_view view = inside_look(inside, name, &r->st);

    if (view == INSIDE_OTHER || view == INSIDE_READ_ONLY)
        return 0;
    if (view == INSIDE_WRITABLE && inside_cover(inside, top, name, COVER_PIN) == 0)
        view = inside_look(inside, name, &r->st);
    if (view != INSIDE_READ_ONLY)
        return cannot_enter(r, pid);
    r->covered++;
    return 0;
}

enum mounted {
    MOUNTED_NOT,
    MOUNTED_READ_ONLY,
    MOUNTED_WRITABLE
};

static bool is_mounted_writable(const struct mount_line *line)
{
    return str_starts(line->fields[5], "rw");
}

/* By the topmost mount, which is the last. */
static enum mounted how_mounted(const struct buf *mounts, const char *name)
{
    auto_free char *copy = xstrdup(mounts->data);
    enum mounted how = MOUNTED_NOT;
    struct mount_line line;

    for (char *at = copy; next_mount(&at, &line);) {
        if (str_eq(line.fields[4], name))
            how = is_mounted_writable(&line) ? MOUNTED_WRITABLE : MOUNTED_READ_ONLY;
    }
    return how;
}

/* The namespaces are the thread's own: `/proc` has each by its number. */
static int close_in(void *context, int proc, const char *thread)
{
    struct running *r = context;
    const char *tid = path_basename(thread);
    auto_buf struct buf mounts = {0};
    auto_free char *copy = NULL;
    auto_inside struct inside inside = {-1, -1, -1, 0};
    struct mount_line line;
    int rc = read_mounts(proc, thread, &mounts);

    if (rc < 0 || mounts.data == NULL)
        return rc == -ENOENT || rc == -ESRCH || rc == -EINVAL || rc == 0 ? 0 : cannot_enter(r, tid);
    copy = xstrdup(mounts.data);
    for (char *at = copy; rc == 0 && next_mount(&at, &line);) {
        auto_free char *name = inside_name(r, &line);
        enum mounted how = name == NULL ? MOUNTED_WRITABLE : how_mounted(&mounts, name);

        if (how == MOUNTED_WRITABLE) /* an installer's own */
            continue;
        if (how == MOUNTED_NOT && is_mounted_writable(&line)) {
            if (inside.mount_ns < 0)
                (void)inside_open(&inside, num_leading_id(tid));
            rc = close_name(r, &inside, tid, line.fields[4], name);
        }
        /* A guard may have closed it before: that does not close what was open. */
        if (!strv_has(&r->inside, name))
            strv_add(&r->inside, name);
    }
    return rc;
}

/* --- all of them -------------------------------------------------------------------------------
 */

static bool is_pid(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

static int each_inside(struct running *r, thread_fn *fn)
{
    auto_dir DIR *proc = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, "/proc", 0, &proc);

    if (rc <= 0)
        return err_set(r->err, rc < 0 ? rc : EACCES, "cannot list '/proc'");
    while ((rc = look_next(proc, &entry)) > 0) {
        int inside = is_pid(entry->d_name) ? peer_is_inside(r->proc, entry->d_name) : 0;

        *r->err = (struct err){.code = 0};
        if (inside < 0)
            return err_set(r->err, inside, "cannot look at process %s", entry->d_name);
        rc = inside > 0 ? thread_each(r->proc, entry->d_name, fn, r) : 0;
        if (rc < 0)
            return r->err->code ? rc
                                : err_set(r->err, rc, "cannot look at process %s", entry->d_name);
    }
    return rc < 0 ? err_set(r->err, rc, "cannot list '/proc'") : 0;
}

static int refuse_held(void *context, int proc, const char *thread)
{
    struct running *r = context;
    const char *pid = path_basename(thread);

    for (size_t i = 0; i < r->inside.count; i++) {
        int rc = peer_holds(proc, thread, r->inside.items[i]);

        if (rc < 0)
            return err_set(r->err, rc,
                           "cannot look at what process %s, a program in a sandbox, has open", pid);
        if (rc > 0)
            return err_plain(r->err, EBUSY,
                             "a program in a sandbox (process %s) holds '%s', or something in it, "
                             "open and could go on writing there: end it and try again",
                             pid, r->path);
    }
    return 0;
}

/* Somebody may just be listing a directory. */
static int refuse_all_held(struct running *r)
{
    const struct timespec wait = {.tv_nsec = HELD_WAIT_NS};
    int rc = 0;

    for (int i = 0; i < HELD_TRIES; i++) {
        rc = each_inside(r, refuse_held);
        if (rc != -EBUSY)
            return rc;
        nanosleep(&wait, NULL);
    }
    return rc;
}

bool running_holds(const char *path)
{
    struct err err = {0};
    struct running r = {.path = path, .err = &err};
    bool holds = true;

    r.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    strv_add(&r.inside, path);
    holds = r.proc < 0 || each_inside(&r, refuse_held) < 0;
    if (r.proc >= 0)
        close(r.proc);
    strv_finish(&r.inside);
    return holds;
}

int running_close(const char *path, unsigned *covered_out, struct err *err)
{
    struct running r = {.path = path, .err = err};
    int rc;

    r.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    rc = r.proc < 0 ? err_set(err, errno, "cannot look at '/proc'") : find_on_disk(&r);
    if (rc == 0)
        rc = each_inside(&r, close_in);
    if (rc == 0 && r.inside.count > 0)
        rc = refuse_all_held(&r);
    if (rc == 0)
        *covered_out = r.covered;
    if (r.proc >= 0)
        close(r.proc);
    free(r.device);
    free(r.below);
    strv_finish(&r.inside);
    return rc;
}
