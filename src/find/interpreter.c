/* Finds the interpreter of a venv. */
#include "discover-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

#include "svenv/find/site.h"
#include "svenv/find/stubs.h"

/* In the order in which tools ask for them. */
static const char *const usual_names[] = {"python", "python3", "pypy3", "pypy", "graalpy"};

/* Return, as the questions below: 1, 0, or negative errno when that could not be found out. */
static int interpreter_has_name(int bin, const char *name)
{
    struct stat st;

    return look_at(bin, name, false, &st);
}

/* Only python3.12 or the like is there: odd, but it works. */
static int any_interpreter(struct venv *venv, int bin, const char **out)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    const char *found = NULL;
    int rc = look_open_dir(bin, ".", 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        if (interpreter_is_name(entry->d_name) &&
            (found == NULL || strcmp(entry->d_name, found) < 0))
            found = arena_strdup(&venv->arena, entry->d_name);
    }
    *out = found;
    return rc < 0 ? rc : found != NULL;
}

static int interpreter_name(struct venv *venv, int bin, const char **out)
{
    for (size_t i = 0; i < ARRAY_SIZE(usual_names); i++) {
        int rc = interpreter_has_name(bin, usual_names[i]);

        if (rc != 0) {
            *out = usual_names[i];
            return rc;
        }
    }
    return any_interpreter(venv, bin, out);
}

static int is_program(const char *path)
{
    struct stat st;
    int rc = look_at(AT_FDCWD, path, true, &st);

    return rc > 0 ? S_ISREG(st.st_mode) && (st.st_mode & 0111) : rc;
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
        int rc = path != NULL ? is_program(path) : 0;

        if (rc > 0) {
            rc = chain_walk(venv, path, &venv->base_python);
            if (rc == 0)
                return 0;
        }
        if (rc < 0 && !look_is_answer(rc))
            return err_set(err, rc, "cannot look at '%s'", path);
    }
    return err_at(err, config, home_line, 0,
                  "home = %s has no Python: the one that made this virtualenv is gone, make it "
                  "again ('python3 -m venv --clear \"%s\"')",
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
                         "virtualenv is gone, make it again ('python3 -m venv --clear \"%s\"')",
                         path, real, venv->path);
    if (rc < 0)
        return err_set(err, -rc, "cannot follow '%s'", path);
    rc = is_program(real);
    if (rc < 0)
        return err_set(err, rc, "cannot look at '%s'", real);
    if (rc == 0)
        return err_plain(err, EINVAL, "'%s' leads to '%s', which is not a program", path, real);
    if (path_is_beneath(real, venv->path))
        return 1;
    venv->base_python = real;
    return 0;
}

static int is_stub(const struct venv *venv, const char *name, struct err *err)
{
    auto_stubs struct stubs stubs = {.count = 0};
    auto_site struct site site;
    struct stat st;
    int rc = site_open(&site, venv->path, err);

    if (rc == 0)
        rc = stubs_load(&stubs, &site, NULL, err);
    if (rc == -ENOENT) /* no stub is known */
        return 0;
    if (rc < 0)
        return rc;
    rc = look_at(site.bin, name, false, &st);
    if (rc > 0)
        rc = stubs_match(&stubs, site.bin, name, &st);
    return rc < 0 ? err_set(err, rc, "cannot look at '%s/bin/%s'", venv->path, name)
                  : rc != STUB_NONE;
}

/* The interpreter in bin is not the venv's own link: a stub, or gone. Without an earlier wrap there
 * is nothing better to go by. */
static int is_replaced(const struct venv *venv, int bin, const struct venv *old, struct err *err)
{
    int rc = interpreter_has_name(bin, venv->python);

    if (rc < 0)
        return err_set(err, rc, "cannot look at '%s/bin/%s'", venv->path, venv->python);
    if (rc == 0)
        return 1;
    return old != NULL ? is_stub(venv, venv->python, err) : 0;
}

/* Takes the interpreter that an earlier wrap recorded, while it still holds: pyvenv.cfg, which code
 * inside cannot change, names the same place, and the interpreter is still there. */
static int take_recorded(struct venv *venv, const struct venv *old, struct err *err)
{
    int rc = old != NULL && str_eq(old->home, venv->home) ? is_program(old->base_python) : 0;

    if (rc < 0)
        return err_set(err, rc, "cannot look at '%s'", old->base_python);
    if (rc == 0)
        return 0;
    for (size_t i = 0; i < old->need_count; i++) {
        if (old->needs[i].kind == VENV_NEED_SYMLINK)
            needs_add_link(venv, old->needs[i].path, old->needs[i].target);
    }
    venv->base_python = arena_strdup(&venv->arena, old->base_python);
    return 1;
}

static int find_base(struct venv *venv, int bin, const struct venv *old, unsigned home_line,
                     struct err *err)
{
    int rc = is_replaced(venv, bin, old, err);

    if (rc > 0) {
        rc = take_recorded(venv, old, err);
        rc = rc < 0 ? rc : !rc;
    } else if (rc == 0) {
        rc = follow_link(venv, err);
    }
    return rc == 1 ? find_in_home(venv, home_line, err) : rc;
}

int interpreter_find(struct venv *venv, int root, const struct venv *old, unsigned home_line,
                     struct err *err)
{
    auto_fd int bin = fd_open_beneath(root, "bin", O_RDONLY | O_DIRECTORY, 0);
    const char *home_real = NULL;
    int rc = 0;

    if (bin < 0)
        return err_set(err, -bin, "cannot open the directory '%s/bin'", venv->path);
    rc = interpreter_name(venv, bin, &venv->python);
    if (rc < 0)
        return err_set(err, rc, "cannot look for the interpreter in '%s/bin'", venv->path);
    if (venv->python == NULL && old != NULL)
        venv->python = arena_strdup(&venv->arena, old->python);
    if (venv->python == NULL)
        return err_plain(err, ENOENT, "'%s/bin' has no Python interpreter", venv->path);
    rc = find_base(venv, bin, old, home_line, err);
    if (rc < 0)
        return rc;
    /* CPython computes its paths from the text of `home`: its links have to be there too. */
    rc = chain_walk(venv, venv->home, &home_real);
    if (rc < 0 && !look_is_answer(rc))
        return err_set(err, rc, "cannot follow '%s'", venv->home);
    return 0;
}
