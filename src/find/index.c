/* Finds the default package index in the source of the bundled pip. */
#include "discover-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

/* No index is built into this program: pip's own source says which one it asks by default, and it
 * is the code that will ask. */

#define HOST_MAX 253
#define PIP_MODULE "pip/_internal/models/index.py"

static const char *index_skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r\n");
}

/* A quoted Python text made of the given bytes only. Return: its length, 0 for anything else. */
static size_t quoted_len(const char *text, const char *bytes)
{
    size_t len = 0;

    if (*text != '"' && *text != '\'')
        return 0;
    len = strspn(text + 1, bytes);
    return len <= HOST_MAX && text[1 + len] == *text ? len : 0;
}

bool index_parse(struct venv *venv, const char *text)
{
    static const char host_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    static const char url_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./:_~";
    static const char opening[] = "= PackageIndex(";
    static const char files_key[] = "file_storage_domain=";
    const char *at = strstr(text, opening);
    const char *end = NULL;
    const char *files = NULL;
    size_t len = 0;

    if (at == NULL)
        return false;
    at = index_skip_blanks(at + strlen(opening));
    len = quoted_len(at, url_bytes);
    if (len == 0 || !str_starts(at + 1, "https://"))
        return false;
    venv->index_url = arena_strndup(&venv->arena, at + 1, len);
    end = strchr(at, ')');
    files = strstr(at, files_key);
    if (files == NULL || end == NULL || files > end)
        return true;
    files += strlen(files_key);
    len = quoted_len(files, host_bytes);
    if (len > 0)
        venv->index_files = arena_strndup(&venv->arena, files + 1, len);
    return true;
}

/* Return, as the searches below: 1, 0, or negative errno when that could not be found out. */
static int read_source(struct venv *venv, int dir, const char *path)
{
    auto_buf struct buf text = {0};
    int rc = file_read(dir, path, PIP_SOURCE_BYTES_MAX, &text, NULL);

    if (rc < 0) /* EINVAL, EFBIG: it is no such file */
        return look_is_answer(rc) || rc == -EINVAL || rc == -EFBIG ? 0 : rc;
    return strlen(text.data) == text.len && index_parse(venv, text.data);
}

static int search_packages(struct venv *venv, int lib, const char *python)
{
    static const char *const packages[] = {"site-packages", "dist-packages"};
    int rc = 0;

    if (!str_starts(python, "py") && !str_starts(python, "graalpy"))
        return 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(packages); i++) {
        auto_free char *path = xasprintf("%s/%s/" PIP_MODULE, python, packages[i]);

        rc = read_source(venv, lib, path);
    }
    return rc;
}

/* Below a prefix: lib/pythonX.Y/{site,dist}-packages. */
static int search_prefix(struct venv *venv, int prefix)
{
    auto_fd int lib = fd_open_beneath(prefix, "lib", O_RDONLY | O_DIRECTORY, 0);
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = 0;

    if (lib < 0)
        return look_is_answer(lib) ? 0 : lib;
    rc = look_open_dir(lib, ".", 0, &stream);
    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        int found = search_packages(venv, lib, entry->d_name);

        if (found != 0)
            return found;
    }
    return rc;
}

static int search_base(struct venv *venv)
{
    auto_fd int base = open(venv->base_prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (base < 0)
        return look_is_answer(errno) ? 0 : -errno;
    return search_prefix(venv, base);
}

int index_find(struct venv *venv, int root, bool trusted, struct err *err)
{
    int rc = trusted ? search_prefix(venv, root) : 0;

    if (rc == 0)
        rc = search_base(venv);
    return rc < 0 ? err_set(err, rc, "cannot look for pip of '%s'", venv->path) : 0;
}
