/* Paths as text: joining, normalising, comparing. */
#include "svenv/base/path.h"

#include <assert.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static size_t trimmed_len(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        len--;
    return len;
}

char *path_join(const char *dir, const char *name)
{
    size_t len = trimmed_len(dir);

    if (*name == '/' || *dir == '\0')
        return xstrdup(name);
    if (*name == '\0')
        return xstrndup(dir, len);
    return xasprintf("%.*s%s%s", (int)len, dir, dir[len - 1] == '/' ? "" : "/", name);
}

/* Adds the components of `path` to an absolute path without a trailing slash ("" is the root). */
static void add_components(struct buf *out, const char *path)
{
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (len == 2 && memcmp(path, "..", 2) == 0) {
            while (out->len > 0 && out->data[--out->len] != '/')
                continue;
            out->data[out->len] = '\0';
        } else if (len > 0 && !(len == 1 && *path == '.')) {
            buf_add_char(out, '/');
            buf_add(out, path, len);
        }
        path += len;
        path += strspn(path, "/");
    }
}

char *path_normalise(const char *cwd, const char *path)
{
    struct buf out = {0};

    buf_add_str(&out, "");
    if (*path != '/') {
        assert(*cwd == '/');
        add_components(&out, cwd);
    }
    add_components(&out, path);
    if (out.len == 0)
        buf_add_char(&out, '/');
    return out.data;
}

char *path_dirname(const char *path)
{
    size_t len = trimmed_len(path);

    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len == 0)
        return xstrdup(".");
    while (len > 1 && path[len - 1] == '/')
        len--;
    return xstrndup(path, len);
}

const char *path_basename(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

bool path_is_beneath(const char *path, const char *root)
{
    return path_relative_to(path, root) != NULL;
}

const char *path_relative_to(const char *path, const char *root)
{
    size_t len = strlen(root);

    if (str_eq(root, "/"))
        return *path == '/' ? path + 1 : NULL;
    if (strncmp(path, root, len) != 0)
        return NULL;
    if (path[len] == '\0')
        return path + len;
    return path[len] == '/' ? path + len + 1 : NULL;
}

size_t path_depth(const char *path)
{
    size_t count = 0;

    for (; *path; path++)
        count += *path == '/';
    return count;
}
