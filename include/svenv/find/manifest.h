/* The manifest as wrap, sync and unwrap need it: under the lock, through an open site. */
#ifndef SVENV_FIND_MANIFEST_H
#define SVENV_FIND_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct venv;

#define MANIFEST_VERSION 1
/* All entries' names together, as they stand in the file: leaves room for the rest below
 * MANIFEST_BYTES_MAX. */
#define MANIFEST_NAMES_MAX ((size_t)3 << 20)

enum manifest_kind {
    MANIFEST_TEXT,
    MANIFEST_PATH, /* absolute */
    MANIFEST_NAME, /* one path component */
    MANIFEST_ID,
    MANIFEST_U32,
    MANIFEST_I64,
    MANIFEST_BOOL,
};

/* One row per plain key, in the order of the file. */
struct manifest_field {
    const char *key;
    enum manifest_kind kind;
    bool optional; /* may be null */
    size_t offset; /* in struct venv */
};
extern const struct manifest_field manifest_fields[];
extern const size_t manifest_field_count;

#define MANIFEST_NEED_KINDS 3
extern const char *const manifest_need_kinds[MANIFEST_NEED_KINDS]; /* by enum venv_need_kind */

/* File names are bytes and JSON is text: every byte that is not one of these is written as %XX. */
static inline bool manifest_is_plain_byte(char c)
{
    return c >= ' ' && c <= '~' && c != '%';
}

/* Bytes that a name takes in the file, with its line around it. */
size_t manifest_name_cost(const char *name);

/* Reads sandbox/manifest.json below the open directory. -ENOENT: there is none. */
int manifest_load(struct venv *venv, int sandbox_dir, const char *shown, struct err *err);

/* The file's text, and the parser alone. */
void manifest_format(const struct venv *venv, struct buf *out);
int manifest_parse(struct venv *venv, const char *name, const char *data, size_t len,
                   struct err *err);

#endif
