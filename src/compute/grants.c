/* Opens paths of the policy at their own place: filesystem.read and write. */
#include <errno.h>

#include "svenv/base/danger.h"
#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

const struct compute_path_field compute_path_fields[COMPUTE_PATH_FIELDS] = {
    {POLICY_FS_WRITE, PLAN_RW},
    {POLICY_FS_READ, 0},
};

int compute_check_grant(const struct compute *c, const char *path, unsigned use, const char *origin,
                        struct err *err)
{
    static const char *const closed[] = {VENV_SANDBOX, "bin", VENV_HOME, VENV_CACHE, "pyvenv.cfg"};
    const char *danger = danger_reason(path, c->facts->home, use);

    if (danger)
        return err_plain(err, EPERM, "%s: '%s': %s", origin, path, danger);
    if (str_eq(path, c->venv->path))
        return err_plain(err, EPERM,
                         "%s: the venv itself is opened only by 'venv: rw' of a command", origin);
    for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
        if (path_is_beneath(path, compute_join(c, c->venv->path, closed[i])))
            return err_plain(err, EPERM, "%s: '%s' decides about the sandbox and stays closed",
                             origin, path);
    }
    return 0;
}

/* Paths of filesystem.write come first. */
static bool is_bound_writable(const struct compute *c, const char *path)
{
    for (size_t i = 0; i < c->bind_count; i++) {
        const struct tree_bind *mount = &c->binds[i].mount;

        if (c->binds[i].rank == RANK_POLICY && (mount->flags & PLAN_RW) && str_eq(mount->src, path))
            return true;
    }
    return false;
}

static int bind_path(struct compute *c, const struct policy_item *item, uint32_t flags,
                     struct err *err)
{
    struct resolved real = {.links = NULL};
    int rc = compute_source(c, item, item->text, &real, err);

    if (rc == 0)
        rc = compute_check_grant(c, real.fact.path, flags & PLAN_RW ? DANGER_WRITE : DANGER_READ,
                                 compute_origin(item->origin), err);
    if (rc < 0)
        return rc;
    if (!(flags & PLAN_RW) && is_bound_writable(c, real.fact.path))
        return 0;
    if (real.fact.kind == FACT_DEVICE)
        flags |= PLAN_DEVICES;
    compute_bind(c, real.fact.path, real.fact.path, real.fact.kind == FACT_DIR, flags, RANK_POLICY,
                 item->origin)
        ->reveals = true;
    return 0;
}

int compute_policy_paths(struct compute *c, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < COMPUTE_PATH_FIELDS; i++) {
        const struct policy_value *value = &c->values->v[compute_path_fields[i].field];

        for (size_t j = 0; rc == 0 && j < value->count; j++)
            rc = bind_path(c, &value->items[j], compute_path_fields[i].flags, err);
    }
    return rc;
}
