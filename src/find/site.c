/* The directories of one venv, opened once. */
#include "svenv/find/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/find/venv.h"

void venv_init(struct venv *venv)
{
    *venv = (struct venv){.path = NULL};
}

void venv_finish(struct venv *venv)
{
    arena_finish(&venv->arena);
    venv_init(venv);
}

int venv_is_wrapped(const char *path, struct err *err)
{
    auto_fd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_fd int fd =
        root < 0 ? -errno : fd_open_beneath(root, IN_SANDBOX(SANDBOX_MANIFEST), O_PATH, 0);
    struct stat st;

    if (fd < 0 && look_is_answer(fd))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(err, fd < 0 ? fd : errno, "cannot look at '%s/sandbox/manifest.json'", path);
    return S_ISREG(st.st_mode);
}

void site_init(struct site *site, const char *path)
{
    *site = (struct site){.path = path, .root = -1, .bin = -1, .sandbox = -1, .real = -1};
}

void site_finish(struct site *site)
{
    int *fds[] = {&site->root, &site->bin, &site->sandbox, &site->real};

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        auto_fd_cleanup(fds[i]);
        *fds[i] = -1;
    }
}

static int site_open_dir(int dir, const char *name)
{
    return fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
}

/* Opens sandbox and sandbox/bin; absence is no error. */
static int site_open_sandbox(struct site *site, struct err *err)
{
    auto_free char *shown = path_join(site->path, VENV_SANDBOX);
    struct stat st;
    int rc = 0;

    auto_fd_cleanup(&site->sandbox);
    site->sandbox = site_open_dir(site->root, VENV_SANDBOX);
    if (site->sandbox == -ENOENT) {
        site->sandbox = -1;
        return 0;
    }
    if (site->sandbox < 0) {
        rc = site->sandbox;
        site->sandbox = -1;
        return err_set(err, -rc, "cannot open the directory '%s'", shown);
    }
    if (fstat(site->sandbox, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", shown);
    rc = owner_check(&st, OWNER_SELF, shown, err);
    if (rc < 0)
        return rc;
    site->real = site_open_dir(site->sandbox, SANDBOX_BIN);
    if (site->real >= 0)
        return 0;
    rc = site->real;
    site->real = -1;
    return rc == -ENOENT ? 0 : err_set(err, -rc, "cannot open the directory '%s/bin'", shown);
}

int site_open(struct site *site, const char *path, struct err *err)
{
    struct stat st;

    site_init(site, path);
    site->root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (site->root < 0)
        return err_set(err, errno, "cannot open the directory '%s'", path);
    if (fstat(site->root, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", path);
    if (!owner_is_self(&st))
        return err_plain(err, EPERM, "'%s' belongs to user %u: only its owner can change it", path,
                         (unsigned)st.st_uid);
    site->bin = site_open_dir(site->root, "bin");
    if (site->bin < 0) {
        int rc = site->bin;

        site->bin = -1;
        return err_set(err, -rc, "cannot open the directory '%s/bin'", path);
    }
    return site_open_sandbox(site, err);
}

/* A directory of ours: made with `mode`, or found there and put right. Return: 0 or negative. */
static int site_make_dir(int dir, const char *name, mode_t mode, const char *shown, struct err *err)
{
    auto_fd int fd = -1;
    struct stat st;
    int rc = 0;

    if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
        return err_set(err, errno, "cannot make the directory '%s/%s'", shown, name);
    fd = site_open_dir(dir, name);
    if (fd < 0)
        return err_set(err, -fd, "cannot open the directory '%s/%s'", shown, name);
    if (fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot look at '%s/%s'", shown, name);
    if (!owner_is_self(&st))
        rc = err_plain(err, EPERM, "'%s/%s' belongs to user %u: it is not trusted", shown, name,
                       (unsigned)st.st_uid);
    else if ((st.st_mode & 07777) != mode && fchmod(fd, mode) < 0)
        rc = err_set(err, errno, "cannot change the mode of '%s/%s'", shown, name);
    return rc;
}

int site_make(struct site *site, struct err *err)
{
    static const struct {
        const char *name;
        mode_t mode;
        bool outside; /* in the venv itself rather than in sandbox */
    } dirs[] = {
        {VENV_HOME, 0700, true},           {VENV_CACHE, 0700, true},
        {SANDBOX_BIN, 0755, false},        {SANDBOX_ETC, 0755, false},
        {SANDBOX_QUARANTINE, 0700, false}, {SANDBOX_INSTALLER, 0700, false},
        {INSTALLER_HOME, 0700, false},     {INSTALLER_CACHE, 0700, false},
    };
    auto_free char *shown = path_join(site->path, VENV_SANDBOX);
    int rc = site_make_dir(site->root, VENV_SANDBOX, 0700, site->path, err);

    if (rc == 0 && site->sandbox < 0)
        rc = site_open_sandbox(site, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(dirs); i++)
        rc = site_make_dir(dirs[i].outside ? site->root : site->sandbox, dirs[i].name, dirs[i].mode,
                           dirs[i].outside ? site->path : shown, err);
    if (rc < 0 || site->real >= 0)
        return rc;
    return site_open_sandbox(site, err);
}

void site_sweep(const struct site *site)
{
    unlinkat(site->sandbox, SITE_NEW_FILE, 0);
    unlinkat(site->sandbox, SITE_NEW_STUB, 0);
}

int site_flush(const struct site *site, struct err *err)
{
    const int dirs[] = {site->bin, site->real};

    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        /* EINVAL: a file system that knows no fsync of directories keeps its own order. */
        if (dirs[i] >= 0 && fsync(dirs[i]) < 0 && errno != EINVAL)
            return err_set(err, errno, "cannot write '%s/bin' to the disk", site->path);
    }
    return 0;
}
