/* Finds the local path that a requirement names; paths and names are told apart as pip does. */
#include <string.h>

#include "svenv/base/percent.h"
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
    return percent_decode(path, PERCENT_URL) ? path : NULL;
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
