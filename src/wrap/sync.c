/* Brings both sides of a wrapped venv in step. */
#include "svenv/base/layout.h"
#include "svenv/find/venv.h"

#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"

#include "svenv/find/manifest.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/wrap/wrap.h"
#include "wrap-internal.h"

static int sync_locked(struct venv *venv, const char *path, const struct wrap_options *options,
                       struct sync_result *result, struct err *err)
{
    auto_free char *shown = xasprintf("%s/" IN_SANDBOX(SANDBOX_MANIFEST), path);
    auto_stubs struct stubs stubs = {.count = 0};
    auto_site struct site site;
    int rc = site_open(&site, path, err);

    if (rc < 0)
        return rc;
    if (site.sandbox < 0)
        return err_plain(err, ENOENT, "'%s' is not wrapped: run 'sandbox-venv wrap %s'", path,
                         path);
    rc = manifest_load(venv, site.sandbox, shown, err);
    if (rc < 0)
        return rc;
    if (!str_eq(venv->path, path))
        return err_plain(err, ESTALE,
                         "'%s' was wrapped as '%s' and has moved: run 'sandbox-venv wrap %s'", path,
                         venv->path, path);
    rc = stubs_load(&stubs, &site, options->stub, err);
    if (rc == 0)
        rc = wrap_check_real(&site, &stubs, venv, err);
    if (rc == 0)
        rc = site_make(&site, err);
    if (rc == 0)
        rc = wrap_in_step(&site, &stubs, venv, options, false, result, err);
    return rc;
}

int venv_sync(struct venv *venv, const struct wrap_options *options, struct sync_result *result,
              struct err *err)
{
    auto_free char *path = xstrdup(venv->path);
    auto_fd int lock = venv_lock(path, err);
    struct sync_result done = {0};
    int rc = 0;

    if (lock < 0)
        return lock;
    rc = sync_locked(venv, path, options, &done, err);
    if (rc == 0 && result != NULL)
        *result = done;
    return rc;
}
