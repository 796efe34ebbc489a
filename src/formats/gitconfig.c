/* Reads git's configuration files: sections, values with quotes, escapes and continued lines. */
#include "svenv/formats/gitconfig.h"

#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

enum {
    ENTRIES_MAX = 16384 /* of one file */
};

struct gitconfig_reader {
    struct arena *arena;
    const char *at;
    const char *end;
    const char *section; /* NULL: no header was read yet */
    const char *sub;
    struct gitconfig *out;
};

/* The next byte, with "\r\n" as one; 0 at the end, and for a NUL, which git takes for an end. */
static char next(struct gitconfig_reader *r)
{
    if (r->at == r->end)
        return '\0';
    if (*r->at == '\r' && r->end - r->at > 1 && r->at[1] == '\n')
        r->at++;
    return *r->at++;
}

static char peek(const struct gitconfig_reader *r)
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
static void skip_line(struct gitconfig_reader *r)
{
    while (r->at != r->end && next(r) != '\n')
        ;
}

static void skip_spaces(struct gitconfig_reader *r)
{
    while (is_space(peek(r)))
        next(r);
}

static const char *kept(const struct gitconfig_reader *r, const struct buf *text)
{
    return arena_strdup(r->arena, text->data != NULL ? text->data : "");
}

/* A quoted subsection, of which the first quote was read. */
static bool read_subsection(struct gitconfig_reader *r, const char **sub_out)
{
    auto_buf struct buf text = {0};
    char c = next(r);

    for (; c != '"'; c = next(r)) {
        if (c == '\\')
            c = next(r);
        if (c == '\0' || c == '\n')
            return false;
        buf_add_char(&text, c);
    }
    if (next(r) != ']')
        return false;
    *sub_out = kept(r, &text);
    return true;
}

/* The section ends at the first dot: [section.sub], an older form, and [section.sub "more"]. */
static void split_section(struct gitconfig_reader *r, char *text, const char *sub)
{
    char *dot = strchr(text, '.');

    if (dot != NULL)
        *dot = '\0';
    r->section = arena_strdup(r->arena, text);
    if (dot != NULL && sub != NULL)
        r->sub = arena_printf(r->arena, "%s.%s", dot + 1, sub);
    else
        r->sub = dot != NULL ? arena_strdup(r->arena, dot + 1) : sub;
}

/* Return: false where git would refuse the file. */
static bool read_header(struct gitconfig_reader *r)
{
    auto_buf struct buf text = {0};
    const char *sub = NULL;
    char c = next(r);

    r->section = NULL;
    for (; is_name(c) || c == '.'; c = next(r))
        buf_add_char(&text, small(c));
    if (text.len == 0 || text.data[0] == '.')
        return false;
    while (is_space(c))
        c = next(r);
    if (c == '"' ? !read_subsection(r, &sub) : c != ']')
        return false;
    split_section(r, text.data, sub);
    return true;
}

/* Return: 1 with a byte of the value, 0 for a line that goes on, -1 for none of git's escapes. */
static int read_escape(struct gitconfig_reader *r, char *out)
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
static bool gitconfig_value(struct gitconfig_reader *r, struct buf *text)
{
    bool quoted = false;
    size_t blanks = 0; /* at the end, so far */
    char c = next(r);

    buf_add_str(text, "");
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
        if (rc == 0 || (blank && text->len == 0))
            continue;
        buf_add_char(text, c);
        blanks = blank ? blanks + 1 : 0;
    }
    if (blanks > 0)
        text->data[text->len - blanks] = '\0';
    return !quoted;
}

static void add_entry(struct gitconfig_reader *r, const char *name, const char *value)
{
    struct gitconfig_entry *entry = NULL;

    if (r->out->count == ENTRIES_MAX) {
        r->out->cut = true;
        return;
    }
    entry = arena_push(r->arena, &r->out->entries, &r->out->count, sizeof(*entry));
    *entry = (struct gitconfig_entry){
        .section = r->section, .sub = r->sub, .name = name, .value = value};
}

static void read_entry(struct gitconfig_reader *r)
{
    auto_buf struct buf name = {0};
    auto_buf struct buf value = {0};
    char c = '\0';

    while (is_name(peek(r)))
        buf_add_char(&name, small(next(r)));
    skip_spaces(r);
    c = peek(r);
    if (r->section == NULL || name.len == 0 || (c != '=' && c != '\n' && c != '\0')) {
        skip_line(r);
        return;
    }
    if (r->at != r->end)
        next(r);
    if (c != '=')
        add_entry(r, kept(r, &name), NULL);
    else if (gitconfig_value(r, &value))
        add_entry(r, kept(r, &name), kept(r, &value));
}

void gitconfig_parse(struct arena *arena, const char *data, size_t len, struct gitconfig *out)
{
    static const char order_mark[] = "\xef\xbb\xbf";
    size_t mark = sizeof(order_mark) - 1;
    struct gitconfig_reader r = {.arena = arena, .at = data, .end = data + len, .out = out};

    *out = (struct gitconfig){.count = 0};
    if (len >= mark && memcmp(data, order_mark, mark) == 0)
        r.at += mark;
    while (r.at != r.end) {
        char c = peek(&r);

        if (c == '[') {
            next(&r);
            if (!read_header(&r) && r.at[-1] != '\n')
                skip_line(&r);
        } else if (c == '#' || c == ';') {
            skip_line(&r);
        } else if (is_space(c) || c == '\n') {
            next(&r);
        } else {
            read_entry(&r);
        }
    }
}
