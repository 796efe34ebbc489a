/* Shows things at the path that they have on the host: base interpreter, project, venv, and the
 * paths that the policy names. */
#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

/* System accounts live in places where a private home would hide the system. */
static bool home_is_usable(const char *home)
{
    static const char *const system_trees[] = {"/usr", "/etc",  "/proc", "/dev",   "/sys",
                                               "/bin", "/sbin", "/lib",  "/lib64", "/run"};

    if (home[0] != '/' || home[1] == '\0' || str_eq(home, "/var") || str_eq(home, "/tmp"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(system_trees); i++) {
        if (path_is_beneath(home, system_trees[i]))
            return false;
    }
    return true;
}

/* Shows the private home at the real one's path. An installer has another one: a later and more
 * powerful pip must not obey files that a program can write (docs/SECURITY.md, C26). */
int compute_home(struct compute *c, struct err *err)
{
    const char *home = c->facts->home;
    const char *venv = c->venv->path;
    const char *base = compute_join(c, venv, c->installer ? VENV_SANDBOX : VENV_HOME);
    const char *cache = c->installer ? base : compute_join(c, venv, VENV_CACHE);
    int rc;

    if (!home_is_usable(home))
        return 0;
    rc = compute_bind_own(c, base, c->installer ? INSTALLER_HOME : "", home, PLAN_RW, err);
    if (rc < 0)
        return rc;
    return compute_bind_own(c, cache, c->installer ? INSTALLER_CACHE : "",
                            compute_join(c, home, ".cache"), PLAN_RW, err);
}

/* The symlinks that a path goes through when it is spelled as the user spells it. */
static int link_way(struct compute *c, const char *named, const char *origin, struct err *err)
{
    struct resolved way = {.links = NULL};
    int rc = named ? compute_resolve(c, named, &way, err) : 0;

    for (size_t i = 0; rc == 0 && i < way.link_count; i++)
        rc = tree_link(&c->tree, way.links[i].path, way.links[i].target, origin, err);
    return rc;
}

/* Links of paths are made when everything is mounted: most of them can be seen then. */
static int link_names(struct compute *c, struct err *err)
{
    const struct venv *venv = c->venv;
    int rc = 0;

    if (home_is_usable(c->facts->home))
        rc = link_way(c, c->facts->home_named, ORIGIN_DEFAULT, err);
    if (rc == 0)
        rc = link_way(c, venv->named, ORIGIN_DEFAULT, err);
    if (rc == 0 && c->project != PROJECT_NONE)
        rc = link_way(c, venv->project_named, ORIGIN_DEFAULT, err);
    for (size_t i = 0; rc == 0 && i < venv->need_count; i++) {
        const struct venv_need *need = &venv->needs[i];

        if (need->kind == VENV_NEED_SYMLINK)
            rc = tree_link(&c->tree, need->path, need->target, ORIGIN_DEFAULT, err);
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(compute_path_fields); i++) {
        const struct policy_value *value = &c->values->v[compute_path_fields[i].field];

        for (size_t j = 0; rc == 0 && j < value->count; j++) {
            const char *path = NULL;

            rc = compute_expand(c, &value->items[j], value->items[j].text, &path, err);
            if (rc == 0)
                rc = link_way(c, path, compute_origin(value->items[j].origin), err);
        }
    }
    return rc;
}

static void bind_base(struct compute *c)
{
    const char *launcher = c->facts->launcher_dir;

    if (launcher && !path_is_beneath(launcher, "/usr"))
        compute_bind(c, launcher, launcher, true, 0, RANK_TREE, NULL);
    for (size_t i = 0; i < c->venv->need_count; i++) {
        const struct venv_need *need = &c->venv->needs[i];

        if (need->kind != VENV_NEED_SYMLINK)
            compute_bind(c, need->path, need->path, need->kind == VENV_NEED_DIR, 0, RANK_TREE,
                         NULL);
    }
}

static int bind_project(struct compute *c, struct err *err)
{
    const char *project = c->venv->project;
    const char *origin = compute_origin(c->values->v[POLICY_FS_PROJECT].origin);
    uint32_t flags = c->project == PROJECT_RO ? 0 : PLAN_RW;

    if (c->project == PROJECT_NONE)
        return 0;
    if (path_is_beneath(c->facts->home, project))
        return err_plain(err, EINVAL,
                         "%s: the project '%s' would show the whole home directory: name another "
                         "with --project",
                         origin, project);
    if (compute_fact(c, project).kind != FACT_DIR)
        return err_plain(err, ENOENT, "%s: the project directory '%s' does not exist", origin,
                         project);
    if (c->project == PROJECT_ARGUMENTS)
        flags |= PLAN_PROJECT;
    compute_bind(c, project, project, true, flags, RANK_TREE,
                 c->values->v[POLICY_FS_PROJECT].origin);
    return 0;
}

/* Shows the real entry points in the place of the stubs, and nothing that decides about the
 * sandbox. An installer may write the packages, but not the files that the host's Python reads at
 * its start. */
static void bind_venv(struct compute *c)
{
    const char *venv = c->venv->path;
    const char *origin = c->values->v[POLICY_FS_VENV].origin;
    const char *config = compute_join(c, venv, "pyvenv.cfg");
    uint32_t flags = c->installer ? PLAN_RW : 0;

    compute_bind(c, venv, venv, true, flags, RANK_VENV, origin);
    compute_bind(c, compute_join(c, venv, IN_SANDBOX(SANDBOX_BIN)), compute_join(c, venv, "bin"),
                 true, flags, RANK_VENV, origin);
    if (c->installer)
        compute_bind(c, config, config, false, 0, RANK_VENV, NULL);
    for (size_t i = 0; layout_private[i]; i++)
        compute_bind(c, NULL, compute_join(c, venv, layout_private[i]), true, 0, RANK_VENV, NULL);
}

int compute_host_paths(struct compute *c, struct err *err)
{
    int rc;

    bind_base(c);
    rc = bind_project(c, err);
    if (rc < 0)
        return rc;
    compute_areas(c);
    rc = compute_policy_paths(c, err);
    if (rc == 0)
        rc = compute_protection(c, err);
    if (rc < 0)
        return rc;
    bind_venv(c);
    rc = compute_mount_shares(c, err);
    return rc < 0 ? rc : link_names(c, err);
}
