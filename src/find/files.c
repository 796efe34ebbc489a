/* Lists the files of a venv at one moment. */
#include "svenv/find/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"

#include "svenv/base/layout.h"
#include "svenv/base/sizes.h"
#include "svenv/find/site.h"

#define FILES_MAX 262144
#define DEPTH_MAX 64
/* Behind each path's NUL: inode, change time, size, mode. */
#define NUMBERS_SIZE (3 * sizeof(uint64_t) + sizeof(uint32_t))

void venv_files_finish(struct venv_files *files)
{
    arena_finish(&files->arena);
    *files = (struct venv_files){0};
}

/* --- listing ----------------------------------------------------------------------------------
 */

static void files_add_file(struct venv_files *files, const char *path, const struct stat *st)
{
    struct venv_file *file = NULL;

    if (files->count == FILES_MAX) {
        files->incomplete = true;
        return;
    }
    file = arena_push(&files->arena, &files->items, &files->count, sizeof(*file));
    *file = (struct venv_file){
        .path = arena_strdup(&files->arena, path),
        .ino = st->st_ino,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
        .size = (uint64_t)st->st_size,
        .mode = st->st_mode,
    };
}

/* `prefix`: the directory's path below the venv, "" or ending in '/'. */
static void files_walk(struct venv_files *files, int parent, const char *name, const char *prefix,
                       unsigned depth);

static bool files_is_left_out(const char *name, unsigned depth)
{
    return (depth == 0 && (str_eq(name, "bin") || layout_is_private(name))) || str_eq(name, ".") ||
           str_eq(name, "..");
}

static void take_name(struct venv_files *files, int dir, const char *name, const char *prefix,
                      unsigned depth)
{
    auto_free char *path = xasprintf("%s%s", prefix, name);
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        files->incomplete = files->incomplete || errno != ENOENT;
        return;
    }
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        files_add_file(files, path, &st);
    if (S_ISDIR(st.st_mode)) {
        auto_free char *below = xasprintf("%s/", path);

        files_walk(files, dir, name, below, depth + 1);
    }
}

static void files_walk(struct venv_files *files, int parent, const char *name, const char *prefix,
                       unsigned depth)
{
    int fd = depth < DEPTH_MAX && files->count < FILES_MAX
                 ? fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0)
                 : -E2BIG;
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;

    if (stream == NULL) {
        files->incomplete = files->incomplete || fd != -ENOENT;
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((errno = 0, entry = readdir(stream)) != NULL) {
        if (!files_is_left_out(entry->d_name, depth))
            take_name(files, dirfd(stream), entry->d_name, prefix, depth);
    }
    files->incomplete = files->incomplete || errno != 0;
    closedir(stream);
}

static int files_compare(const void *a, const void *b)
{
    const struct venv_file *left = a;
    const struct venv_file *right = b;

    return strcmp(left->path, right->path);
}

int venv_files_list(const char *venv_path, struct venv_files *out, struct err *err)
{
    auto_site struct site site;
    struct venv_files files = {.count = 0};
    int rc = 0;

    site_init(&site, venv_path);
    rc = site_open(&site, venv_path, err);
    if (rc < 0)
        return rc;
    if (site.real < 0)
        return err_plain(err, ENOENT, "'%s' is not wrapped", venv_path);
    files_walk(&files, site.root, ".", "", 0);
    files_walk(&files, site.sandbox, "bin", "bin/", 1);
    if (files.count > 0)
        qsort(files.items, files.count, sizeof(*files.items), files_compare);
    *out = files;
    return 0;
}

/* --- as bytes ---------------------------------------------------------------------------------
 */

void venv_files_encode(const struct venv_files *files, struct buf *out)
{
    buf_add_char(out, files->incomplete ? '1' : '0');
    for (size_t i = 0; i < files->count; i++) {
        const struct venv_file *file = &files->items[i];

        buf_add(out, file->path, strlen(file->path) + 1);
        buf_add(out, &file->ino, sizeof(file->ino));
        buf_add(out, &file->ctime_ns, sizeof(file->ctime_ns));
        buf_add(out, &file->size, sizeof(file->size));
        buf_add(out, &file->mode, sizeof(file->mode));
    }
}

static const char *files_take(const char *at, void *slot, size_t size)
{
    memcpy(slot, at, size);
    return at + size;
}

int venv_files_decode(const char *data, size_t len, struct venv_files *out, struct err *err)
{
    const char *end = data + len;
    const char *at = data + 1;

    if (len == 0)
        return err_plain(err, EINVAL, "the list of the venv's files is empty");
    out->incomplete = data[0] == '1';
    while (at < end) {
        const char *path = at;
        const char *nul = memchr(at, '\0', (size_t)(end - at));
        struct venv_file *file = NULL;

        if (nul == NULL || (size_t)(end - nul) - 1 < NUMBERS_SIZE) {
            venv_files_finish(out);
            return err_plain(err, EINVAL, "the list of the venv's files ends too early");
        }
        file = arena_push(&out->arena, &out->items, &out->count, sizeof(*file));
        file->path = arena_strdup(&out->arena, path);
        at = files_take(nul + 1, &file->ino, sizeof(file->ino));
        at = files_take(at, &file->ctime_ns, sizeof(file->ctime_ns));
        at = files_take(at, &file->size, sizeof(file->size));
        at = files_take(at, &file->mode, sizeof(file->mode));
    }
    return 0;
}

int venv_files_write(const struct venv_files *files, int fd, struct err *err)
{
    auto_buf struct buf bytes = {0};
    int rc = 0;

    venv_files_encode(files, &bytes);
    rc = fd_write_all(fd, bytes.data, bytes.len);
    return rc < 0 ? err_set(err, -rc, "cannot hand the list of files to the launcher") : 0;
}

int venv_files_read(int fd, bool may_be_cut, struct venv_files *out, struct err *err)
{
    auto_buf struct buf bytes = {0};
    int rc = lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd_read_all(fd, FILE_LIST_BYTES_MAX, &bytes);

    if (rc < 0)
        return err_set(err, -rc, "cannot read the list of files from before the install");
    rc = venv_files_decode(bytes.data, bytes.len, out, may_be_cut ? NULL : err);
    if (rc == 0 || !may_be_cut)
        return rc;
    venv_files_finish(out);
    *out = (struct venv_files){.count = 0};
    return 0;
}
