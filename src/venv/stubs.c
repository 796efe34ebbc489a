#include "stubs-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"

#include "site-internal.h"

#define STUB_BYTES_MAX ((size_t)4 << 20)
#define STUB_KEPT "stub"
#define STUB_NEXT "stub.next"

static bool same_bytes(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static int add_file(struct stubs *stubs, int dir, const char *path, struct err *err)
{
    struct buf bytes = {0};
    int rc = file_read(dir, path, STUB_BYTES_MAX, &bytes, err);

    if (rc == 0 && bytes.len == 0)
        rc = err_plain(err, ENODATA, "'%s' is empty: it should be the stub", path);
    for (size_t i = 0; rc == 0 && i < stubs->count; i++) {
        if (same_bytes(&stubs->known[i], &bytes)) {
            buf_finish(&bytes);
            return 0;
        }
    }
    if (rc < 0)
        buf_finish(&bytes);
    else
        stubs->known[stubs->count++] = bytes;
    return rc;
}

int stubs_load(struct stubs *stubs, const struct site *site, const char *installed, struct err *err)
{
    static const char *const kept[] = {STUB_KEPT, STUB_NEXT};
    int rc = 0;

    *stubs = (struct stubs){.count = 0};
    if (installed != NULL)
        rc = add_file(stubs, AT_FDCWD, installed, err);
    if (rc < 0)
        return err_wrap(err, "the installed stub is not usable");
    for (size_t i = 0; site->sandbox >= 0 && i < ARRAY_SIZE(kept); i++) {
        struct err found = {0};

        rc = add_file(stubs, site->sandbox, kept[i], &found);
        if (rc == -ENODATA) /* what a power cut leaves of it */
            rc = -ENOENT;
        if (rc < 0 && rc != -ENOENT)
            return err_plain(err, -rc, "in '%s/sandbox': %s", site->path, found.msg);
        stubs->has_kept = stubs->has_kept || rc == 0;
    }
    if (stubs->count == 0)
        return err_plain(err, ENOENT, "'%s/sandbox' has no copy of the stub", site->path);
    return 0;
}

void stubs_finish(struct stubs *stubs)
{
    for (size_t i = 0; i < stubs->count; i++)
        buf_finish(&stubs->known[i]);
    stubs->count = 0;
}

enum stub_match stubs_match(const struct stubs *stubs, int dir, const char *name,
                            const struct stat *st)
{
    auto_buf struct buf bytes = {0};
    auto_fd int fd = -1;
    bool is_candidate = false;

    for (size_t i = 0; i < stubs->count; i++)
        is_candidate = is_candidate || (uint64_t)st->st_size == stubs->known[i].len;
    if (!is_candidate || !S_ISREG(st->st_mode))
        return STUB_NONE;
    fd = fd_open_beneath(dir, name, O_RDONLY, 0);
    if (fd < 0 || fd_read_all(fd, STUB_BYTES_MAX, &bytes) < 0)
        return STUB_NONE;
    for (size_t i = 0; i < stubs->count; i++) {
        if (same_bytes(&stubs->known[i], &bytes))
            return i == 0 ? STUB_CURRENT : STUB_OLD;
    }
    return STUB_NONE;
}

int stubs_prepare(const struct stubs *stubs, const struct site *site)
{
    const struct buf *bytes = &stubs->known[0];
    auto_fd int fd = openat(site->sandbox, SITE_NEW_STUB,
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0)
        return -errno;
    rc = fd_write_all(fd, bytes->data, bytes->len);
    if (rc == 0 && fchmod(fd, STUB_MODE) < 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(site->sandbox, SITE_NEW_STUB, 0);
    return rc;
}

static bool is_kept(const struct stubs *stubs, const struct site *site)
{
    struct stat st;

    return fstatat(site->sandbox, STUB_KEPT, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           stubs_match(stubs, site->sandbox, STUB_KEPT, &st) == STUB_CURRENT;
}

int stubs_announce(const struct stubs *stubs, const struct site *site, struct err *err)
{
    struct stat st;
    bool is_first = fstatat(site->sandbox, STUB_KEPT, &st, AT_SYMLINK_NOFOLLOW) < 0;

    if (is_kept(stubs, site))
        return 0;
    return file_write_atomic(site->sandbox, is_first ? STUB_KEPT : STUB_NEXT, stubs->known[0].data,
                             stubs->known[0].len, 0600, err);
}

int stubs_settle(const struct stubs *stubs, const struct site *site, struct err *err)
{
    if (is_kept(stubs, site)) {
        unlinkat(site->sandbox, STUB_NEXT, 0);
        return 0;
    }
    if (renameat(site->sandbox, STUB_NEXT, site->sandbox, STUB_KEPT) < 0)
        return err_set(err, errno, "cannot keep the stub in '%s/sandbox'", site->path);
    return 0;
}
