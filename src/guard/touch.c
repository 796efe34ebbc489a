/* Was a file that somebody outside saved touched before it was covered again? inotify(7) reports in
 * order, so a report about the file between its coming and the end of the cover is of that moment.
 * A file that is still open then, or has another name, shows it afterwards. It is not known who
 * touched it: the program is stopped. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"

#include "guard-internal.h"

enum {
    TOUCHES_MAX = 1024,
    GRACE_MS = 20,     /* for a call that had found the file before it was covered */
    PATIENCE_MS = 2000 /* with an editor that has not closed what it saves */
};

/* A name that was covered again, until it is known that nobody touched it. */
struct touch {
    bool used;
    bool hide;
    bool created;    /* in place: whoever made it writes it, and closes it once */
    unsigned closes; /* after writing */
    unsigned opens;
    uint64_t covered; /* position in what inotify reports: names that came before it were free */
    uint64_t until;   /* writes before it may be by somebody inside */
    bool over;        /* GRACE_MS are, and `until` is known */
    int64_t begun_ms;
    char rel[PATH_MAX];
};

int touch_open(struct watch *watch)
{
    watch->touches = calloc(TOUCHES_MAX, sizeof(*watch->touches));
    return watch->touches ? 0 : -ENOMEM;
}

static void touch_found(struct guard *guard, const struct touch *touch)
{
    if (guard->report->stop != GUARD_GOES_ON)
        return;
    snprintf(guard->report->lost, sizeof(guard->report->lost), "%s", touch->rel);
    guard->report->stop = touch->hide ? GUARD_SHOWN : GUARD_TOUCHED;
}

/* Return: its row, or the one that it can have; NULL: there are too many. */
static struct touch *touch_find(struct watch *watch, const char *rel)
{
    struct touch *free_row = NULL;

    for (size_t i = 0; i < watch->touch_rows; i++) {
        struct touch *row = &watch->touches[i];

        if (row->used && str_eq(row->rel, rel))
            return row;
        if (!row->used && free_row == NULL)
            free_row = row;
    }
    if (free_row == NULL && watch->touch_rows < TOUCHES_MAX)
        free_row = &watch->touches[watch->touch_rows++];
    return free_row;
}

/* The end of what has been reported so far. */
static uint64_t touch_position(const struct watch *watch)
{
    int queued = 0;

    if (watch->fd < 0 || ioctl(watch->fd, FIONREAD, &queued) < 0)
        queued = 0;
    return watch->read + (uint64_t)queued;
}

bool touch_is_held(struct guard *guard, const char *rel)
{
    const char *project = guard->seen.file->project;
    char dest[PATH_MAX];

    return snprintf(dest, sizeof(dest), "%s/%s", project, rel) >= (int)sizeof(dest) ||
           inside_cover(&guard->watch.inside, project, dest, COVER_SEARCH) != 0;
}

void touch_begin(struct guard *guard, const char *rel, bool hide)
{
    struct watch *watch = &guard->watch;
    struct touch *row = NULL;

    if (watch->touches == NULL)
        return;
    row = touch_find(watch, rel);
    if (row == NULL) {
        snprintf(guard->report->lost, sizeof(guard->report->lost), "%s", rel);
        guard->report->stop = GUARD_LOST;
        return;
    }
    *row = (struct touch){.used = true,
                          .hide = hide,
                          /* Without a report it is not known how it came. */
                          .created = watch->event == 0 || (watch->event & IN_CREATE) != 0,
                          .covered = watch->event != 0 ? touch_position(watch) : 0,
                          .begun_ms = clock_ms()};
    snprintf(row->rel, sizeof(row->rel), "%s", rel);
    if (!hide || watch->event == 0)
        return;
    /* A call that opens it is told of when it is through: the search gives it time. */
    if (touch_is_held(guard, rel))
        touch_found(guard, row);
    row->covered = touch_position(watch);
}

/* A name under a mount cannot be given to another file from inside, nor taken away; a write may
 * come late, by a call that had begun. A name that was free until its file was made in place could
 * be anybody's all the time: git takes such a one away and makes it again in one go. */
static void take_touch(struct guard *guard, struct touch *row)
{
    uint32_t event = guard->watch.event;
    bool uncovered = guard->watch.at <= row->covered;
    bool within = !row->over || guard->watch.at <= row->until;

    uint32_t taking = row->created ? 0 : IN_CREATE | IN_MOVED_FROM | IN_DELETE;

    if (uncovered && (event & (IN_MOVED_TO | taking)))
        touch_found(guard, row);
    row->closes += (event & IN_CLOSE_WRITE) != 0;
    row->opens += uncovered && (event & IN_OPEN) != 0;
    /* An opening can be told of before the name is; its end comes after. */
    if (row->hide && uncovered && (event & (IN_ACCESS | IN_CLOSE_NOWRITE)))
        touch_found(guard, row);
    if (row->closes > row->created || (row->hide && row->opens > row->created) ||
        (within && !row->created && (event & IN_MODIFY)))
        touch_found(guard, row);
}

void touch_event(struct guard *guard, const char *dir, const char *name)
{
    struct watch *watch = &guard->watch;
    size_t len = strlen(dir);

    for (size_t i = 0; i < watch->touch_rows; i++) {
        struct touch *row = &watch->touches[i];
        const char *below = row->rel + len + (len > 0);

        if (row->used && strncmp(row->rel, dir, len) == 0 && (len == 0 || row->rel[len] == '/') &&
            str_eq(below, name))
            take_touch(guard, row);
    }
}

void touch_lost(struct guard *guard)
{
    struct watch *watch = &guard->watch;

    for (size_t i = 0; i < watch->touch_rows; i++) {
        if (watch->touches[i].used)
            touch_found(guard, &watch->touches[i]);
    }
}

/* A read lease is refused while anybody has the file open for writing, or mapped so (fcntl(2)).
 * Nobody could write a file of another user but by its mode. Return: 1, 0, or negative errno. */
static int is_written(int path)
{
    char proc[64];
    auto_fd int fd = -1;
    int code = 0;

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path);
    fd = open(proc, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return access(proc, W_OK) == 0 ? -errno : 0;
    code = fcntl(fd, F_SETLEASE, F_RDLCK) < 0 ? errno : 0;
    if (code == 0)
        (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    if (code == EAGAIN)
        return 1;
    /* A file system without leases (EINVAL): what processes hold is looked for all the same. */
    return code == EACCES && access(proc, W_OK) == 0 ? -code : 0;
}

enum settling {
    SETTLED,
    UNSETTLED,
    TOUCHED
};

/* The one that saved it may still be about to close it, or to remove the name that it had before.
 */
static enum settling touch_file(const struct guard *guard, const struct touch *row)
{
    auto_fd int path = fd_open_beneath(guard->seen.top, row->rel, O_PATH, 0);
    struct stat st;
    int written = 0;

    if (path < 0)
        return look_is_answer(path) ? SETTLED : TOUCHED;
    if (fstat(path, &st) < 0)
        return TOUCHED;
    if (row->hide || !S_ISREG(st.st_mode))
        return SETTLED;
    written = is_written(path);
    if (written < 0 || (st.st_nlink > 1 && !row->created))
        return TOUCHED;
    return written > 0 || st.st_nlink > 1 ? UNSETTLED : SETTLED;
}

static enum settling touch_look(struct guard *guard, struct touch *row)
{
    struct watch *watch = &guard->watch;
    enum settling is = touch_file(guard, row);

    if (!row->over && clock_ms() >= row->begun_ms + GRACE_MS) {
        row->until = touch_position(watch);
        row->over = true;
    }
    if (is == SETTLED && (!row->over || watch->at < row->until))
        return UNSETTLED;
    if (is == UNSETTLED && clock_ms() >= row->begun_ms + PATIENCE_MS)
        return TOUCHED;
    if (is != SETTLED)
        return is;
    return touch_is_held(guard, row->rel) ? TOUCHED : SETTLED;
}

bool touch_settle(struct guard *guard)
{
    struct watch *watch = &guard->watch;
    bool left = false;

    for (size_t i = 0; i < watch->touch_rows && guard->report->stop == GUARD_GOES_ON; i++) {
        struct touch *row = &watch->touches[i];
        enum settling is = UNSETTLED;

        if (!row->used)
            continue;
        is = touch_look(guard, row);
        if (is == TOUCHED)
            touch_found(guard, row);
        row->used = is == UNSETTLED;
        left = left || row->used;
    }
    if (!left)
        watch->touch_rows = 0;
    return left;
}
