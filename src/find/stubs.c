/* The bytes of the stub: recognising them and keeping them. */
#include "svenv/find/stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"

#include "svenv/find/site.h"

#define STUB_NEXT "stub.next"

static bool same_bytes(const struct buf *a, const struct buf *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static int stubs_add_file(struct stubs *stubs, int dir, const char *path, struct err *err)
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
    static const char *const kept[] = {SANDBOX_STUB, STUB_NEXT};
    int rc = 0;

    *stubs = (struct stubs){.count = 0};
    if (installed != NULL)
        rc = stubs_add_file(stubs, AT_FDCWD, installed, err);
    if (rc < 0)
        return err_wrap(err, "the installed stub is not usable");
    for (size_t i = 0; site->sandbox >= 0 && i < ARRAY_SIZE(kept); i++) {
        struct err found = {0};

        rc = stubs_add_file(stubs, site->sandbox, kept[i], &found);
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

bool stubs_fit(const struct stubs *stubs, const struct stat *st)
{
    for (size_t i = 0; S_ISREG(st->st_mode) && i < stubs->count; i++) {
        if ((uint64_t)st->st_size == stubs->known[i].len)
            return true;
    }
    return false;
}

int stubs_match(const struct stubs *stubs, int dir, const char *name, const struct stat *st)
{
    auto_buf struct buf bytes = {0};
    auto_fd int fd = -1;
    int rc = 0;

    if (!stubs_fit(stubs, st))
        return STUB_NONE;
    fd = fd_open_beneath(dir, name, O_RDONLY, 0);
    if (fd < 0)
        return look_is_answer(fd) ? STUB_NONE : fd;
    rc = fd_read_all(fd, STUB_BYTES_MAX, &bytes);
    if (rc < 0)
        return rc == -EFBIG ? STUB_NONE : rc;
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

enum kept {
    KEPT_NONE,
    KEPT_OTHER,
    KEPT_CURRENT
};

/* Finds out the kind of the venv's copy. Return: an enum kept, or negative errno with *err. */
static int look_at_kept(const struct stubs *stubs, const struct site *site, struct err *err)
{
    struct stat st;
    int rc = look_at(site->sandbox, SANDBOX_STUB, false, &st);

    if (rc == 0)
        return KEPT_NONE;
    if (rc > 0)
        rc = stubs_match(stubs, site->sandbox, SANDBOX_STUB, &st);
    if (rc < 0)
        return err_set(err, rc, "cannot look at '%s/" IN_SANDBOX(SANDBOX_STUB) "'", site->path);
    return rc == STUB_CURRENT ? KEPT_CURRENT : KEPT_OTHER;
}

int stubs_announce(const struct stubs *stubs, const struct site *site, struct err *err)
{
    int kept = look_at_kept(stubs, site, err);

    if (kept < 0 || kept == KEPT_CURRENT)
        return kept < 0 ? kept : 0;
    return file_write_atomic(site->sandbox, kept == KEPT_NONE ? SANDBOX_STUB : STUB_NEXT,
                             stubs->known[0].data, stubs->known[0].len, 0600, err);
}

int stubs_settle(const struct stubs *stubs, const struct site *site, struct err *err)
{
    int kept = look_at_kept(stubs, site, err);

    if (kept < 0)
        return kept;
    if (kept == KEPT_CURRENT) {
        unlinkat(site->sandbox, STUB_NEXT, 0);
        return 0;
    }
    if (renameat(site->sandbox, STUB_NEXT, site->sandbox, SANDBOX_STUB) < 0)
        return err_set(err, errno, "cannot keep the stub in '%s/sandbox'", site->path);
    return 0;
}
