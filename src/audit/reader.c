/* Reads the audit log: line by line, across its rotations, and while others write it. */
#include "svenv/audit/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/audit/writer.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"

#define FORMAT_VERSION 1
#define LINE_MAX_BYTES ((size_t)256 * 1024)
#define CHUNK 65536

static const char *const event_names[] = {
    [AUDIT_EVENT_START] = "start",
    [AUDIT_EVENT_DENIED] = "denied",
    [AUDIT_EVENT_INSTALL] = "install",
    [AUDIT_EVENT_POLICY] = "policy",
};
_Static_assert(ARRAY_SIZE(event_names) == AUDIT_EVENT__COUNT, "one name per event");

/* --- one line ----------------------------------------------------------------------------------
 */

/* `len` digits at `text`. */
static bool digits(const char *text, size_t len, int max, int *out)
{
    char copy[8] = "";
    uint64_t value = 0;

    memcpy(copy, text, len);
    if (strspn(copy, "0123456789") != len || num_parse_u64(copy, (uint64_t)max, &value) < 0)
        return false;
    *out = (int)value;
    return true;
}

int audit_parse_time(const char *text, int64_t *out_ms)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    struct tm tm = {0};
    int ms = 0;

    if (strlen(text) != sizeof(form) - 1)
        return -EINVAL;
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] != '0' && text[i] != form[i])
            return -EINVAL;
    }
    if (!digits(text, 4, 9999, &tm.tm_year) || !digits(text + 5, 2, 12, &tm.tm_mon) ||
        !digits(text + 8, 2, 31, &tm.tm_mday) || !digits(text + 11, 2, 23, &tm.tm_hour) ||
        !digits(text + 14, 2, 59, &tm.tm_min) || !digits(text + 17, 2, 60, &tm.tm_sec) ||
        !digits(text + 20, 3, 999, &ms) || tm.tm_mon == 0 || tm.tm_mday == 0)
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *out_ms = (int64_t)timegm(&tm) * 1000 + ms;
    return 0;
}

static const struct json_node *reader_find(const struct audit_line *line, const char *key,
                                           const char *below, enum json_kind kind)
{
    const struct json_node *node = json_get(&line->root, key);

    if (below != NULL)
        node = json_get(node, below);
    return node != NULL && node->kind == kind ? node : NULL;
}

const char *audit_text(const struct audit_line *line, const char *key, const char *below)
{
    const struct json_node *node = reader_find(line, key, below, JSON_STRING);

    return node != NULL ? node->text : NULL;
}

int64_t audit_number(const struct audit_line *line, const char *key, const char *below)
{
    const struct json_node *node = reader_find(line, key, below, JSON_NUMBER);

    return node != NULL ? node->number : 0;
}

static int take_head(struct audit_line *line, unsigned number, struct err *err)
{
    const char *event = audit_text(line, "event", NULL);
    const char *time = audit_text(line, "time", NULL);
    size_t i = 0;

    if (audit_number(line, "version", NULL) != FORMAT_VERSION)
        return err_at(err, AUDIT_LOG_NAME, number, 0, "not a line of format %d", FORMAT_VERSION);
    while (i < AUDIT_EVENT__COUNT && !str_eq(event, event_names[i]))
        i++;
    line->event = (enum audit_event)i;
    line->venv = audit_text(line, "venv", NULL);
    if (i == AUDIT_EVENT__COUNT || line->venv == NULL || time == NULL ||
        audit_parse_time(time, &line->time_ms) < 0)
        return err_at(err, AUDIT_LOG_NAME, number, 0, "event, venv or time is missing or wrong");
    return 0;
}

int audit_parse(struct arena *arena, unsigned number, const char *data, size_t len,
                struct audit_line *out, struct err *err)
{
    struct audit_line line = {.event = AUDIT_EVENT_START};
    int rc = json_parse(arena, AUDIT_LOG_NAME, number, data, len, &line.root, err);

    if (rc == 0)
        rc = take_head(&line, number, err);
    if (rc == 0)
        *out = line;
    return rc;
}

/* --- files ------------------------------------------------------------------------------------
 */

void audit_reader_init(struct audit_reader *reader, const char *path)
{
    *reader = (struct audit_reader){.path = xstrdup(path), .now = {.fd = -1}, .late = {.fd = -1}};
}

static void close_tail(struct audit_tail *tail)
{
    if (tail->fd >= 0)
        close(tail->fd);
    buf_finish(&tail->rest);
    *tail = (struct audit_tail){.fd = -1};
}

void audit_reader_finish(struct audit_reader *reader)
{
    free(reader->path);
    close_tail(&reader->now);
    close_tail(&reader->late);
    reader->path = NULL;
}

/* Return: descriptor, -ENOENT, or another negative errno with *err. */
static int open_log(const char *path, struct err *err)
{
    auto_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return -ENOENT;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot open the log '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_plain(err, EPERM, "the log '%s' is refused: it is no regular file", path);
    rc = owner_check(&st, OWNER_SELF, path, err);
    return rc < 0 ? rc : steal_fd(&fd);
}

static int take_line(struct audit_reader *reader, const char *text, size_t len, audit_line_fn *each,
                     void *context)
{
    struct arena arena = {0};
    struct audit_line line;
    int rc = 0;

    reader->number++;
    if (len > 0 && audit_parse(&arena, reader->number, text, len, &line, NULL) < 0)
        reader->damaged++;
    else if (len > 0)
        rc = each(context, &line, text, len);
    arena_finish(&arena);
    return rc;
}

/* Hands on the whole lines in the buffer; the bytes behind the last one stay there. */
static int take_lines(struct audit_reader *reader, struct buf *rest, audit_line_fn *each,
                      void *context)
{
    size_t done = 0;
    int rc = 0;

    while (rc == 0 && done < rest->len) {
        const char *at = rest->data + done;
        const char *end = memchr(at, '\n', rest->len - done);

        if (end == NULL)
            break;
        rc = take_line(reader, at, (size_t)(end - at), each, context);
        done += (size_t)(end - at) + 1;
    }
    if (done > 0)
        memmove(rest->data, rest->data + done, rest->len - done);
    rest->len -= done;
    if (rest->len > LINE_MAX_BYTES) {
        rest->len = 0;
        reader->damaged++;
    }
    return rc;
}

static int drain(struct audit_reader *reader, struct audit_tail *tail, audit_line_fn *each,
                 void *context, struct err *err)
{
    auto_free char *chunk = xcalloc(CHUNK, 1);

    for (;;) {
        ssize_t n = read(tail->fd, chunk, CHUNK);
        int rc = 0;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, errno, "cannot read the log '%s'", reader->path);
        if (n == 0)
            return 0;
        buf_add(&tail->rest, chunk, (size_t)n);
        rc = take_lines(reader, &tail->rest, each, context);
        if (rc != 0)
            return rc;
    }
}

/* --- rotation ---------------------------------------------------------------------------------
 */

#define NOWHERE (AUDIT_LOG_OLD + 1) /* before the oldest file */
#define TRIES_MAX 16

static char *name_of(const struct audit_reader *reader, int index)
{
    return index > 0 ? xasprintf("%s.%d", reader->path, index) : xstrdup(reader->path);
}

/* Where the file that is open stands by now: 0 is the live one. */
static int index_of(const struct audit_reader *reader)
{
    struct stat open_file, named;

    if (reader->now.fd < 0 || fstat(reader->now.fd, &open_file) < 0)
        return NOWHERE;
    for (int i = 0; i <= AUDIT_LOG_OLD; i++) {
        auto_free char *name = name_of(reader, i);

        if (lstat(name, &named) == 0 && open_file.st_ino == named.st_ino &&
            open_file.st_dev == named.st_dev)
            return i;
    }
    return NOWHERE;
}

/* Is there a file between the two? Then one was being renamed a moment ago. */
static bool has_between(const struct audit_reader *reader, int low, int high)
{
    struct stat st;

    for (int i = low + 1; i < high; i++) {
        auto_free char *name = name_of(reader, i);

        if (lstat(name, &st) == 0)
            return true;
    }
    return false;
}

/* Opens the file that follows the open one. A rotation may rename both at any moment, the oldest
 * first: so if ours still stands where it stood, the file that was opened is the next one. Return:
 * descriptor, -ENOENT when ours is the live one, or another negative errno with *err. */
static int open_next(const struct audit_reader *reader, struct err *err)
{
    for (int tries = 1;; tries++) {
        int at = index_of(reader);
        int next = at;
        int fd = -ENOENT;

        while (fd == -ENOENT && next > 0) {
            auto_free char *name = name_of(reader, --next);

            fd = open_log(name, err);
        }
        if (tries == TRIES_MAX || (index_of(reader) == at && !has_between(reader, next, at)))
            return fd;
        if (fd >= 0)
            close(fd);
    }
}

/* A line without an end may be one that is being written. */
static void move_on(struct audit_reader *reader, int next)
{
    reader->damaged += reader->late.rest.len > 0;
    close_tail(&reader->late);
    reader->late = reader->now;
    reader->now = (struct audit_tail){.fd = next};
}

size_t audit_reader_damaged(const struct audit_reader *reader)
{
    return reader->damaged + (reader->late.rest.len > 0);
}

int audit_reader_more(struct audit_reader *reader, audit_line_fn *each, void *context,
                      struct err *err)
{
    int rc = reader->late.fd < 0 ? 0 : drain(reader, &reader->late, each, context, err);

    while (rc == 0) {
        /* Asked before the last look, so that this look reads all that was written up to the
         * rotation. */
        int next = open_next(reader, err);

        if (next < 0 && next != -ENOENT)
            return next;
        rc = reader->now.fd < 0 ? 0 : drain(reader, &reader->now, each, context, err);
        if (next < 0)
            return rc;
        move_on(reader, next);
    }
    return rc;
}
