/* Finds the prefix of the base interpreter, and the parts of it to be shown. */
#include "discover-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

/* bin/python3.12, bin/../lib/...: never farther up than this. */
#define LEVELS_MAX 3

/* Return, as the questions below: 1, 0, or negative errno when that could not be found out. */
static int is_stdlib(int lib, const char *name)
{
    static const char *const patterns[] = {"python3*", "python2*", "pypy*", "graalpy*"};
    static const char *const landmarks[] = {"os.py", "os.pyc"};
    bool fits = false;

    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        fits = fits || str_glob(patterns[i], name);
    for (size_t i = 0; fits && i < ARRAY_SIZE(landmarks); i++) {
        auto_free char *path = path_join(name, landmarks[i]);
        struct stat st;
        int rc = look_at(lib, path, true, &st);

        if (rc < 0 || (rc > 0 && S_ISREG(st.st_mode)))
            return rc;
    }
    return fits && str_glob("python*.zip", name);
}

/* Return: 0 or negative errno. */
typedef int found_fn(struct venv *venv, const char *path);

static int list_stdlibs(const char *lib, found_fn *found, struct venv *venv)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, lib, 0, &stream);
    int any = 0;

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *path = path_join(lib, entry->d_name);
        int is = is_stdlib(dirfd(stream), entry->d_name);
        int added = is > 0 && found != NULL ? found(venv, path) : 0;

        if (is < 0 || added < 0)
            return is < 0 ? is : added;
        any = any || is > 0;
    }
    return rc < 0 ? rc : any;
}

/* Calls `found` for each standard library in prefix/lib and prefix/lib64. Return: is there one? */
static int each_stdlib(const char *prefix, found_fn *found, struct venv *venv)
{
    static const char *const names[] = {"lib", "lib64"};
    int any = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *lib = path_join(prefix, names[i]);
        int rc = list_stdlibs(lib, found, venv);

        if (rc < 0)
            return rc;
        any = any || rc > 0;
    }
    return any;
}

/* As CPython: upwards from the interpreter until the standard library is found. */
static int search_up(struct venv *venv, const char **out)
{
    const char *dir = venv->base_python;

    for (int level = 0; level < LEVELS_MAX && !str_eq(dir, "/"); level++) {
        auto_free char *parent = path_dirname(dir);
        int rc = 0;

        dir = arena_strdup(&venv->arena, parent);
        rc = each_stdlib(dir, NULL, venv);
        if (rc != 0) {
            *out = dir;
            return rc;
        }
    }
    return 0;
}

/* Directories that a Python may be installed into together with everything else: only the parts
 * that belong to Python are shown. */
static bool is_shared(const char *prefix, const char *user_home)
{
    static const char *const below_home[] = {".local", "local", "usr", "opt"};

    if (str_eq(prefix, "/opt"))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(below_home); i++) {
        auto_free char *path = path_join(user_home, below_home[i]);

        if (str_eq(prefix, path))
            return true;
    }
    return false;
}

static int add_stdlib(struct venv *venv, const char *path)
{
    struct stat st;
    int rc = look_at(AT_FDCWD, path, true, &st);

    if (rc < 0)
        return rc;
    if (rc > 0 && S_ISDIR(st.st_mode))
        needs_add_dir(venv, path);
    else
        needs_add_file(venv, path);
    return 0;
}

/* prefix/lib/libpython3.12.so.1.0 and prefix/include/python3.12 */
static int add_matching(struct venv *venv, const char *dir, const char *pattern)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, dir, 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *path = path_join(dir, entry->d_name);
        const char *real = NULL;
        int walked = str_glob(pattern, entry->d_name) ? chain_walk(venv, path, &real) : -ENOENT;

        if (walked == 0)
            walked = add_stdlib(venv, real);
        if (walked < 0 && !look_is_answer(walked))
            return walked;
    }
    return rc;
}

static int prefix_add_parts(struct venv *venv, const char *prefix)
{
    auto_free char *lib = path_join(prefix, "lib");
    auto_free char *include = path_join(prefix, "include");
    int rc = 0;

    needs_add_file(venv, venv->base_python);
    rc = each_stdlib(prefix, add_stdlib, venv);
    if (rc >= 0)
        rc = add_matching(venv, lib, "libpython*.so*");
    return rc < 0 ? rc : add_matching(venv, include, "python*");
}

/* Package managers whose programs are spread over one tree per package, and find each other by
 * absolute path: the whole store is needed. */
static void add_store(struct venv *venv, const char *prefix)
{
    static const char *const stores[] = {"/nix/store", "/gnu/store"};
    const char *cellar = strstr(prefix, "/Cellar/");

    for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
        if (path_is_beneath(prefix, stores[i]))
            needs_add_dir(venv, stores[i]);
    }
    if (cellar != NULL && cellar != prefix)
        needs_add_dir(venv, arena_strndup(&venv->arena, prefix, (size_t)(cellar - prefix)));
}

static int check_dirs(const struct venv *venv, const char *user_home, struct err *err)
{
    for (size_t i = 0; i < venv->need_count; i++) {
        const char *path = venv->needs[i].path;

        if (venv->needs[i].kind == VENV_NEED_DIR && path_is_beneath(user_home, path))
            return err_plain(err, EPERM,
                             "the base Python '%s' lies in '%s', and showing that would show your "
                             "home directory: use a Python with a directory of its own",
                             venv->base_python, path);
    }
    return 0;
}

int prefix_find(struct venv *venv, const char *user_home, struct err *err)
{
    const char *prefix = NULL;
    int rc = search_up(venv, &prefix);

    if (rc < 0)
        return err_set(err, rc, "cannot look for the standard library of '%s'", venv->base_python);
    if (prefix == NULL)
        return err_plain(err, ENOENT,
                         "cannot find the standard library of '%s' (lib/pythonX.Y/os.py in a "
                         "directory above it): is it a launcher script? Make the virtualenv with "
                         "the real interpreter",
                         venv->base_python);
    venv->base_prefix = prefix;
    if (is_shared(prefix, user_home)) {
        rc = prefix_add_parts(venv, prefix);
        return rc < 0 ? err_set(err, rc, "cannot look for the parts of Python in '%s'", prefix) : 0;
    }
    needs_add_dir(venv, prefix);
    if (!path_is_beneath(venv->base_python, prefix))
        needs_add_file(venv, venv->base_python);
    add_store(venv, prefix);
    return check_dirs(venv, user_home, err);
}
