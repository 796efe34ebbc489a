/* Takes secrets out of a command line before it is written to the audit log. */
#include "svenv/audit/redact.h"

#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#define MASK "***"
#define NAME_MAX_SIZE 128
/* Shorter values are words that a command line has for other reasons: "1", "true". */
#define VALUE_MIN 6
#define SEEN_TIMES 4

/* Lower case, with '_' for '-' and '.'. */
static const char *const secret_names[] = {
    "*token",       "*token_*",      "*secret*", "*password*", "*passwd*",
    "*passphrase*", "*credential*",  "*apikey*", "*cookie*",   "*authorization*",
    "*bearer*",     "*private*key*", "*_key",    "*_pass",     "*_pwd",
    "*_auth",       "*_pat",         "*_dsn",    "aws_*",      "key",
    "pass",         "pwd",           "auth",     "sig",        "signature",
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool is_secret_name(const char *name, size_t len)
{
    char plain[NAME_MAX_SIZE];

    while (len > 0 && *name == '-') {
        name++;
        len--;
    }
    /* What makes a name one stands at its end more often than at its beginning. */
    if (len >= sizeof(plain)) {
        name += len - (sizeof(plain) - 1);
        len = sizeof(plain) - 1;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];

        plain[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '-' || c == '.' ? '_' : c;
    }
    plain[len] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++) {
        if (str_glob(secret_names[i], plain))
            return true;
    }
    return false;
}

/* --- values of the environment ----------------------------------------------------------------
 */

static void drop_value(struct buf *text, const char *value)
{
    size_t len = strlen(value);
    auto_buf struct buf kept = {0};
    const char *at = text->data;
    const char *found = NULL;

    if (len < VALUE_MIN || strstr(at, value) == NULL)
        return;
    while ((found = strstr(at, value)) != NULL) {
        buf_add(&kept, at, (size_t)(found - at));
        buf_add_str(&kept, MASK);
        at = found + len;
    }
    buf_add_str(&kept, at);
    text->len = 0;
    buf_add(text, kept.data, kept.len);
}

static void drop_values(struct buf *text, const char *const *env)
{
    for (; env != NULL && *env != NULL; env++) {
        const char *equals = strchr(*env, '=');

        if (equals != NULL && is_secret_name(*env, (size_t)(equals - *env)))
            drop_value(text, equals + 1);
    }
}

/* --- user and password of URLs ----------------------------------------------------------------
 */

static bool is_port(const char *text, size_t len)
{
    return strspn(text, "0123456789") >= len;
}

/* Length of what stands before the host of an authority: "user:password@". A password with a raw
 * '/' or '#' makes no valid URL, but it is still one. */
static size_t userinfo_length(const char *authority)
{
    size_t len = strcspn(authority, "/?#\\ \t\r\n\"'<>");
    size_t word = strcspn(authority, " \t\r\n\"'<>");
    const char *colon = memchr(authority, ':', len);
    const char *at = memrchr(authority, '@', len);

    if (at == NULL && colon != NULL && authority[0] != '[' &&
        !is_port(colon + 1, len - (size_t)(colon + 1 - authority)))
        at = memrchr(authority, '@', word);
    return at != NULL ? (size_t)(at - authority) + 1 : 0;
}

static void cut_out(struct buf *text, size_t from, size_t len)
{
    memmove(text->data + from, text->data + from + len, text->len - from - len + 1);
    text->len -= len;
}

static void drop_url_users(struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        const char *found = strstr(text->data + at, "//");

        if (found == NULL)
            return;
        at = (size_t)(found - text->data) + 2;
        cut_out(text, at, userinfo_length(text->data + at));
    }
}

/* "user:password@host" without a scheme, as proxies are written. */
static void drop_bare_users(struct buf *text)
{
    for (size_t at = text->len; at > 0; at--) {
        size_t from = at - 1; /* of the '@', the last one of its word first */

        if (text->data[from] != '@')
            continue;
        while (from > 0 && strchr("/ \t\r\n\"'=,;()<>[]{}|", text->data[from - 1]) == NULL)
            from--;
        if (memchr(text->data + from, ':', at - 1 - from) == NULL)
            continue;
        cut_out(text, from, at - from);
        at = from + 1;
    }
}

/* --- NAME=value --------------------------------------------------------------------------------
 */

/* Where the value of a name that ends at `at` begins; 0: no value follows. */
static size_t value_start(const struct buf *text, size_t at)
{
    at += strspn(text->data + at, "\"'");
    at += strspn(text->data + at, " \t");
    if (text->data[at] == '=')
        return at + 1;
    return text->data[at] == ':' && !str_starts(text->data + at, "://") ? at + 1 : 0;
}

static void mask_rest(struct buf *text, size_t from)
{
    if (from == text->len)
        return;
    text->len = from;
    buf_add_str(text, MASK);
}

/* What follows goes to the end: nobody can tell where a value with blanks ends. */
static void mask_secrets(struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        size_t end = at;
        size_t value = 0;

        while (is_name_byte(text->data[end]))
            end++;
        value = end > at ? value_start(text, end) : 0;
        if (value > 0 && is_secret_name(text->data + at, end - at)) {
            mask_rest(text, value);
            return;
        }
        at = end > at ? end : at + 1;
    }
}

/* FOO=bar as env(1) and make(1) take it; "PKG==1.0" is a requirement. */
static void mask_assignment(struct buf *text)
{
    size_t len = strspn(text->data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    if (len > 0 && text->data[len] == '=' && text->data[len + 1] != '=')
        mask_rest(text, len + 1);
}

/* Takes off the beginning of `value` that the text ends in. */
static void drop_half_value(struct buf *text, const char *value)
{
    size_t len = strlen(value);

    for (size_t n = len < text->len ? len : text->len; n >= VALUE_MIN; n--) {
        if (memcmp(text->data + text->len - n, value, n) == 0) {
            text->len -= n;
            return;
        }
    }
}

/* The steps that follow are quadratic at worst, so they see little more than what is kept. What
 * stands at the cut may be half of something that they would know whole: it goes. */
static bool copy_beginning(const char *text, size_t max, const char *const *env, struct buf *out)
{
    size_t len = strnlen(text, SEEN_TIMES * max + 1);
    bool is_cut = len > SEEN_TIMES * max;

    buf_add(out, text, is_cut ? len - 1 : len);
    for (; is_cut && env != NULL && *env != NULL; env++) {
        const char *equals = strchr(*env, '=');

        if (equals != NULL && is_secret_name(*env, (size_t)(equals - *env)))
            drop_half_value(out, equals + 1);
    }
    while (is_cut && out->len > 0 && strchr(" \t\r\n", out->data[out->len - 1]) == NULL)
        out->len--;
    out->data[out->len] = '\0';
    return is_cut;
}

static void add_cut(const struct buf *text, size_t max, bool is_cut, struct buf *out)
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

void audit_redact(const char *text, size_t max, const char *const *env, struct buf *out)
{
    auto_buf struct buf copy = {0};
    bool is_cut = copy_beginning(text, max, env, &copy);

    drop_values(&copy, env);
    drop_url_users(&copy);
    drop_bare_users(&copy);
    mask_assignment(&copy);
    mask_secrets(&copy);
    add_cut(&copy, max, is_cut, out);
}

bool audit_announces_secret(const char *word)
{
    return word[0] == '-' && strchr(word, '=') == NULL && is_secret_name(word, strlen(word));
}
