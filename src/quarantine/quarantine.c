/* Moves names that must not stay in the project to the quarantine. */
#include "svenv/quarantine/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/seen/scan.h"
#include "svenv/sys/syscalls.h"

enum {
    DEPTH_MAX = 64,    /* directories that are made anew; a descriptor for each */
    RISEN_MAX = 65536, /* trees that were cut off because they were deeper */
    ROUNDS_MAX = 8,    /* a program may go on writing */
    SAME_NAME_MAX = 64,
    NAME_SIZE = 64
};

static void write_stamp(char stamp[STAMP_SIZE], bool of_venv)
{
    struct timespec now;
    struct tm tm = {0};
    size_t len = 0;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    len = strftime(stamp, STAMP_SIZE, "%Y%m%d-%H%M%S", &tm);
    snprintf(stamp + len, STAMP_SIZE - len, "-%d%s", (int)getpid(),
             of_venv ? QUARANTINE_OF_VENV : "");
}

/* One for all of a start, whichever process takes something. */
static int make_stamp_dir(struct quarantine *q, int sandbox)
{
    auto_fd int base = fd_mkdir_beneath(sandbox, SANDBOX_QUARANTINE, 0700);

    if (!*q->report->stamp)
        write_stamp(q->report->stamp, q->of_venv);
    return base < 0 ? base : fd_mkdir_beneath(base, q->report->stamp, 0700);
}

static int open_quarantine(struct quarantine *q)
{
    auto_fd int venv = -1;
    auto_fd int sandbox = -1;

    if (q->dir >= 0)
        return 0;
    venv = open(q->venv, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (venv < 0)
        return -errno;
    sandbox = fd_open_beneath(venv, VENV_SANDBOX, O_PATH | O_DIRECTORY, 0);
    if (sandbox < 0)
        return sandbox;
    q->dir = make_stamp_dir(q, sandbox);
    return q->dir < 0 ? q->dir : 0;
}

static int set_mode(int dir, mode_t mode)
{
    char proc[64];

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dir);
    return chmod(proc, mode & 07777);
}

/* A program can take its own directory's permissions away to keep a name in it. Return: it may be
 * written into now; *was_out is to be given back. */
static bool open_up(int dir, mode_t *was_out)
{
    struct stat st;

    if (fstat(dir, &st) < 0 || set_mode(dir, st.st_mode | 0700) < 0)
        return false;
    *was_out = st.st_mode;
    return true;
}

static int rename_forcibly(int from, const char *name, int to, const char *to_name)
{
    int rc = sys_renameat2(from, name, to, to_name, RENAME_NOREPLACE);
    mode_t was = 0;

    if (rc != -EACCES || !open_up(from, &was))
        return rc;
    rc = sys_renameat2(from, name, to, to_name, RENAME_NOREPLACE);
    set_mode(from, was);
    return rc;
}

static int remove_forcibly(int parent, const char *name)
{
    int rc = unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
    mode_t was = 0;

    if (rc != -EACCES || !open_up(parent, &was))
        return rc;
    rc = unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
    set_mode(parent, was);
    return rc;
}

struct moving {
    int to;
    unsigned depth;
    /* Here a tree that is deeper goes, to be moved after the others. */
    int up;
    const char *inert;
    unsigned *risen;
};

static void name_risen(char text[NAME_SIZE], const char *inert, unsigned number)
{
    snprintf(text, NAME_SIZE, number > 0 ? "%.40s.%u" : "%.40s", inert, number);
}

/* Within the project a directory may move: what is reached from it by ".." is the project's. */
static int raise_directory(int dir, const char *name, const struct moving *moving)
{
    char other[NAME_SIZE];
    auto_fd int opened = scan_open_forcibly(dir, name, 0700); /* or it could not be moved */

    if (opened < 0)
        return opened == -ENOENT ? 0 : opened;
    if (*moving->risen == RISEN_MAX)
        return -ELOOP;
    name_risen(other, moving->inert, ++*moving->risen);
    return rename_forcibly(dir, name, moving->up, other);
}

static int move_entry(void *context, int dir, const char *name, bool directory);

/* Moves what is in the directory, as often as something new comes. Return: 0 when it was empty. */
static int empty_into(int parent, const char *name, int from, const struct moving *inner)
{
    struct moving moving = *inner;

    for (int round = 0; round < ROUNDS_MAX; round++) {
        int rc = scan_names(from, move_entry, &moving);

        if (rc < 0)
            return rc;
        rc = remove_forcibly(parent, name);
        if (rc != -ENOTEMPTY && rc != -EEXIST)
            return rc;
    }
    return -ENOTEMPTY;
}

static int move_directory(int dir, const char *name, const struct moving *outer)
{
    auto_fd int from = -1;
    struct moving inner = *outer;
    auto_fd int to = -1;

    if (outer->depth == DEPTH_MAX)
        return raise_directory(dir, name, outer);
    from = scan_open_forcibly(dir, name, 0700);
    if (from < 0)
        return from == -ENOENT ? 0 : from;
    if (mkdirat(outer->to, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    to = fd_open_beneath(outer->to, name, O_PATH | O_DIRECTORY, 0);
    inner.to = to;
    inner.depth++;
    return to < 0 ? to : empty_into(dir, name, from, &inner);
}

/* A name may come again while a directory is being emptied: the later one stands beside it. */
static int move_file(int dir, const char *name, int to)
{
    char other[NAME_MAX + 16];
    int rc = rename_forcibly(dir, name, to, name);

    for (int i = 1; rc == -EEXIST && i < SAME_NAME_MAX; i++) {
        snprintf(other, sizeof(other), "%.200s.%d", name, i);
        rc = rename_forcibly(dir, name, to, other);
    }
    return rc == -ENOENT ? 0 : rc;
}

static int move_entry(void *context, int dir, const char *name, bool directory)
{
    const struct moving *moving = context;

    return directory ? move_directory(dir, name, moving) : move_file(dir, name, moving->to);
}

/* Renamed where it lies, so that nothing obeys it from this moment on, whatever follows. */
static int disarm(int parent, const char *name, char inert[NAME_SIZE])
{
    uint64_t number = 0;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return -EIO;
    snprintf(inert, NAME_SIZE, NAME_TAKEN "%016" PRIx64, number);
    return rename_forcibly(parent, name, parent, inert);
}

/* Makes the directory, under a name like `name` that is free. Return: descriptor or negative errno.
 */
static int make_spare(int to, const char *name)
{
    char spare[NAME_MAX + 16];

    snprintf(spare, sizeof(spare), "%s", name);
    for (int i = 1; mkdirat(to, spare, 0700) < 0; i++) {
        if (errno != EEXIST || i == SAME_NAME_MAX)
            return -errno;
        snprintf(spare, sizeof(spare), "%.200s.%d", name, i);
    }
    return fd_open_beneath(to, spare, O_PATH | O_DIRECTORY, 0);
}

static int bring_in_file(int parent, const char *inert, int to, const char *name)
{
    char spare[NAME_MAX + 16];
    int rc = rename_forcibly(parent, inert, to, name);

    for (int i = 1; rc == -EEXIST && i < SAME_NAME_MAX; i++) {
        snprintf(spare, sizeof(spare), "%.200s.%d", name, i);
        rc = rename_forcibly(parent, inert, to, spare);
    }
    return rc;
}

/* Its parts beyond the depth come after it. */
static int bring_in_directory(int parent, const char *inert, int to, const char *name)
{
    unsigned risen = 0;
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i <= risen; i++) {
        char part[NAME_SIZE];
        auto_fd int inner = make_spare(to, name);
        auto_fd int from = -1;
        struct moving moving = {
            .to = inner, .depth = 1, .up = parent, .inert = inert, .risen = &risen};

        name_risen(part, inert, i);
        from = inner < 0 ? inner : scan_open_forcibly(parent, part, 0700);
        rc = from < 0 ? from : empty_into(parent, part, from, &moving);
    }
    return rc;
}

/* From under its inert name to `name` in the quarantine. */
static int bring_in(int parent, const char *inert, int to, const char *name)
{
    struct stat st;

    if (fstatat(parent, inert, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? bring_in_directory(parent, inert, to, name)
                               : bring_in_file(parent, inert, to, name);
}

static void note(struct quarantine *q, const char *rel, bool moved)
{
    struct guard_report *report = q->report;

    if (report->stuck > 0 && str_starts(path_basename(rel), NAME_TAKEN)) {
        report->stuck -= moved; /* it was counted when it could not be moved */
        return;
    }
    if (report->count < TAKEN_KEPT) {
        struct taken *taken = &report->taken[report->count];

        taken->moved = moved;
        snprintf(taken->rel, sizeof(taken->rel), "%s", rel);
    }
    report->stuck += !moved;
    /* The launcher may be reading those before it. */
    __atomic_store_n(&report->count, report->count + 1, __ATOMIC_RELEASE);
}

static bool place_is_closed(int dir)
{
    return faccessat(dir, ".", W_OK | X_OK, 0) < 0 && errno == EACCES;
}

/* The same directories as in the project; where a file lies in the way of one, none. */
static int make_place(const struct quarantine *q, const char *dir)
{
    int place = fd_mkdir_beneath(q->dir, dir, 0700);

    return place == -ENOTDIR || place == -EEXIST ? fd_mkdir_beneath(q->dir, "", 0700) : place;
}

int quarantine_take(struct quarantine *q, int top, const char *rel)
{
    const char *name = path_basename(rel);
    char dir[PATH_MAX];
    char inert[NAME_SIZE];
    auto_fd int parent = -1;
    auto_fd int to = -1;
    mode_t was = 0;
    bool closed = false;
    int rc = 0;

    snprintf(dir, sizeof(dir), "%.*s", name == rel ? 0 : (int)(name - rel - 1), rel);
    parent = fd_open_beneath(top, *dir ? dir : ".", O_PATH | O_DIRECTORY, 0);
    closed = parent >= 0 && place_is_closed(parent) && open_up(parent, &was);
    rc = parent < 0 ? parent : disarm(parent, name, inert);
    if (rc == 0) {
        rc = open_quarantine(q);
        to = rc < 0 ? rc : make_place(q, dir);
        rc = to < 0 ? to : bring_in(parent, inert, to, name);
        note(q, rel, rc == 0);
        rc = 0;
    }
    if (closed)
        set_mode(parent, was);
    return rc == -ENOENT ? 0 : rc;
}
