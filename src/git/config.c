/* Reads git's configuration files: sections, values with quotes, escapes and continued lines. */
#include "svenv/git/config.h"

#include <errno.h>
#include <string.h>

struct config_reader {
    const char *at;
    const char *end;
    char *room;
    size_t size;
    size_t used;
    size_t header;       /* of the room: the section's names */
    const char *section; /* NULL: no header was read yet */
    const char *sub;
    int rc;
    git_config_fn *fn;
    void *context;
};

/* The next byte, with "\r\n" as one; 0 at the end, and for a NUL, which git takes for an end. */
static char next(struct config_reader *r)
{
    if (r->at == r->end)
        return '\0';
    if (*r->at == '\r' && r->end - r->at > 1 && r->at[1] == '\n')
        r->at++;
    return *r->at++;
}

static char peek(const struct config_reader *r)
{
    if (r->at == r->end)
        return '\0';
    return *r->at == '\r' && r->end - r->at > 1 && r->at[1] == '\n' ? '\n' : *r->at;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_name(char c)
{
    return (small(c) >= 'a' && small(c) <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

/* Stands behind the newline afterwards. */
static void skip_line(struct config_reader *r)
{
    while (r->at != r->end && next(r) != '\n')
        ;
}

static void skip_spaces(struct config_reader *r)
{
    while (is_space(peek(r)))
        next(r);
}

/* Text that does not fit is cut, and its entry left out. */
static void put(struct config_reader *r, char c)
{
    if (r->used == r->size)
        r->rc = -ENOBUFS;
    else
        r->room[r->used++] = c;
}

static bool refuse(struct config_reader *r)
{
    if (r->rc == 0)
        r->rc = -EINVAL;
    return false;
}

/* A quoted subsection, of which the first quote was read. */
static bool read_subsection(struct config_reader *r)
{
    char c = next(r);

    for (; c != '"'; c = next(r)) {
        if (c == '\\')
            c = next(r);
        if (c == '\0' || c == '\n')
            return false;
        put(r, c);
    }
    put(r, '\0');
    return next(r) == ']';
}

/* The section ends at the first dot: [section.sub], an older form, and [section.sub "more"].
 * Return: false where git would refuse the file. */
static bool read_header(struct config_reader *r)
{
    char c = next(r);
    char *dot = NULL;

    r->section = r->sub = NULL;
    r->used = r->header = 0;
    for (; is_name(c) || c == '.'; c = next(r)) {
        bool first_dot = c == '.' && dot == NULL;

        if (first_dot && r->used == 0)
            return false;
        put(r, first_dot ? '\0' : small(c));
        if (first_dot)
            dot = r->room + r->used;
    }
    if (r->used == 0)
        return false;
    while (is_space(c))
        c = next(r);
    put(r, c == '"' && dot != NULL ? '.' : '\0');
    r->sub = dot != NULL ? dot : c == '"' ? r->room + r->used : NULL;
    if (c == '"' ? !read_subsection(r) : c != ']')
        return false;
    if (r->used < r->size) /* else something may be cut */
        r->section = r->room;
    r->header = r->used;
    return true;
}

/* Return: 1 with a byte of the value, 0 for a line that goes on, -1 for none of git's escapes. */
static int read_escape(struct config_reader *r, char *out)
{
    static const char from[] = "ntb\\\"";
    static const char to[] = "\n\t\b\\\"";
    char c = next(r);
    const char *found = c != '\0' ? strchr(from, c) : NULL;

    if (c == '\n' || c == '\0')
        return 0;
    if (found == NULL)
        return -1;
    *out = to[found - from];
    return 1;
}

/* Blanks count when text follows them. Stands behind the newline afterwards. */
static bool read_entry_value(struct config_reader *r)
{
    bool quoted = false;
    size_t begin = r->used;
    size_t blanks = 0; /* at the end, so far */
    char c = next(r);

    for (; c != '\0' && c != '\n'; c = next(r)) {
        bool blank = !quoted && is_space(c);
        int rc = 1;

        if (!quoted && (c == '#' || c == ';')) {
            skip_line(r);
            break;
        }
        if (c == '"') {
            quoted = !quoted;
            blanks = 0;
            continue;
        }
        if (c == '\\')
            rc = read_escape(r, &c);
        if (rc < 0) {
            skip_line(r);
            return false;
        }
        if (rc == 0 || (blank && r->used == begin))
            continue;
        put(r, c);
        blanks = blank ? blanks + 1 : 0;
    }
    if (r->used < r->size)
        r->used -= blanks;
    put(r, '\0');
    return !quoted;
}

/* Return: false: no more entries are wanted. */
static bool read_entry(struct config_reader *r)
{
    struct git_config_entry entry = {.section = r->section, .sub = r->sub};
    char c = '\0';

    r->used = r->header;
    entry.name = r->room + r->used;
    while (is_name(peek(r)))
        put(r, small(next(r)));
    put(r, '\0');
    skip_spaces(r);
    c = peek(r);
    if (entry.name == r->room + r->used - 1 || (c != '=' && c != '\n' && c != '\0')) {
        skip_line(r);
        return refuse(r) || true;
    }
    if (r->at != r->end)
        next(r);
    entry.value = c == '=' ? r->room + r->used : NULL;
    if (c == '=' && !read_entry_value(r))
        return refuse(r) || true;
    if (r->used == r->size) /* something may be cut */
        r->rc = -ENOBUFS;
    if (r->section == NULL || r->used == r->size)
        return refuse(r) || true;
    if (r->fn(r->context, &entry))
        return true;
    r->rc = -ECANCELED;
    return false;
}

int git_config_read(const char *data, size_t len, char *room, size_t size, git_config_fn *fn,
                    void *context)
{
    static const char order_mark[] = "\xef\xbb\xbf";
    size_t mark = sizeof(order_mark) - 1;
    struct config_reader r = {
        .at = data, .end = data + len, .room = room, .size = size, .fn = fn, .context = context};

    if (len >= mark && memcmp(data, order_mark, mark) == 0)
        r.at += mark;
    while (r.at != r.end) {
        char c = peek(&r);

        if (c == '[') {
            next(&r);
            if (!read_header(&r)) {
                (void)refuse(&r);
                if (r.at[-1] != '\n')
                    skip_line(&r);
            }
        } else if (c == '#' || c == ';') {
            skip_line(&r);
        } else if (is_space(c) || c == '\n') {
            next(&r);
        } else if (!read_entry(&r)) {
            break;
        }
    }
    return r.rc;
}
