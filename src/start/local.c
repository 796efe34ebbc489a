/* The local path that a requirement names, as pip tells paths from names. */
#include <string.h>

#include "svenv/base/str.h"

#include "start-internal.h"

static bool is_archive(const char *path)
{
    static const char *const suffixes[] = {
        ".whl", ".zip",    ".tar.gz", ".tgz", ".tar",    ".tar.bz2",
        ".tbz", ".tar.xz", ".txz",    ".tlz", ".tar.lz", ".tar.lzma",
    };

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        if (str_ends(path, suffixes[i]))
            return true;
    }
    return false;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

    return c != '\0' && at != NULL ? (int)(at - digits) : -1;
}

/* "%20" and the like, in place. Return: false where a NUL would come out. */
static bool decode_percent(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++) {
        int high = *text == '%' ? hex_digit(text[1]) : -1;
        int low = high >= 0 ? hex_digit(text[2]) : -1;

        *out++ = low >= 0 ? (char)(high * 16 + low) : *text;
        if (out[-1] == '\0')
            return false;
        text += low >= 0 ? 2 : 0;
    }
    *out = '\0';
    return true;
}

/* The path of "file:///dir", "file:dir", "file://localhost/dir#egg=x"; NULL for another host. */
static const char *file_url_path(struct completion *c, const char *url)
{
    char *path = NULL;

    url += strlen("file:");
    if (str_starts(url, "//")) {
        url += 2;
        if (str_starts(url, "localhost/"))
            url += strlen("localhost");
        if (*url != '/')
            return NULL;
    }
    path = arena_strndup(c->arena, url, strcspn(url, "#?;"));
    return decode_percent(path) ? path : NULL;
}

static const char *find_file_url(const char *text)
{
    const char *at = strstr(text, "file:");

    return at != NULL && (at == text || strchr("+@ =", at[-1]) != NULL) ? at : NULL;
}

const char *local_path(struct completion *c, const char *text, bool is_directory)
{
    const char *url = find_file_url(text);
    size_t len = strlen(text);
    const char *bracket = NULL;
    const char *path = NULL;

    if (url != NULL)
        return file_url_path(c, url);
    if (strstr(text, "://") != NULL || len == 0)
        return NULL;
    bracket = strrchr(text, '[');
    if (bracket != NULL && bracket != text && text[len - 1] == ']')
        len = (size_t)(bracket - text);
    path = arena_strndup(c->arena, text, len);
    return is_directory || path[0] == '.' || strchr(path, '/') != NULL || is_archive(path) ? path
                                                                                           : NULL;
}
