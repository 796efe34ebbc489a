/* Finds the project that a venv belongs to. */
#include "discover-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

/* Places where tools keep virtualenvs that belong to no directory around them. Globs over the whole
 * path of the directory that holds the venv. */
static const struct {
    const char *pattern;
    const char *whose;
} many_venvs[] = {
    {"*/.virtualenvs", "virtualenvwrapper"},
    {"*/.venvs", "virtualenvs"},
    {"*/virtualenvs", "poetry or pipenv"},
    {"*/pipx/venvs", "pipx"},
    {"*/uv/tools", "uv"},
    {"*/uv/*-v?", "uv's cache"},
    {"*/hatch/env/*", "hatch"},
    {"*/.hatch", "hatch"},
    {"*/.tox", "tox"},
    {"*/.tox/*", "tox"},
    {"*/.nox", "nox"},
    {"*/.nox/*", "nox"},
    {"*/pre-commit/*", "pre-commit"},
    {"*/.pyenv/versions*", "pyenv"},
    {"*/pdm/venvs", "pdm"},
    {"*/rye/tools", "rye"},
    {"*/.conda/envs", "conda"},
};

/* Never anybody's project, wherever $HOME is. */
static const char *const system_dirs[] = {
    "/",      "/bin", "/boot", "/dev",       "/etc",     "/home", "/lib",     "/lib64",
    "/media", "/mnt", "/opt",  "/proc",      "/root",    "/run",  "/sbin",    "/srv",
    "/sys",   "/tmp", "/usr",  "/usr/local", "/usr/src", "/var",  "/var/lib", "/var/tmp",
};

/* Entries looked at before a directory counts as one with more in it than virtualenvs. */
#define SCAN_MAX 4096

static const char *kept_by_tool(struct venv *venv, const char *dir)
{
    for (size_t i = 0; i < ARRAY_SIZE(many_venvs); i++) {
        if (str_glob(many_venvs[i].pattern, dir))
            return arena_printf(&venv->arena, "'%s' is where %s keeps its environments", dir,
                                many_venvs[i].whose);
    }
    return NULL;
}

/* Two or more virtualenvs and nothing else but hidden names: a place for virtualenvs. (A new
 * project may well have .venv and .venv-3.13 and no file yet.) Return: 1, 0, or negative errno when
 * that could not be found out. */
static int holds_only_venvs(const char *dir)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    unsigned venvs = 0;
    int rc = look_open_dir(AT_FDCWD, dir, 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *config = path_join(entry->d_name, "pyvenv.cfg");
        struct stat st;
        int is_venv = 0;

        if (str_eq(entry->d_name, ".git"))
            return 0;
        if (entry->d_name[0] == '.')
            continue;
        is_venv = look_at(dirfd(stream), config, false, &st);
        if (is_venv <= 0)
            return is_venv;
        if (++venvs == SCAN_MAX)
            return 0;
    }
    return rc < 0 ? rc : venvs >= 2;
}

/* Return: 0 with the reason, or with NULL in its place, or negative errno. */
static int too_wide(struct venv *venv, const char *dir, const char *user_home, const char **out)
{
    struct stat st;
    int rc = 0;

    *out = NULL;
    if (str_eq(dir, user_home))
        *out = arena_printf(&venv->arena, "'%s' is your home directory", dir);
    else if (path_is_beneath(user_home, dir))
        *out = arena_printf(&venv->arena, "'%s' holds your home directory", dir);
    for (size_t i = 0; *out == NULL && i < ARRAY_SIZE(system_dirs); i++) {
        if (str_eq(dir, system_dirs[i]))
            *out = arena_printf(&venv->arena, "'%s' is a directory of the system", dir);
    }
    if (*out != NULL)
        return 0;
    rc = look_at(AT_FDCWD, dir, true, &st);
    if (rc > 0 && (st.st_mode & S_IWOTH))
        *out = arena_printf(&venv->arena, "'%s' can be written by everybody", dir);
    return rc < 0 ? rc : 0;
}

/* Why may `dir` not be the project? NULL: it may. Return: 0 or negative errno. */
static int find_objection(struct venv *venv, const char *dir, const char *user_home,
                          const char **out)
{
    int rc = too_wide(venv, dir, user_home, out);

    if (rc == 0 && *out == NULL)
        *out = kept_by_tool(venv, dir);
    if (rc < 0 || *out != NULL)
        return rc;
    rc = holds_only_venvs(dir);
    if (rc > 0)
        *out = arena_printf(&venv->arena, "'%s' is a directory of virtualenvs", dir);
    return rc < 0 ? rc : 0;
}

static void set_project(struct venv *venv, const char *named, const char *real)
{
    venv->project = arena_strdup(&venv->arena, real);
    venv->project_named = arena_strdup(&venv->arena, named);
}

/* The project that the user named: any directory but the home directory and those that hold it. */
static int take_named(struct venv *venv, const char *named, const char *user_home, struct err *err)
{
    auto_free char *cwd = getcwd(NULL, 0);
    auto_free char *real = NULL;
    auto_free char *absolute = NULL;
    struct stat st;

    if (cwd == NULL && named[0] != '/')
        return err_set(err, errno, "cannot tell the current directory");
    real = realpath(named, NULL);
    if (real == NULL)
        return err_set(err, errno, "cannot find the project '%s'", named);
    if (stat(real, &st) < 0)
        return err_set(err, errno, "cannot look at the project '%s'", named);
    if (!S_ISDIR(st.st_mode))
        return err_plain(err, ENOTDIR, "the project '%s' is not a directory", named);
    if (path_is_beneath(user_home, real))
        return err_plain(err, EPERM,
                         "'%s' cannot be the project: it is, or holds, your home directory", real);
    absolute = path_normalise(cwd != NULL ? cwd : "/", named);
    set_project(venv, absolute, real);
    return 0;
}

int project_find(struct venv *venv, const char *named, const char *user_home, struct err *err)
{
    auto_free char *parent = path_dirname(venv->named);
    auto_free char *real = NULL;
    int rc = 0;

    if (named != NULL)
        return take_named(venv, named, user_home, err);
    real = realpath(parent, NULL);
    if (real == NULL)
        return err_set(err, errno, "cannot find '%s'", parent);
    rc = find_objection(venv, real, user_home, &venv->project_reason);
    if (rc < 0)
        return err_set(err, rc, "cannot look at '%s'", real);
    /* When the directory was reached through a link, its other name may be the telling one. */
    if (venv->project_reason == NULL && !str_eq(parent, real))
        venv->project_reason = kept_by_tool(venv, parent);
    if (venv->project_reason == NULL)
        set_project(venv, parent, real);
    return 0;
}
