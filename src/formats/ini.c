/* Has inih parse pyvenv.cfg, and hands it only what Python reads in the same way. */
#include "svenv/formats/ini.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <ini.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

enum {
    INI_KEYS_MAX = 1000
};

static const char order_mark[] = "\xef\xbb\xbf";

struct reader {
    struct arena *arena;
    const char *name;
    const char *at; /* the next line */
    const char *end;
    const char *const *needed;
    unsigned line; /* number of the line that inih has */
    bool cut;      /* inih sees less of the line's value than there is */
    struct ini_file *out;
    struct err *err;
    int result; /* negative errno once something failed: *err is set */
};

static int ini_complain(const struct reader *r, const char *what)
{
    return err_at(r->err, r->name, r->line, 1, "%s", what);
}

/* --- what inih gets ----------------------------------------------------------------------------
 */

/* Python ends a line at a lone carriage return and strips other control bytes than inih does: with
 * any of them the two could read different keys. */
static int ini_check_bytes(const char *name, const char *data, size_t len, struct err *err)
{
    unsigned line = 1;
    size_t start = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        bool ends_line = c == '\n' || (c == '\r' && i + 1 < len && data[i + 1] == '\n');

        if ((c < ' ' && c != '\t' && !ends_line) || c == 0x7f)
            return err_at(err, name, line, (unsigned)(i - start) + 1,
                          "a control byte (0x%02x) may not stand here", c);
        if (c == '\n') {
            line++;
            start = i + 1;
        }
    }
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* inih takes a ';' after a blank for a comment; Python takes it for text. */
static bool has_comment_mark(const char *text, size_t len)
{
    for (size_t i = 1; i < len; i++) {
        if (text[i] == ';' && is_blank(text[i - 1]))
            return true;
    }
    return false;
}

/* How many bytes of a line may inih have? Always all before the '=', so that inih tells the right
 * key. Return: bytes, or negative errno for a line that inih and Python read differently. */
static int judge_line(struct reader *r, const char *text, size_t len, size_t room)
{
    const char *equals = memchr(text, '=', len);
    size_t key_len = equals != NULL ? (size_t)(equals - text) : 0;

    r->cut = len > room || has_comment_mark(text, len);
    if (len == 0 || text[0] == '#' || text[0] == ';')
        return 0;
    if (text[0] == '[')
        return ini_complain(r, "a section: this format has none");
    if (len >= sizeof(order_mark) - 1 && memcmp(text, order_mark, sizeof(order_mark) - 1) == 0)
        return ini_complain(r, "a byte order mark: Python would not see the key behind it");
    if (equals == NULL) /* Python passes over it; inih would take "key: value" for a pair */
        return 0;
    if (memchr(text, ':', key_len) != NULL)
        return ini_complain(r, "a ':' before the first '='");
    if (key_len >= room)
        return ini_complain(r, "too long before the first '='");
    return (int)(len < room ? len : room);
}

/* inih calls this for each line. It gets the line as one piece and without leading blanks, which
 * would make it continue the one before. */
static char *ini_read_line(char *out, int size, void *stream)
{
    struct reader *r = stream;
    size_t room = size > 2 ? (size_t)size - 2 : 0; /* for the newline and the NUL */
    const char *text = r->at;
    const char *newline;

    if (r->result < 0 || r->at == r->end || room == 0)
        return NULL;
    newline = memchr(text, '\n', (size_t)(r->end - text));
    r->at = newline != NULL ? newline + 1 : r->end;
    r->line++;
    while (text < r->at && is_blank(*text))
        text++;
    r->result = judge_line(r, text, (size_t)((newline != NULL ? newline : r->end) - text), room);
    if (r->result < 0)
        return NULL;
    memcpy(out, text, (size_t)r->result);
    memcpy(out + r->result, "\n", 2);
    r->result = 0;
    return out;
}

/* --- what inih makes of it ---------------------------------------------------------------------
 */

/* Blanks that Python strips and inih does not: the white space of Unicode, in UTF-8. */
static const char *const wide_blanks[] = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
};

static bool has_wide_end(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < ARRAY_SIZE(wide_blanks); i++) {
        size_t size = strlen(wide_blanks[i]);

        if (len >= size && (memcmp(text, wide_blanks[i], size) == 0 ||
                            memcmp(text + len - size, wide_blanks[i], size) == 0))
            return true;
    }
    return false;
}

static bool is_needed(const struct reader *r, const char *key)
{
    for (size_t i = 0; r->needed != NULL && r->needed[i] != NULL; i++) {
        if (str_eq(r->needed[i], key))
            return true;
    }
    return false;
}

static char *lower_key(struct arena *arena, const char *name)
{
    char *key = arena_strdup(arena, name);

    for (char *p = key; *p != '\0'; p++) {
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    return key;
}

static struct ini_pair *find_pair(const struct ini_file *file, const char *key)
{
    for (size_t i = 0; i < file->count; i++) {
        if (str_eq(file->pairs[i].key, key))
            return &file->pairs[i];
    }
    return NULL;
}

/* A value that decides must be the one that Python reads. */
static int check_needed(const struct reader *r, const char *key, const char *value,
                        const struct ini_pair *before)
{
    if (r->cut)
        return err_at(r->err, r->name, r->line, 1,
                      "the value of '%s' is too long, or has a ';' after a blank", key);
    if (has_wide_end(value))
        return err_at(r->err, r->name, r->line, 1,
                      "the value of '%s' begins or ends with a blank that is none in ASCII", key);
    if (before != NULL && !str_eq(before->value, value))
        return err_at(r->err, r->name, r->line, 1,
                      "'%s' is given twice (first at line %u), and parts of Python differ in which "
                      "they take",
                      key, before->line);
    return 0;
}

static int store_pair(struct reader *r, const char *name, const char *value)
{
    const char *key = lower_key(r->arena, name);
    struct ini_pair *pair = find_pair(r->out, key);
    int rc = 0;

    /* Python may see a needed key here. */
    if (has_wide_end(key))
        return ini_complain(r, "a key that begins or ends with a blank that is none in ASCII");
    if (is_needed(r, key))
        rc = check_needed(r, key, value, pair);
    if (rc < 0 || r->cut)
        return rc;
    if (pair == NULL) {
        if (r->out->count == INI_KEYS_MAX)
            return err_at(r->err, r->name, r->line, 1, "more than %d keys", INI_KEYS_MAX);
        pair = arena_push(r->arena, &r->out->pairs, &r->out->count, sizeof(*pair));
    }
    *pair = (struct ini_pair){.key = key, .value = arena_strdup(r->arena, value), .line = r->line};
    return 0;
}

/* inih's handler: 0 means failure. There are no sections. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
    struct reader *r = user;

    (void)section;
    if (r->result == 0 && name != NULL && name[0] != '\0')
        r->result = store_pair(r, name, value != NULL ? value : "");
    return r->result == 0;
}

int ini_parse_text(struct arena *arena, const char *name, const char *data, size_t len,
                   const char *const *needed, struct ini_file *out, struct err *err)
{
    struct ini_file file = {.pairs = NULL, .count = 0};
    struct reader r = {.arena = arena,
                       .name = name,
                       .at = data,
                       .end = data + len,
                       .needed = needed,
                       .out = &file,
                       .err = err};
    int result;

    if (len > PYVENV_BYTES_MAX)
        return err_at(err, name, 1, 1, "too large: %zu bytes, at most %d are read", len,
                      PYVENV_BYTES_MAX);
    result = ini_check_bytes(name, data, len, err);
    if (result < 0)
        return result;
    /* More than 0 is a line that is no pair to inih: its key has a ';' after a blank. */
    result = ini_parse_stream(ini_read_line, &r, take_pair, &r);
    if (r.result < 0)
        return r.result;
    if (result < 0 || r.at != r.end)
        return err_at(err, name, r.line, 1, "cannot be parsed");
    *out = file;
    return 0;
}

const char *ini_get(const struct ini_file *file, const char *key)
{
    const struct ini_pair *pair = find_pair(file, key);

    return pair != NULL ? pair->value : NULL;
}
