/* Reading the audit log back. Its lines are written by the launcher, but what they quote comes from
 * anywhere. */
#ifndef SVENV_AUDIT_READER_H
#define SVENV_AUDIT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/str.h"
#include "svenv/formats/json_read.h"

struct arena;
struct err;

enum audit_event {
    AUDIT_EVENT_START,
    AUDIT_EVENT_DENIED,
    AUDIT_EVENT_INSTALL,
    AUDIT_EVENT_POLICY,
    AUDIT_EVENT__COUNT
};

struct audit_line {
    enum audit_event event;
    int64_t time_ms; /* since 1970 */
    const char *venv;
    struct json_node root; /* everything else; see docs/formats.md */
};

/* Parses one line. Keys that it does not know are left to the caller. `number` stands in errors.
 * The line lives in `arena`. Return: 0, or -EINVAL with *err. */
int audit_parse(struct arena *arena, unsigned number, const char *data, size_t len,
                struct audit_line *out, struct err *err);

/* The text or number of a key, or of a key in the map below another ("exit", "value"); NULL and 0
 * when it is not there or of another kind. */
const char *audit_text(const struct audit_line *line, const char *key, const char *below);
int64_t audit_number(const struct audit_line *line, const char *key, const char *below);

/* "2026-11-21T02:10:56.123Z". Return: 0 or -EINVAL. */
int audit_parse_time(const char *text, int64_t *out_ms);

/* One file of a log, and the end of it that has no line's end yet. */
struct audit_tail {
    int fd; /* -1: none */
    struct buf rest;
};

/* One log with its rotated files, oldest first: the reader follows the files, whatever their names
 * are by then. */
struct audit_reader {
    char *path;
    struct audit_tail now;
    struct audit_tail late; /* the one before: a process that had it open when it was rotated may
                             * still add */
    unsigned number;        /* of the last line */
    size_t damaged;         /* lines that could not be read */
};

/* Called for every line. `text`: as in the file, without its end. Return: 0 to go on. */
typedef int audit_line_fn(void *context, const struct audit_line *line, const char *text,
                          size_t len);

/* `path` is copied. Nothing is opened yet. */
void audit_reader_init(struct audit_reader *reader, const char *path);
void audit_reader_finish(struct audit_reader *reader);
#define auto_audit_reader __attribute__((cleanup(audit_reader_finish)))

/* Reads everything there is, rotated files first; the next call reads the lines that came since,
 * across rotations. A log that is not there is an empty one. A line counts only when it has ended.
 * Return: 0, the value that `each` gave back, or negative errno with *err: a file is a symlink, no
 * regular file or another user's. */
int audit_reader_more(struct audit_reader *reader, audit_line_fn *each, void *context,
                      struct err *err);

/* How many lines could not be read, those included that lack an end in a file that is over. */
size_t audit_reader_damaged(const struct audit_reader *reader);

#endif
