#include "discover-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/venv/venv.h"

/* Where tools keep virtualenvs that belong to no directory around them. Globs over the whole path
 * of the directory that holds the venv. */
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
 * project may well have .venv and .venv-3.13 and no file yet.) */
static bool holds_only_venvs(const char *dir)
{
    DIR *stream = opendir(dir);
    const struct dirent *entry = NULL;
    unsigned venvs = 0;
    unsigned seen = 0;
    bool only = stream != NULL;

    while (only && (entry = readdir(stream)) != NULL) {
        auto_free char *config = path_join(entry->d_name, "pyvenv.cfg");
        struct stat st;

        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
            continue;
        if (str_eq(entry->d_name, ".git"))
            only = false;
        else if (entry->d_name[0] == '.')
            continue;
        else if (fstatat(dirfd(stream), config, &st, AT_SYMLINK_NOFOLLOW) == 0)
            venvs++;
        else
            only = false;
        only = only && ++seen < SCAN_MAX;
    }
    if (stream != NULL)
        closedir(stream);
    return only && venvs >= 2;
}

static const char *too_wide(struct venv *venv, const char *dir, const char *user_home)
{
    struct stat st;

    if (str_eq(dir, user_home))
        return arena_printf(&venv->arena, "'%s' is your home directory", dir);
    if (path_is_beneath(user_home, dir))
        return arena_printf(&venv->arena, "'%s' holds your home directory", dir);
    for (size_t i = 0; i < ARRAY_SIZE(system_dirs); i++) {
        if (str_eq(dir, system_dirs[i]))
            return arena_printf(&venv->arena, "'%s' is a directory of the system", dir);
    }
    if (stat(dir, &st) == 0 && (st.st_mode & S_IWOTH))
        return arena_printf(&venv->arena, "'%s' can be written by everybody", dir);
    return NULL;
}

/* Why may `dir` not be the project? NULL: it may. */
static const char *find_objection(struct venv *venv, const char *dir, const char *user_home)
{
    const char *objection = too_wide(venv, dir, user_home);

    if (objection == NULL)
        objection = kept_by_tool(venv, dir);
    if (objection == NULL && holds_only_venvs(dir))
        objection = arena_printf(&venv->arena, "'%s' is a directory of virtualenvs", dir);
    return objection;
}

static void set_project(struct venv *venv, const char *named, const char *real)
{
    venv->project = arena_strdup(&venv->arena, real);
    venv->project_named = arena_strdup(&venv->arena, named);
}

/* The user's word: anything but the home directory and what holds it. */
static int take_named(struct venv *venv, const char *named, const char *user_home, struct err *err)
{
    auto_free char *real = realpath(named, NULL);
    auto_free char *cwd = getcwd(NULL, 0);
    auto_free char *absolute = NULL;
    struct stat st;

    if (real == NULL)
        return err_set(err, errno, "cannot find the project '%s'", named);
    if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode))
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

    if (named != NULL)
        return take_named(venv, named, user_home, err);
    real = realpath(parent, NULL);
    if (real == NULL)
        return err_set(err, errno, "cannot find '%s'", parent);
    venv->project_reason = find_objection(venv, real, user_home);
    /* Reached through a link, the directory's other name may be the telling one. */
    if (venv->project_reason == NULL && !str_eq(parent, real))
        venv->project_reason = kept_by_tool(venv, parent);
    if (venv->project_reason == NULL)
        set_project(venv, parent, real);
    return 0;
}
