#include "discover-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/venv/venv.h"

#include "names-internal.h"
#include "site-internal.h"
#include "stubs-internal.h"

/* In the order in which tools ask for them. */
static const char *const usual_names[] = {"python", "python3", "pypy3", "pypy", "graalpy"};

static bool has_name(int bin, const char *name)
{
    struct stat st;

    return fstatat(bin, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Only python3.12 or the like is there: odd, but it works. */
static const char *any_interpreter(struct venv *venv, int bin)
{
    int fd = openat(bin, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    const char *found = NULL;

    if (stream == NULL) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    while ((entry = readdir(stream)) != NULL) {
        if (name_is_interpreter(entry->d_name) &&
            (found == NULL || strcmp(entry->d_name, found) < 0))
            found = arena_strdup(&venv->arena, entry->d_name);
    }
    closedir(stream);
    return found;
}

static const char *interpreter_name(struct venv *venv, int bin)
{
    for (size_t i = 0; i < ARRAY_SIZE(usual_names); i++) {
        if (has_name(bin, usual_names[i]))
            return usual_names[i];
    }
    return any_interpreter(venv, bin);
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* The interpreter in the directory `home`, by the names that CPython tries. */
static int find_in_home(struct venv *venv, unsigned home_line, struct err *err)
{
    auto_free char *config = path_join(venv->path, "pyvenv.cfg");
    const char *dot = venv->version != NULL ? strchr(venv->version, '.') : NULL;
    size_t minor = dot != NULL ? (size_t)(dot - venv->version) + 1 + strcspn(dot + 1, ".") : 0;
    const char *names[] = {
        minor > 0 ? arena_printf(&venv->arena, "python%.*s", (int)minor, venv->version) : NULL,
        venv->python,
        "python3",
        "python",
        "pypy3",
        "graalpy",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = names[i] != NULL ? path_join(venv->home, names[i]) : NULL;

        if (path == NULL || !is_program(path))
            continue;
        if (chain_walk(venv, path, &venv->base_python) == 0)
            return 0;
    }
    return err_at(err, config, home_line, 0,
                  "home = %s has no Python: the one that made this virtualenv is gone, make it "
                  "again ('python3 -m venv --clear %s')",
                  venv->home, venv->path);
}

/* Follows bin/python. Return: 1 when it ends in the venv itself (a copy), 0 with base_python set.
 */
static int follow_link(struct venv *venv, struct err *err)
{
    auto_free char *path = xasprintf("%s/bin/%s", venv->path, venv->python);
    const char *real = NULL;
    int rc = chain_walk(venv, path, &real);

    if (rc == -ENOENT || rc == -ENOTDIR)
        return err_plain(err, ENOENT,
                         "'%s' leads to '%s', which does not exist: the Python that made this "
                         "virtualenv is gone, make it again ('python3 -m venv --clear %s')",
                         path, real, venv->path);
    if (rc < 0)
        return err_set(err, -rc, "cannot follow '%s'", path);
    if (!is_program(real))
        return err_plain(err, EINVAL, "'%s' leads to '%s', which is not a program", path, real);
    if (path_is_beneath(real, venv->path))
        return 1;
    venv->base_python = real;
    return 0;
}

static bool is_stub(const struct venv *venv, const char *name)
{
    auto_stubs struct stubs stubs = {.count = 0};
    auto_site struct site site;
    struct stat st;

    if (site_open(&site, venv->path, NULL) < 0 || stubs_load(&stubs, &site, NULL, NULL) < 0)
        return false;
    return fstatat(site.bin, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           stubs_match(&stubs, site.bin, name, &st) != STUB_NONE;
}

/* Takes what an earlier wrap recorded, while it still holds: pyvenv.cfg, which code inside cannot
 * change, names the same place, and the interpreter is still there. */
static bool take_recorded(struct venv *venv, const struct venv *old)
{
    if (old == NULL || !str_eq(old->home, venv->home) || !is_program(old->base_python))
        return false;
    for (size_t i = 0; i < old->need_count; i++) {
        if (old->needs[i].kind == VENV_NEED_SYMLINK)
            needs_add_link(venv, old->needs[i].path, old->needs[i].target);
    }
    venv->base_python = arena_strdup(&venv->arena, old->base_python);
    return true;
}

int interpreter_find(struct venv *venv, int root, const struct venv *old, unsigned home_line,
                     struct err *err)
{
    auto_fd int bin = fd_open_beneath(root, "bin", O_RDONLY | O_DIRECTORY, 0);
    const char *home_real = NULL;
    int rc = 1;

    if (bin < 0)
        return err_set(err, -bin, "cannot open the directory '%s/bin'", venv->path);
    venv->python = interpreter_name(venv, bin);
    if (venv->python == NULL && old != NULL)
        venv->python = arena_strdup(&venv->arena, old->python);
    if (venv->python == NULL)
        return err_plain(err, ENOENT, "'%s/bin' has no Python interpreter", venv->path);
    if (is_stub(venv, venv->python) || !has_name(bin, venv->python))
        rc = take_recorded(venv, old) ? 0 : 1;
    else
        rc = follow_link(venv, err);
    if (rc == 1)
        rc = find_in_home(venv, home_line, err);
    /* CPython computes its paths from the text of `home`: its links have to be there too. */
    if (rc == 0)
        (void)chain_walk(venv, venv->home, &home_real);
    return rc;
}
