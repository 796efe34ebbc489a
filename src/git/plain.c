/* Reads a repository's configuration for keys that could run something (git-config(1)). Anything
 * unknown counts as one. */
#include "svenv/git/plain.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

enum {
    LINE_MAX_BYTES = PATH_MAX + 256,
    NAME_BYTES = 64
};

enum key_kind {
    KEY_DATA,
    KEY_URL,     /* an address, or the name of a remote */
    KEY_WORKTREE /* belongs only into the repositories of submodules */
};

static const struct {
    const char *section, *key;
    enum key_kind kind;
} plain_keys[] = {
    {"core", "repositoryformatversion", KEY_DATA},
    {"core", "filemode", KEY_DATA},
    {"core", "bare", KEY_DATA},
    {"core", "logallrefupdates", KEY_DATA},
    {"core", "ignorecase", KEY_DATA},
    {"core", "precomposeunicode", KEY_DATA},
    {"core", "symlinks", KEY_DATA},
    {"core", "autocrlf", KEY_DATA},
    {"core", "eol", KEY_DATA},
    {"core", "worktree", KEY_WORKTREE},
    {"remote", "url", KEY_URL},
    {"remote", "pushurl", KEY_URL},
    {"remote", "fetch", KEY_DATA},
    {"remote", "tagopt", KEY_DATA},
    {"branch", "remote", KEY_URL},
    {"branch", "merge", KEY_DATA},
    {"branch", "rebase", KEY_DATA},
    {"submodule", "url", KEY_URL},
    {"submodule", "active", KEY_DATA},
    {"user", "name", KEY_DATA},
    {"user", "email", KEY_DATA},
    {"extensions", "objectformat", KEY_DATA},
};

/* Does git reach the address by itself or ssh, and run no helper for it? */
static bool git_url_is_plain(const char *url)
{
    static const char *const schemes[] = {"https", "http", "ssh", "git", "file"};
    const char *colon = strchr(url, ':');
    const char *scheme = strstr(url, "://");

    if (url[0] == '-' || strstr(url, "::") != NULL || strstr(url, "@-") != NULL ||
        strstr(url, "/-") != NULL)
        return false;
    for (const char *at = url; *at; at++) {
        if ((unsigned char)*at <= ' ')
            return false;
    }
    if (scheme == NULL || colon != scheme)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (strlen(schemes[i]) == (size_t)(scheme - url) &&
            strncasecmp(url, schemes[i], (size_t)(scheme - url)) == 0)
            return true;
    }
    return false;
}

struct config_reader {
    char section[NAME_BYTES];
    char *worktree;
    size_t size;
};

static char *skip_blanks(char *at)
{
    return at + strspn(at, " \t\r");
}

static void cut_blanks(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
        text[--len] = '\0';
}

/* [name] or [name "part"]; nothing behind it. */
static bool plain_header(struct config_reader *r, char *line)
{
    size_t len =
        strspn(line + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    char *rest = line + 1 + len;

    if (len == 0 || len >= sizeof(r->section))
        return false;
    snprintf(r->section, sizeof(r->section), "%.*s", (int)len, line + 1);
    if (str_starts(rest, " \"")) {
        rest += 2 + strcspn(rest + 2, "\"\\");
        if (*rest++ != '"')
            return false;
    }
    return str_eq(rest, "]");
}

static bool is_plain_key(struct config_reader *r, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(plain_keys); i++) {
        if (strcasecmp(plain_keys[i].section, r->section) != 0 ||
            strcasecmp(plain_keys[i].key, key) != 0)
            continue;
        switch (plain_keys[i].kind) {
        case KEY_DATA:
            return true;
        case KEY_URL:
            return git_url_is_plain(value);
        case KEY_WORKTREE:
            if (r->worktree == NULL || *r->worktree != '\0' || strlen(value) >= r->size)
                return false;
            memcpy(r->worktree, value, strlen(value) + 1);
            return true;
        }
    }
    return false;
}

/* No quotes, no line that goes on, no comment behind a value: a plain one needs none of them. */
static bool read_key(struct config_reader *r, char *line)
{
    size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    char *value = skip_blanks(line + len);

    if (len == 0 || *value != '=' || strpbrk(value, "\"\\#;") != NULL)
        return false;
    value = skip_blanks(value + 1);
    line[len] = '\0';
    return is_plain_key(r, line, value);
}

bool git_config_is_plain(const char *text, size_t len, char *worktree_out, size_t size)
{
    struct config_reader r = {.worktree = worktree_out, .size = size};
    char line[LINE_MAX_BYTES];

    if (worktree_out != NULL)
        *worktree_out = '\0';
    if (strlen(text) != len)
        return false;
    while (*text) {
        size_t bytes = strcspn(text, "\n");
        char *at = NULL;

        if (bytes >= sizeof(line))
            return false;
        memcpy(line, text, bytes);
        line[bytes] = '\0';
        text += bytes + (text[bytes] == '\n');
        at = skip_blanks(line);
        cut_blanks(at);
        if (*at == '\0' || *at == '#' || *at == ';')
            continue;
        if (*at == '[' ? !plain_header(&r, at) : (r.section[0] == '\0' || !read_key(&r, at)))
            return false;
    }
    return true;
}
