/* Carries out the decision about one name. */
#include "move-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/find/survey.h"

static int copy_link(const struct site *site, const char *name, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    char text[PATH_MAX];
    ssize_t len = readlinkat(site->bin, name, text, sizeof(text) - 1);

    if (len < 0)
        return -errno;
    text[len] = '\0';
    if (symlinkat(text, site->sandbox, SITE_NEW_FILE) < 0 ||
        utimensat(site->sandbox, SITE_NEW_FILE, times, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

static int copy_file(const struct site *site, const char *name, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    auto_fd int from = fd_open_beneath(site->bin, name, O_RDONLY, 0);
    auto_fd int to = -1;
    int rc = 0;

    if (from < 0)
        return from;
    to = openat(site->sandbox, SITE_NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                0600);
    if (to < 0)
        return -errno;
    rc = fd_copy(from, to);
    if (rc == 0 && (fchmod(to, st->st_mode & 07777) < 0 || futimens(to, times) < 0))
        rc = -errno;
    return rc;
}

/* SITE_NEW_FILE becomes the real one. A file or directory that code inside made there gives way. */
static int install_real(const struct site *site, const struct pair *pair)
{
    int rc = 0;

    if (pair->real == SIDE_OTHER)
        rc = tree_remove(site->real, pair->name);
    if (rc == 0 && renameat(site->sandbox, SITE_NEW_FILE, site->real, pair->name) < 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(site->sandbox, SITE_NEW_FILE, 0);
    return rc;
}

static int copy_in(const struct site *site, const struct pair *pair)
{
    bool is_link = S_ISLNK(pair->bin_st.st_mode);
    int rc = is_link ? copy_link(site, pair->name, &pair->bin_st)
                     : copy_file(site, pair->name, &pair->bin_st);

    if (rc < 0) {
        unlinkat(site->sandbox, SITE_NEW_FILE, 0);
        return rc;
    }
    return install_real(site, pair);
}

/* A second name for the same inode: mode, times and link text are kept, nothing is written. A file
 * with more names already is shared with an installer's cache and has to be copied
 * (docs/SECURITY.md, C27). */
static int link_in(const struct site *site, const struct pair *pair)
{
    if (pair->bin_st.st_nlink > 1)
        return -EMLINK;
    if (linkat(site->bin, pair->name, site->sandbox, SITE_NEW_FILE, 0) < 0)
        return -errno;
    return install_real(site, pair);
}

static int place_stub(const struct site *site, const char *name)
{
    if (renameat(site->sandbox, SITE_NEW_STUB, site->bin, name) < 0) {
        int rc = -errno;

        unlinkat(site->sandbox, SITE_NEW_STUB, 0);
        return rc;
    }
    return 0;
}

/* The stub is made ready first, so that a full disk changes nothing, then the real one gets its
 * second name, then the stub is renamed over the first. */
static int adopt(const struct site *site, const struct stubs *stubs, const struct pair *pair)
{
    int rc = stubs_prepare(stubs, site);

    if (rc < 0)
        return rc;
    if (!pair->linked) {
        rc = link_in(site, pair);
        if (rc < 0)
            rc = copy_in(site, pair);
    }
    if (rc < 0) {
        unlinkat(site->sandbox, SITE_NEW_STUB, 0);
        return rc;
    }
    return place_stub(site, pair->name);
}

static int stub_over(const struct site *site, const struct stubs *stubs, const char *name)
{
    int rc = stubs_prepare(stubs, site);

    return rc < 0 ? rc : place_stub(site, name);
}

static int drop(int dir, const char *name)
{
    return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int restore(const struct site *site, const char *name)
{
    /* When both are one inode this does nothing, which is right: bin has the real one already. */
    return renameat(site->real, name, site->bin, name) < 0 ? -errno : 0;
}

static int carry_out(const struct site *site, const struct stubs *stubs, const struct pair *pair,
                     enum act act)
{
    switch (act) {
    case ACT_ADOPT:
        return adopt(site, stubs, pair);
    case ACT_PUBLISH:
    case ACT_REPAIR:
        return stub_over(site, stubs, pair->name);
    case ACT_DROP_STUB:
        return drop(site->bin, pair->name);
    case ACT_DROP_REAL:
        return drop(site->real, pair->name);
    case ACT_COPY_IN:
        return copy_in(site, pair);
    case ACT_RESTORE:
        return restore(site, pair->name);
    case ACT_KEEP:
    case ACT_LEAVE:
    case ACT__COUNT:
        break;
    }
    return 0;
}

static int move_fail(const struct site *site, const char *name, int rc, struct err *err)
{
    auto_buf struct buf shown = {0};

    buf_add_escaped(&shown, name);
    return err_set(err, -rc, "cannot change '%s/bin/%s'", site->path, shown.data);
}

int move_apply(const struct site *site, const struct stubs *stubs, const struct pair *pair,
               enum act act, struct err *err)
{
    int rc = carry_out(site, stubs, pair, act);

    return rc < 0 ? move_fail(site, pair->name, rc, err) : 0;
}

int move_place_stub(const struct site *site, const struct stubs *stubs, const char *name,
                    struct err *err)
{
    int rc = stub_over(site, stubs, name);

    return rc < 0 ? move_fail(site, name, rc, err) : 0;
}
