#include "discover-internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/venv/venv.h"

/* No index is built into this program: pip's own source says which one it asks by default, and it
 * is the code that will ask. */

#define SOURCE_BYTES_MAX ((size_t)64 << 10)
#define HOST_MAX 253
#define PIP_MODULE "pip/_internal/models/index.py"

static const char *skip_blanks(const char *text)
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
    at = skip_blanks(at + strlen(opening));
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

static bool read_source(struct venv *venv, int dir, const char *path)
{
    auto_buf struct buf text = {0};

    if (file_read(dir, path, SOURCE_BYTES_MAX, &text, NULL) < 0)
        return false;
    return strlen(text.data) == text.len && index_parse(venv, text.data);
}

/* Below a prefix: lib/pythonX.Y/{site,dist}-packages. */
static bool search_prefix(struct venv *venv, int prefix)
{
    static const char *const packages[] = {"site-packages", "dist-packages"};
    auto_fd int lib = fd_open_beneath(prefix, "lib", O_RDONLY | O_DIRECTORY, 0);
    int fd = lib >= 0 ? openat(lib, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    bool found = false;

    if (stream == NULL && fd >= 0)
        close(fd);
    while (!found && stream != NULL && (entry = readdir(stream)) != NULL) {
        for (size_t i = 0; !found && i < ARRAY_SIZE(packages); i++) {
            auto_free char *path = xasprintf("%s/%s/" PIP_MODULE, entry->d_name, packages[i]);

            if (str_starts(entry->d_name, "py") || str_starts(entry->d_name, "graalpy"))
                found = read_source(venv, lib, path);
        }
    }
    if (stream != NULL)
        closedir(stream);
    return found;
}

void index_find(struct venv *venv, int root, bool trusted)
{
    auto_fd int base = open(venv->base_prefix, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (trusted && search_prefix(venv, root))
        return;
    if (base >= 0)
        (void)search_prefix(venv, base);
}
