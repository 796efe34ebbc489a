/* Appending to a log that only its owner can have written. In the launcher. */
#ifndef SVENV_AUDIT_WRITER_H
#define SVENV_AUDIT_WRITER_H

#include <stddef.h>

struct err;

#define AUDIT_LOG_NAME "audit.jsonl"
/* A log that would grow beyond this becomes NAME.1, and so on to the last, which is dropped. */
#define AUDIT_LOG_BYTES ((size_t)1024 * 1024)
#define AUDIT_LOG_OLD 4

/* Appends data[0..len), whole lines, to the file `path` (absolute, no symlink in it) with one
 * write. Directories that are missing are made, mode 0700, and the file, mode 0600; both are
 * tightened to that. A symlink, FIFO, device or second name (hard link) in the file's place, and
 * anything that another user owns or could write, is refused.
 * Return: 0 or negative errno with *err. */
int audit_append(const char *path, const void *data, size_t len, struct err *err);

#endif
