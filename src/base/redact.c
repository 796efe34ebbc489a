/* Takes secrets out of texts before they are written or printed. */
#include "svenv/base/redact.h"

#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/secret.h"
#include "svenv/base/str.h"

#define MASK "***"
#define MASK_SIZE (sizeof(MASK) - 1)
/* Shorter values are words that a command line has for other reasons: "1", "true". */
#define VALUE_MIN 6
#define SEEN_TIMES 4

/* A text in room that somebody else gave: errors are redacted where nothing may be allocated. */
struct text {
    char *data;
    size_t len;
    size_t size; /* of the room */
};

static bool redact_is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* Puts `with` in place of `len` bytes; what has no room any more is cut. */
static void replace(struct text *text, size_t from, size_t len, const char *with)
{
    size_t room = text->size - 1 - from;
    size_t put = strnlen(with, room);
    size_t tail = text->len - from - len;

    if (tail > room - put)
        tail = room - put;
    memmove(text->data + from + put, text->data + from + len, tail);
    memcpy(text->data + from, with, put);
    text->len = from + put + tail;
    text->data[text->len] = '\0';
}

/* --- values of the environment ----------------------------------------------------------------
 */

static void mask_value(struct text *text, const char *value)
{
    size_t len = strlen(value);
    size_t kept = 0;
    size_t at = 0;
    const char *found = NULL;

    while ((found = strstr(text->data + at, value)) != NULL) {
        size_t before = (size_t)(found - text->data) - at;

        memmove(text->data + kept, text->data + at, before);
        memcpy(text->data + kept + before, MASK, MASK_SIZE);
        kept += before + MASK_SIZE;
        at += before + len;
    }
    memmove(text->data + kept, text->data + at, text->len - at + 1);
    text->len -= at - kept;
}

/* The value of NAME=value when it is long enough to be looked for and the name is a secret's. */
static const char *sought_value(const char *assignment)
{
    const char *equals = strchr(assignment, '=');

    if (equals == NULL || strnlen(equals + 1, VALUE_MIN) < VALUE_MIN ||
        !secret_is_sought(assignment, (size_t)(equals - assignment)))
        return NULL;
    return equals + 1;
}

static void mask_values(struct text *text, const char *const *env)
{
    for (; env != NULL && *env != NULL; env++) {
        const char *equals = strchr(*env, '=');

        /* Nearly no value stands in a text, and comparing a name with the whole table is dear: so
         * the value is looked for first. */
        if (equals != NULL && strstr(text->data, equals + 1) != NULL && sought_value(*env) != NULL)
            mask_value(text, equals + 1);
    }
}

/* --- user and password of URLs ----------------------------------------------------------------
 */

static bool is_port(const char *text, size_t len)
{
    return strspn(text, "0123456789") >= len;
}

/* A password with a raw '/' or '#' makes no valid URL, but it is still one. */
size_t redact_userinfo_length(const char *authority)
{
    size_t len = strcspn(authority, "/?#\\ \t\r\n\"'<>");
    const char *colon = memchr(authority, ':', len);
    const char *at = memrchr(authority, '@', len);

    if (at == NULL && colon != NULL && authority[0] != '[' &&
        !is_port(colon + 1, len - (size_t)(colon + 1 - authority)))
        at = memrchr(authority, '@', strcspn(authority, " \t\r\n\"'<>"));
    return at != NULL ? (size_t)(at - authority) + 1 : 0;
}

static void mask_url_users(struct text *text)
{
    const char *found = text->data;

    while ((found = strstr(found, "//")) != NULL) {
        size_t at = (size_t)(found - text->data) + 2;
        size_t len = redact_userinfo_length(text->data + at);

        if (len > 0)
            replace(text, at, len, MASK "@");
        found = text->data + at;
    }
}

/* "user:password@host" without a scheme, as proxies are written. */
static void mask_bare_users(struct text *text)
{
    for (size_t at = text->len; at > 0; at--) {
        size_t from = at - 1; /* of the '@', the last one of its word first */

        if (text->data[from] != '@')
            continue;
        while (from > 0 && strchr("/ \t\r\n\"'=,;()<>[]{}|", text->data[from - 1]) == NULL)
            from--;
        if (memchr(text->data + from, ':', at - 1 - from) == NULL)
            continue;
        replace(text, from, at - from, MASK "@");
        at = from + 1;
    }
}

/* --- NAME=value --------------------------------------------------------------------------------
 */

/* Where the value of a name that ends at `at` begins; 0: no value follows. */
static size_t value_start(const struct text *text, size_t at)
{
    at += strspn(text->data + at, "\"'");
    at += strspn(text->data + at, " \t");
    if (text->data[at] == '=')
        return at + 1;
    return text->data[at] == ':' && !str_starts(text->data + at, "://") ? at + 1 : 0;
}

static void mask_rest(struct text *text, size_t from)
{
    if (from < text->len)
        replace(text, from, text->len - from, MASK);
}

/* Is `at` within text that a message quotes? An apostrophe within a word opens nothing. */
static bool is_quoted(const struct text *text, size_t at)
{
    bool quoted = false;

    for (size_t i = 0; i < at; i++) {
        if (text->data[i] != '\'')
            continue;
        if (quoted)
            quoted = redact_is_name_byte(text->data[i + 1]);
        else
            quoted = i == 0 || strchr(" (", text->data[i - 1]) != NULL;
    }
    return quoted;
}

/* As value_start(), for a message, where "NAME: " is mostly what the message is about. */
static size_t message_value_start(const struct text *text, size_t at)
{
    at += text->data[at] == '"';
    if (text->data[at] == '=')
        return at + 1;
    return text->data[at] == ':' && is_quoted(text, at) && !str_starts(text->data + at, "://")
               ? at + 1
               : 0;
}

/* Where the value of the first secret behind `at` begins; 0: there is none. */
static size_t find_secret(const struct text *text, size_t at,
                          size_t (*start)(const struct text *text, size_t at))
{
    while (at < text->len) {
        size_t end = at;
        size_t value = 0;

        while (redact_is_name_byte(text->data[end]))
            end++;
        value = end > at ? start(text, end) : 0;
        if (value > 0 && secret_is_name(text->data + at, end - at))
            return value;
        at = end > at ? end : at + 1;
    }
    return 0;
}

/* Masks to the end of the text: nobody can tell where a value with blanks ends. */
static void mask_secrets(struct text *text)
{
    size_t value = find_secret(text, 0, value_start);

    if (value > 0)
        mask_rest(text, value);
}

/* FOO=bar as env(1) and make(1) take it; "PKG==1.0" is a requirement. */
static void mask_assignment(struct text *text)
{
    size_t len = strspn(text->data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    if (len > 0 && text->data[len] == '=' && text->data[len + 1] != '=')
        mask_rest(text, len + 1);
}

/* --- what others ask for ------------------------------------------------------------------------
 */

/* Takes off the beginning of `value` that the text ends in. */
static void drop_half_value(struct text *text, const char *value)
{
    size_t len = strlen(value);

    for (size_t n = len < text->len ? len : text->len; n >= VALUE_MIN; n--) {
        if (memcmp(text->data + text->len - n, value, n) == 0) {
            text->len -= n;
            return;
        }
    }
}

/* The steps that follow are quadratic at worst, so they see little more than the part that is kept.
 * The text at the cut may be half of a secret that they would know whole: it goes. */
static void cut_beginning(struct text *text, const char *const *env)
{
    text->len--;
    for (; env != NULL && *env != NULL; env++) {
        const char *value = sought_value(*env);

        if (value != NULL)
            drop_half_value(text, value);
    }
    while (text->len > 0 && strchr(" \t\r\n", text->data[text->len - 1]) == NULL)
        text->len--;
    text->data[text->len] = '\0';
}

/* A copy of `len` bytes with room for every mask that can come of it. The caller frees .data. */
static struct text copy_text(const char *from, size_t len)
{
    struct text text = {.len = len, .size = len + MASK_SIZE + 1};

    for (size_t i = 0; i < len; i++)
        text.size += from[i] == '@' ? MASK_SIZE : 0;
    text.data = xcalloc(text.size, 1);
    memcpy(text.data, from, len);
    return text;
}

static void add_cut(const struct text *text, size_t max, bool is_cut, struct buf *out)
{
    size_t len = text->len;

    if (len > max) {
        len = max;
        is_cut = true;
        while (len > 0 && ((unsigned char)text->data[len] & 0xC0) == 0x80)
            len--;
    }
    buf_add(out, text->data, len);
    if (is_cut)
        buf_add_str(out, "...");
}

static void redact(const char *text, size_t max, const char *const *env, bool assignments,
                   struct buf *out)
{
    size_t len = strnlen(text, SEEN_TIMES * max + 1);
    bool is_cut = len > SEEN_TIMES * max;
    struct text copy = copy_text(text, len);

    if (is_cut)
        cut_beginning(&copy, env);
    mask_values(&copy, env);
    mask_url_users(&copy);
    mask_bare_users(&copy);
    if (assignments)
        mask_assignment(&copy);
    mask_secrets(&copy);
    add_cut(&copy, max, is_cut, out);
    free(copy.data);
}

void redact_text(const char *text, size_t max, const char *const *env, struct buf *out)
{
    redact(text, max, env, true, out);
}

void redact_word(const char *text, size_t max, struct buf *out)
{
    redact(text, max, NULL, false, out);
}

void redact_value(const char *name, const char *value, struct buf *out)
{
    if (secret_is_name(name, strlen(name)))
        buf_add_str(out, REDACT_HIDDEN);
    else
        redact_word(value, strlen(value), out);
}

void redact_message(char *message, size_t size)
{
    struct text text = {.data = message, .len = strlen(message), .size = size};
    size_t value = 0;
    const char *quote = NULL;

    mask_url_users(&text);
    mask_bare_users(&text);
    /* A value that was masked within quotes ends at the mask. */
    do
        value = find_secret(&text, value, message_value_start);
    while (value > 0 && str_starts(text.data + value, MASK "'"));
    if (value == 0 || value == text.len)
        return;
    quote = strrchr(text.data + value, '\'');
    replace(&text, value, (quote != NULL ? (size_t)(quote - text.data) : text.len) - value, MASK);
}

bool redact_announces(const char *word)
{
    return word[0] == '-' && strchr(word, '=') == NULL && secret_is_name(word, strlen(word));
}
