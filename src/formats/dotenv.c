/* Parses .env files as data, by python-dotenv's rules. */
#include "svenv/formats/dotenv.h"

#include <stdbool.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

enum {
    DOTENV_STATEMENTS_MAX = 1000, /* so that looking for closing quotes and names stays cheap */
};

struct reader {
    struct arena *arena;
    const char *at;
    const char *end;
    unsigned line;
    struct dotenv *out;
};

/* Bytes of the file; start NULL: there are none. */
struct span {
    const char *start;
    size_t len;
};

static bool dotenv_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || (c >= '\x1c' && c <= '\x1f');
}

static bool ends_line(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' || *r->at == '\r';
}

static bool dotenv_next_is(const struct reader *r, char c)
{
    return r->at < r->end && *r->at == c;
}

static void dotenv_skip_blanks(struct reader *r)
{
    while (r->at < r->end && dotenv_is_blank(*r->at))
        r->at++;
}

static void skip_to_line_end(struct reader *r)
{
    while (!ends_line(r))
        r->at++;
}

/* Counts the lines that lie in `text`. "\r\n" is one end of a line, and so is "\r" alone. */
static unsigned dotenv_lines(struct span text)
{
    unsigned count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.start[i] == '\n' ||
                 (text.start[i] == '\r' && (i + 1 == text.len || text.start[i + 1] != '\n'));
    return count;
}

static void skip_export(struct reader *r)
{
    static const char word[] = "export";
    size_t len = sizeof(word) - 1;

    if ((size_t)(r->end - r->at) <= len || memcmp(r->at, word, len) != 0 ||
        !dotenv_is_blank(r->at[len]))
        return;
    r->at += len;
    dotenv_skip_blanks(r);
}

static bool read_quoted_name(struct reader *r, struct span *name_out)
{
    const char *start = r->at + 1;
    const char *quote = memchr(start, '\'', (size_t)(r->end - start));

    if (quote == NULL || quote == start)
        return false;
    *name_out = (struct span){start, (size_t)(quote - start)};
    r->at = quote + 1;
    return true;
}

static bool dotenv_read_name(struct reader *r, struct span *name_out)
{
    const char *start = r->at;

    if (dotenv_next_is(r, '\''))
        return read_quoted_name(r, name_out);
    while (!ends_line(r) && !dotenv_is_blank(*r->at) && *r->at != '=' && *r->at != '#')
        r->at++;
    *name_out = (struct span){start, (size_t)(r->at - start)};
    return r->at > start;
}

/* A '#' begins a comment only after a blank: "#" is common in colours and passwords. */
static struct span read_unquoted(struct reader *r)
{
    const char *start = r->at;
    const char *end;

    while (!ends_line(r) && !(*r->at == '#' && dotenv_is_blank(r->at[-1])))
        r->at++;
    end = r->at;
    while (end > start && dotenv_is_blank(end[-1]))
        end--;
    skip_to_line_end(r);
    return (struct span){start, (size_t)(end - start)};
}

/* The quote that closes, which may lie lines away; a backslash takes the character after it along.
 * NULL: there is none. */
static const char *closing_quote(const struct reader *r, char quote)
{
    for (const char *p = r->at; p < r->end; p++) {
        if (*p == quote)
            return p;
        p += *p == '\\';
    }
    return NULL;
}

/* A pair of a backslash and a letter that is not here stands for itself. */
static const struct escape {
    char letter;
    char byte;
    bool single; /* in single quotes too */
} escapes[] = {{'\\', '\\', true}, {'\'', '\'', true}, {'"', '"', false},  {'a', '\a', false},
               {'b', '\b', false}, {'f', '\f', false}, {'n', '\n', false}, {'r', '\r', false},
               {'t', '\t', false}, {'v', '\v', false}};

static const struct escape *escape_of(char letter, char quote)
{
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        if (escapes[i].letter == letter && (escapes[i].single || quote == '"'))
            return &escapes[i];
    }
    return NULL;
}

static struct span dotenv_unescape(struct arena *arena, struct span text, char quote)
{
    char *value = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        const struct escape *escape = NULL;

        if (text.start[i] == '\\' && i + 1 < text.len)
            escape = escape_of(text.start[i + 1], quote);
        value[len++] = escape != NULL ? escape->byte : text.start[i];
        i += escape != NULL;
    }
    return (struct span){value, len};
}

static const char *read_value(struct reader *r, struct span *value_out)
{
    const char *close = NULL;
    char quote = r->at < r->end ? *r->at : '\0';

    if (quote != '\'' && quote != '"') {
        *value_out = read_unquoted(r);
        return NULL;
    }
    r->at++;
    close = closing_quote(r, quote);
    if (close == NULL)
        return "a quote is never closed";
    *value_out = dotenv_unescape(r->arena, (struct span){r->at, (size_t)(close - r->at)}, quote);
    r->at = close + 1;
    return NULL;
}

/* Where the statement ends a comment may follow, even without a blank before it. */
static const char *read_end(struct reader *r)
{
    dotenv_skip_blanks(r);
    if (dotenv_next_is(r, '#'))
        skip_to_line_end(r);
    return ends_line(r) ? NULL : "text after the value or the name";
}

static const char *usable(struct span name, const struct span *value)
{
    if (memchr(name.start, '=', name.len) != NULL)
        return "a name cannot hold '='";
    if (memchr(name.start, '\0', name.len) != NULL)
        return "a NUL byte may not stand here";
    if (value->start == NULL)
        return NULL;
    if (memchr(value->start, '\0', value->len) != NULL)
        return "a NUL byte may not stand here";
    return name.len + 1 + value->len > DOTENV_STRING_MAX
               ? "a value of more than 128 KiB cannot be passed to a program"
               : NULL;
}

static void dotenv_store(struct reader *r, struct span name, struct span value)
{
    struct dotenv *out = r->out;
    struct dotenv_var *var = arena_push(r->arena, &out->vars, &out->count, sizeof(*var));

    *var = (struct dotenv_var){
        .name = arena_strndup(r->arena, name.start, name.len),
        .value = value.start ? arena_strndup(r->arena, value.start, value.len) : NULL,
        .line = r->line};
}

/* Return: why the statement is not read, or NULL. A name alone is known to be there, and is none
 * for the environment. */
static const char *read_statement(struct reader *r)
{
    struct span name = {0};
    struct span value = {0};
    const char *why = NULL;

    skip_export(r);
    if (!dotenv_read_name(r, &name))
        return "no name before the '='";
    dotenv_skip_blanks(r);
    if (dotenv_next_is(r, '=')) {
        r->at++;
        dotenv_skip_blanks(r);
        why = read_value(r, &value);
    }
    if (why == NULL)
        why = read_end(r);
    if (why == NULL)
        why = usable(name, &value);
    if (why != NULL)
        return why;
    dotenv_store(r, name, value);
    return value.start == NULL ? "a name without '='" : NULL;
}

void dotenv_skip(struct dotenv *dotenv, unsigned line, const char *why)
{
    if (dotenv->skipped++ > 0)
        return;
    dotenv->skipped_line = line;
    dotenv->skipped_why = why;
}

static void skip_empty(struct reader *r)
{
    const char *start = r->at;

    while (r->at < r->end && (dotenv_is_blank(*r->at) || ends_line(r)))
        r->at++;
    r->line += dotenv_lines((struct span){start, (size_t)(r->at - start)});
}

static void dotenv_read_all(struct reader *r)
{
    size_t statements = 0;

    for (skip_empty(r); r->at < r->end; skip_empty(r)) {
        const char *start = r->at;
        const char *why = NULL;

        if (*r->at != '#' && statements++ == DOTENV_STATEMENTS_MAX) {
            dotenv_skip(r->out, r->line, "more than 1000 variables: the rest is left out");
            return;
        }
        if (*r->at != '#')
            why = read_statement(r);
        if (why != NULL)
            dotenv_skip(r->out, r->line, why);
        skip_to_line_end(r);
        r->line += dotenv_lines((struct span){start, (size_t)(r->at - start)});
    }
}

int dotenv_parse(struct arena *arena, const char *name, const char *data, size_t len,
                 struct dotenv *out, struct err *err)
{
    struct dotenv vars = {.vars = NULL, .count = 0};
    struct reader r = {.arena = arena, .line = 1, .out = &vars};

    if (len > DOTENV_BYTES_MAX)
        return err_at(err, name, 1, 1, "too large: %zu bytes, at most %d are read", len,
                      DOTENV_BYTES_MAX);
    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }
    r.at = data;
    r.end = data + len;
    dotenv_read_all(&r);
    *out = vars;
    return 0;
}
