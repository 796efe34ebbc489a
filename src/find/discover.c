/* Finds out what a venv is, without changing it. */
#include "svenv/find/venv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "discover-internal.h"

/* Return: 1, 0, or negative errno when that could not be found out. */
static int discover_same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    int rc = look_at(AT_FDCWD, a, true, &x);

    if (rc > 0)
        rc = look_at(AT_FDCWD, b, true, &y);
    return rc > 0 ? x.st_dev == y.st_dev && x.st_ino == y.st_ino : rc;
}

/* The name as given, made absolute. Cutting ".." after a link by the text would lead elsewhere, so
 * a name with both is replaced by its real path. */
static int set_paths(struct venv *venv, const char *path, struct err *err)
{
    auto_free char *cwd = getcwd(NULL, 0);
    auto_free char *real = NULL;
    auto_free char *named = NULL;
    int same = 0;

    if (cwd == NULL && path[0] != '/')
        return err_set(err, errno, "cannot tell the current directory");
    real = realpath(path, NULL);
    if (real == NULL && errno == ENOENT)
        return err_plain(err, ENOENT,
                         "no directory '%s': make the virtualenv first ('sandbox-venv create %s')",
                         path, path);
    if (real == NULL)
        return err_set(err, errno, "cannot find '%s'", path);
    named = path_normalise(cwd != NULL ? cwd : "/", path);
    same = discover_same_file(named, real);
    if (same < 0)
        return err_set(err, same, "cannot look at '%s'", path);
    venv->path = arena_strdup(&venv->arena, real);
    venv->named = arena_strdup(&venv->arena, same ? named : real);
    return 0;
}

static bool discover_has_file(int root, const char *path)
{
    struct stat st;

    return fstatat(root, path, &st, 0) == 0;
}

static int check_is_venv(const struct venv *venv, int root, struct err *err)
{
    if (discover_has_file(root, "pyvenv.cfg"))
        return 0;
    if (discover_has_file(root, "conda-meta"))
        return err_plain(err, EINVAL,
                         "'%s' is a conda environment, not a virtualenv: make one from its Python "
                         "('%s/bin/python -m venv DIR') and wrap that",
                         venv->path, venv->path);
    if (discover_has_file(root, ".venv/pyvenv.cfg"))
        return err_plain(err, EINVAL, "'%s' is not a virtualenv, but '%s/.venv' is", venv->path,
                         venv->path);
    return err_plain(err, EINVAL, "'%s' is not a virtualenv: it has no pyvenv.cfg", venv->path);
}

static int open_root(const struct venv *venv, struct err *err)
{
    int root = open(venv->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root >= 0)
        return root;
    if (errno == ENOTDIR)
        return err_plain(err, ENOTDIR, "'%s' is not a directory", venv->path);
    return err_set(err, errno, "cannot open '%s'", venv->path);
}

/* Reads the record of an earlier wrap. Return: 1, 0 when there was none, or negative errno with
 * *err. */
static int read_old(struct venv *old, const struct venv *venv, struct err *err)
{
    int rc = manifest_read(old, venv->path, err);

    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return err_wrap(err, "the manifest is not usable ('sandbox-venv unwrap' and wrap again)");
    return 1;
}

/* Without links, as it is compared with other paths. */
static int find_home(const char *home, char **real_out, struct err *err)
{
    int rc = look_real(home, real_out);

    return rc < 0 ? err_set(err, rc, "cannot find your home directory '%s'", home) : 0;
}

static int discover_inspect(struct venv *venv, const char *path, const char *project,
                            const char *home, struct err *err)
{
    auto_free char *home_real = NULL;
    auto_fd int root = -1;
    auto_venv struct venv old;
    int has_old = 0;
    unsigned line = 0;
    int rc = set_paths(venv, path, err);

    venv_init(&old);
    if (rc == 0)
        rc = find_home(home, &home_real, err);
    if (rc < 0)
        return rc;
    if (home_real != NULL)
        home = home_real;
    root = open_root(venv, err);
    if (root < 0)
        return root;
    rc = check_is_venv(venv, root, err);
    if (rc == 0)
        rc = has_old = read_old(&old, venv, err);
    if (rc >= 0)
        rc = config_read(venv, root, &line, err);
    if (rc == 0)
        rc = interpreter_find(venv, root, has_old ? &old : NULL, line, err);
    if (rc == 0)
        rc = prefix_find(venv, home, err);
    if (rc == 0)
        rc = project_find(venv, project, home, err);
    if (rc == 0)
        rc = index_find(venv, root, !has_old, err);
    if (rc < 0)
        return rc;
    needs_settle(venv);
    venv->tool_version = SVENV_VERSION;
    return 0;
}

int venv_inspect(struct venv *venv, const char *path, const char *project, const char *home,
                 struct err *err)
{
    struct venv found;
    int rc = 0;

    venv_init(&found);
    rc = discover_inspect(&found, path, project, home, err);
    if (rc < 0) {
        venv_finish(&found);
        return rc;
    }
    venv_finish(venv);
    *venv = found;
    return 0;
}
