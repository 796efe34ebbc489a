/* Parses .env files as data. */
#include "svenv/formats/dotenv.h"

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

enum {
    DOTENV_VARS_MAX = 1000, /* assignments, so that looking for earlier ones stays cheap */
    DOTENV_STRING_MAX = (128 << 10) - 1, /* "NAME=value": exec fails beyond the kernel's limit */
};

struct reader {
    struct arena *arena;
    const char *name;
    const char *at;
    const char *end;
    const char *line_start;
    unsigned line;
    size_t assignments;
    struct dotenv *out;
    struct err *err;
};

/* 0 at the end: the text holds no NUL, that is checked first. */
static char peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static bool at_line_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' ||
           (*r->at == '\r' && r->at + 1 < r->end && r->at[1] == '\n');
}

/* Steps over one byte, a newline counted. */
static char dotenv_take(struct reader *r)
{
    char c = *r->at++;

    if (c == '\n') {
        r->line++;
        r->line_start = r->at;
    }
    return c;
}

static void dotenv_skip_blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t')
        r->at++;
}

static void skip_to_line_end(struct reader *r)
{
    while (!at_line_end(r))
        r->at++;
}

static int fail_here(const struct reader *r, const char *text)
{
    return err_at(r->err, r->name, r->line, (unsigned)(r->at - r->line_start) + 1, "%s", text);
}

static int dotenv_check_bytes(const struct reader *r)
{
    unsigned line = 1;
    const char *start = r->at;

    for (const char *p = r->at; p < r->end; p++) {
        bool lone_return = *p == '\r' && (p + 1 == r->end || p[1] != '\n');

        if (*p == '\0' || lone_return)
            return err_at(r->err, r->name, line, (unsigned)(p - start) + 1, "%s may not stand here",
                          lone_return ? "a carriage return without a newline" : "a NUL byte");
        if (*p == '\n') {
            line++;
            start = p + 1;
        }
    }
    return 0;
}

static bool dotenv_is_name_byte(char c, bool first)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '.' || c == '-');
}

/* "export" before a name is the shell's word; "export=1" is a variable of that name. */
static void skip_export(struct reader *r)
{
    static const char word[] = "export";
    const char *start = r->at;
    size_t len = sizeof(word) - 1;

    if ((size_t)(r->end - r->at) <= len || memcmp(r->at, word, len) != 0)
        return;
    if (r->at[len] != ' ' && r->at[len] != '\t')
        return;
    r->at += len;
    dotenv_skip_blanks(r);
    if (peek(r) == '=')
        r->at = start; /* "export = 1" is a variable of that name, too */
}

static int dotenv_read_name(struct reader *r, const char **name_out)
{
    const char *start = r->at;

    while (dotenv_is_name_byte(peek(r), r->at == start))
        r->at++;
    if (r->at == start)
        return fail_here(r, "a line must begin with NAME= (letters, digits and '_')");
    *name_out = arena_strndup(r->arena, start, (size_t)(r->at - start));
    dotenv_skip_blanks(r);
    if (peek(r) != '=')
        return fail_here(r, "expected '=' after the name");
    r->at++;
    return 0;
}

/* A '#' begins a comment after a blank only: "#" is common in colours and passwords. */
static int read_unquoted(struct reader *r, const char **value_out)
{
    const char *start = r->at;
    const char *end;

    while (!at_line_end(r)) {
        if (*r->at == '#' && (r->at[-1] == ' ' || r->at[-1] == '\t'))
            break;
        r->at++;
    }
    end = r->at;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *value_out = arena_strndup(r->arena, start, (size_t)(end - start));
    return 0;
}

/* The characters after a backslash in double quotes. A pair that is not in this list stands for
 * itself, so that Windows paths and regular expressions survive. */
static const struct escape {
    char letter;
    char byte;
} escapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'\\', '\\'}, {'"', '"'}, {'$', '$'}};

static char dotenv_take_escape(struct reader *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
        if (peek(r) == escapes[i].letter) {
            r->at++;
            return escapes[i].byte;
        }
    }
    return '\\';
}

/* The bytes up to the closing quote, which may lie lines away; -1 when there is none. Measured
 * before anything is allocated: a thousand quotes must not cost a thousand times the file. */
static ssize_t quoted_length(const struct reader *r, char quote)
{
    for (const char *p = r->at; p < r->end; p++) {
        if (*p == quote)
            return p - r->at;
        if (*p == '\\' && quote == '"')
            p++;
    }
    return -1;
}

static int read_quoted(struct reader *r, const char **value_out)
{
    const struct reader open = *r; /* where an error about the quote points */
    char quote = dotenv_take(r);
    ssize_t max = quoted_length(r, quote);
    size_t len = 0;
    char *value;

    if (max < 0)
        return fail_here(&open, "this quote is never closed");
    value = arena_alloc(r->arena, (size_t)max + 1);
    while (peek(r) != quote) {
        char c = dotenv_take(r);

        if (c == '\r' && peek(r) == '\n')
            continue;
        value[len++] = c == '\\' && quote == '"' ? dotenv_take_escape(r) : c;
    }
    r->at++;
    value[len] = '\0';
    dotenv_skip_blanks(r);
    if (!at_line_end(r) && *r->at != '#')
        return fail_here(r, "text after the closing quote");
    *value_out = value;
    return 0;
}

static void store(struct reader *r, const struct dotenv_var *var)
{
    for (size_t i = 0; i < r->out->count; i++) {
        if (str_eq(r->out->vars[i].name, var->name)) {
            r->out->vars[i] = *var;
            return;
        }
    }
    *(struct dotenv_var *)arena_push(r->arena, &r->out->vars, &r->out->count, sizeof(*var)) = *var;
}

static int read_assignment(struct reader *r)
{
    struct dotenv_var var = {.line = r->line};
    struct reader start = *r;
    int result;

    if (r->assignments++ == DOTENV_VARS_MAX)
        return err_at(r->err, r->name, r->line, 1, "more than %d variables", DOTENV_VARS_MAX);
    skip_export(r);
    result = dotenv_read_name(r, &var.name);
    if (result < 0)
        return result;
    dotenv_skip_blanks(r);
    result = peek(r) == '"' || peek(r) == '\'' ? read_quoted(r, &var.value)
                                               : read_unquoted(r, &var.value);
    if (result < 0)
        return result;
    if (strlen(var.name) + 1 + strlen(var.value) > DOTENV_STRING_MAX)
        return fail_here(&start, "a value of more than 128 KiB cannot be passed to a program");
    skip_to_line_end(r);
    store(r, &var);
    return 0;
}

static int dotenv_read_lines(struct reader *r)
{
    while (r->at < r->end) {
        int result = 0;

        dotenv_skip_blanks(r);
        if (peek(r) == '#')
            skip_to_line_end(r);
        if (!at_line_end(r))
            result = read_assignment(r);
        if (result < 0)
            return result;
        while (r->at < r->end && dotenv_take(r) != '\n')
            continue;
    }
    return 0;
}

int dotenv_parse(struct arena *arena, const char *name, const char *data, size_t len,
                 struct dotenv *out, struct err *err)
{
    struct dotenv vars = {.vars = NULL, .count = 0};
    struct reader r = {.arena = arena, .name = name, .line = 1, .out = &vars, .err = err};
    int result;

    if (len > DOTENV_BYTES_MAX)
        return err_at(err, name, 1, 1, "too large: %zu bytes, at most %d are read", len,
                      DOTENV_BYTES_MAX);
    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }
    r.at = r.line_start = data;
    r.end = data + len;
    result = dotenv_check_bytes(&r);
    if (result == 0)
        result = dotenv_read_lines(&r);
    if (result == 0)
        *out = vars;
    return result;
}
