/* Undoes the wrapping of a venv. */
#include "svenv/base/layout.h"
#include "svenv/find/venv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/str.h"

#include "interpreters-internal.h"
#include "reconcile-internal.h"
#include "svenv/find/manifest.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/wrap/wrap.h"
#include "unwrap-internal.h"

/* Removed after everything else, in this order: as long as one of them is there, an interrupted
 * unwrap knows what to finish. */
static const char *const last_files[] = {SANDBOX_STUB ".next", SANDBOX_STUB, SANDBOX_MANIFEST,
                                         SANDBOX_LOCK};

static bool is_last(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(last_files); i++) {
        if (str_eq(last_files[i], name))
            return true;
    }
    return false;
}

static int list_names(int dir, struct strv *out)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(dir, ".", 0, &stream);

    if (rc == 0)
        return -EACCES;
    while (rc > 0 && (rc = look_next(stream, &entry)) > 0)
        strv_add(out, entry->d_name);
    return rc;
}

/* Is this directory one that we made? Somebody's own directory of that name is not ours to remove.
 * Return: 1, 0, or negative errno with *err. */
static int unwrap_is_ours(const struct site *site, bool purge, struct err *err)
{
    static const char *const made_first[] = {SANDBOX_BIN, SANDBOX_ETC, SANDBOX_QUARANTINE,
                                             SANDBOX_INSTALLER};
    auto_strv struct strv names = {0};
    size_t known = 0;
    int rc = site->sandbox < 0 ? 0 : list_names(site->sandbox, &names);

    if (rc < 0)
        return err_set(err, rc, "cannot list '%s/sandbox'", site->path);
    if (site->sandbox < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(last_files); i++) {
        if (strv_has(&names, last_files[i]))
            return 1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(made_first); i++)
        known += strv_has(&names, made_first[i]) ? 1 : 0;
    /* Only what an earlier unwrap kept is left: the venv is not wrapped. */
    if (names.count == 1 && strv_has(&names, SANDBOX_QUARANTINE))
        return purge;
    return known == names.count;
}

static int set_time(int fd, int64_t nanoseconds)
{
    const int64_t billion = 1000000000;
    int64_t rest = nanoseconds % billion;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

    rest += rest < 0 ? billion : 0;
    times[1].tv_sec = (time_t)((nanoseconds - rest) / billion);
    times[1].tv_nsec = (long)rest;
    return futimens(fd, times) < 0 ? -errno : 0;
}

static int restore_bin(const struct site *site, const struct venv *manifest, struct err *err)
{
    if (manifest->id == NULL)
        return 0;
    if (fchmod(site->bin, manifest->bin_mode) < 0)
        return err_set(err, errno, "cannot give '%s/bin' its mode back", site->path);
    if (set_time(site->bin, manifest->bin_mtime_ns) < 0)
        return err_set(err, errno, "cannot give '%s/bin' its time back", site->path);
    return 0;
}

/* Removes a directory with all it holds, or without `purge` only when it holds nothing. */
static int remove_private(int dir, const char *name, bool purge)
{
    if (purge)
        return tree_remove(dir, name);
    unwrap_prune(dir, name);
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY &&
        errno != EEXIST && errno != ENOTDIR)
        return -errno;
    return 0;
}

static int unwrap_remove_sandbox(const struct site *site, bool purge)
{
    auto_strv struct strv names = {0};
    int rc = remove_private(site->sandbox, SANDBOX_QUARANTINE, purge);

    if (rc == 0)
        rc = list_names(site->sandbox, &names);
    for (size_t i = 0; rc == 0 && i < names.count; i++) {
        if (!is_last(names.items[i]) && !str_eq(names.items[i], SANDBOX_QUARANTINE))
            rc = tree_remove(site->sandbox, names.items[i]);
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(last_files); i++)
        rc = tree_remove(site->sandbox, last_files[i]);
    /* Not empty: quarantined files were kept, or a waiting wrap has begun anew. */
    if (rc == 0 && unlinkat(site->root, VENV_SANDBOX, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
        errno != EEXIST)
        rc = -errno;
    return rc;
}

int unwrap_site(const struct site *site, const struct stubs *stubs, const struct venv *manifest,
                bool purge, struct strv *told, struct err *err)
{
    int rc = interpreters_settle(site, manifest, told, err);

    if (rc == 0)
        rc = reconcile_undo(site, stubs, manifest, err);
    if (rc == 0)
        rc = restore_bin(site, manifest, err);
    if (rc == 0)
        rc = site_flush(site, err);
    if (rc < 0)
        return rc;
    if (manifest->id != NULL)
        venv_remove_temporary(manifest->id);
    rc = remove_private(site->root, VENV_HOME, purge);
    if (rc == 0)
        rc = remove_private(site->root, VENV_CACHE, purge);
    if (rc == 0)
        rc = unwrap_remove_sandbox(site, purge);
    if (rc < 0)
        return err_set(err, -rc, "bin is restored, but something in '%s' cannot be removed",
                       site->path);
    if (manifest->id != NULL)
        (void)set_time(site->root, manifest->root_mtime_ns);
    return 0;
}

/* No known stub is no error here: before the first entry is changed there is none, and later
 * reconcile_undo() refuses. */
static int load_stubs(struct stubs *stubs, const struct site *site, struct err *err)
{
    bool is_installed = look_readable(SVENV_STUB) != 0;
    int rc = stubs_load(stubs, site, is_installed ? SVENV_STUB : NULL, err);

    return rc == -ENOENT ? 0 : rc;
}

/* A manifest that is gone, damaged or not to be trusted costs the times of bin, not the way back.
 */
static bool is_unusable(int rc)
{
    return look_is_answer(rc) || rc == -EINVAL || rc == -EPERM || rc == -EFBIG;
}

int venv_unwrap(const char *venv_path, bool purge, struct err *err)
{
    return venv_unwrap_telling(venv_path, purge, NULL, err);
}

int venv_unwrap_telling(const char *venv_path, bool purge, struct strv *told, struct err *err)
{
    auto_free char *shown = xasprintf("%s/" IN_SANDBOX(SANDBOX_MANIFEST), venv_path);
    auto_fd int lock = venv_lock(venv_path, err);
    auto_stubs struct stubs stubs = {.count = 0};
    auto_site struct site site;
    auto_venv struct venv manifest;
    struct err why = {0};
    int rc = 0;

    venv_init(&manifest);
    site_init(&site, venv_path);
    if (lock < 0)
        return lock;
    rc = site_open(&site, venv_path, err);
    if (rc < 0)
        return rc;
    rc = unwrap_is_ours(&site, purge, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return err_plain(err, ENOENT, "'%s' is not wrapped", venv_path);
    rc = load_stubs(&stubs, &site, err);
    if (rc < 0)
        return rc;
    rc = manifest_load(&manifest, site.sandbox, shown, &why);
    if (rc < 0 && !is_unusable(rc))
        return err_plain(err, why.code, "%s", why.msg);
    return unwrap_site(&site, &stubs, &manifest, purge, told, err);
}
