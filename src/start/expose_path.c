/* How much of the host one named path stands for: itself, or the tree that code needs to run. */
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

#define PACKAGE_DEPTH_MAX 16
#define WHEEL_DEPTH_MAX 4

/* Folders of editors that have one folder per extension in `extensions`. */
static const char *const editors[] = {
    ".vscode*",   ".cursor*", ".windsurf*", ".vscodium*",
    ".positron*", ".trae*",   ".kiro*",     "code-server*",
};

void expose_add(struct completion *c, const char *path, bool directory, bool rw, const char *origin)
{
    struct exposure *one = arena_push(c->arena, &c->shown, &c->shown_count, sizeof(*one));

    *one = (struct exposure){
        .path = path, .directory = directory, .rw = rw, .origin = origin, .variable = c->variable};
}

/* --- roots: how much of a tree code needs -------------------------------------------------------
 */

/* <editor>/extensions/<extension>, when `path` lies in one. */
static const char *extension_root(const struct completion *c, const char *path)
{
    static const char marker[] = "/extensions/";
    const char *at = strstr(path, marker);

    for (; at != NULL; at = strstr(at + 1, marker)) {
        const char *folder = arena_strndup(c->arena, path, (size_t)(at - path));
        const char *name = at + sizeof(marker) - 1;
        size_t len = strcspn(name, "/");

        for (size_t i = 0; i < ARRAY_SIZE(editors) && len > 0; i++) {
            if (str_glob(editors[i], path_basename(folder)))
                return arena_strndup(c->arena, path, (size_t)(name + len - path));
        }
    }
    return NULL;
}

/* The nearest directory of that name at or above `path`. */
static const char *named_ancestor(const struct completion *c, const char *path, const char *name)
{
    while (path[1] != '\0') {
        if (str_eq(path_basename(path), name))
            return path;
        path = resolve_dirname(c, path);
    }
    return NULL;
}

/* The outermost directory of the package that `directory` belongs to; NULL: none. */
static const char *package_root(struct completion *c, const char *directory)
{
    const char *root = NULL;

    for (unsigned depth = 0; depth < PACKAGE_DEPTH_MAX && directory[1] != '\0'; depth++) {
        const char *mark = arena_printf(c->arena, "%s/__init__.py", directory);

        if (resolve_kind(c, mark) != PATH_FILE)
            break;
        root = directory;
        directory = resolve_dirname(c, directory);
    }
    return root;
}

static const char *script_root(struct completion *c, const char *script, bool directory)
{
    const char *beside = directory ? script : resolve_dirname(c, script);
    const char *root = extension_root(c, script);

    if (root == NULL)
        root = named_ancestor(c, beside, "helpers");
    if (root == NULL)
        root = package_root(c, beside);
    return root != NULL ? root : beside;
}

/* --- showing ------------------------------------------------------------------------------------
 */

static void expose_self(struct completion *c, const char *path, bool rw, const char *origin)
{
    const char *real = resolve_path(c, path);
    enum path_kind kind = real != NULL ? resolve_kind(c, real) : PATH_ABSENT;
    const char *root = NULL;

    if (kind != PATH_FILE && kind != PATH_DIR && kind != PATH_FIFO)
        return;
    root = extension_root(c, real);
    if (root != NULL && !str_eq(root, real))
        expose_add(c, root, true, false, origin);
    if (root == NULL || rw)
        expose_add(c, real, kind == PATH_DIR, rw, origin);
    else if (str_eq(root, real))
        expose_add(c, real, kind == PATH_DIR, false, origin);
}

/* "<wheel>/pip": the script lies in a file. */
static void expose_wheel(struct completion *c, const char *path, const char *origin)
{
    for (unsigned depth = 0; depth < WHEEL_DEPTH_MAX && path[1] != '\0'; depth++) {
        const char *real = resolve_path(c, path);

        if (real != NULL && resolve_kind(c, real) == PATH_FILE)
            expose_add(c, real, false, false, origin);
        if (real != NULL)
            return;
        path = resolve_dirname(c, path);
    }
}

static void expose_script(struct completion *c, const char *path, const char *origin)
{
    const char *real = resolve_path(c, path);
    enum path_kind kind = real != NULL ? resolve_kind(c, real) : PATH_ABSENT;
    const char *root = NULL;

    if (real == NULL) {
        expose_wheel(c, resolve_dirname(c, path), origin);
        return;
    }
    if (kind != PATH_FILE && kind != PATH_DIR && kind != PATH_FIFO)
        return;
    root = kind == PATH_FIFO ? real : script_root(c, real, kind == PATH_DIR);
    if (kind == PATH_FILE && !deny_path(c, real, false) && !deny_path(c, root, true))
        expose_add(c, root, true, false, origin);
    else if (kind == PATH_DIR)
        expose_add(c, root, true, false, origin);
    else
        expose_add(c, real, false, false, origin);
}

static void expose_parent(struct completion *c, const char *path, bool rw, const char *origin)
{
    const char *real = resolve_path(c, resolve_dirname(c, path));

    if (real != NULL && resolve_kind(c, real) == PATH_DIR)
        expose_add(c, real, true, rw, origin);
}

/* A program reads or writes what is shown as a pipe: a file or directory of that name would be
 * given to it whole. */
static void expose_pipe(struct completion *c, const char *path, bool rw, const char *origin)
{
    const char *real = resolve_path(c, path);
    enum path_kind kind = real != NULL ? resolve_kind(c, real) : PATH_ABSENT;

    if (kind == PATH_FIFO || kind == PATH_SOCKET)
        expose_add(c, real, false, rw, origin);
}

void expose_path(struct completion *c, const char *path, const char *text, enum show how, bool rw,
                 const char *origin)
{
    if (tree_is_settled(&c->tree, path))
        return;
    switch (how) {
    case EXPOSE_SELF:
        expose_self(c, text, rw, origin);
        break;
    case EXPOSE_SCRIPT:
        expose_script(c, text[0] == '/' ? text : path, origin);
        break;
    case EXPOSE_PARENT:
        expose_parent(c, path, rw, origin);
        break;
    case EXPOSE_PIPE:
        expose_pipe(c, text, rw, origin);
        break;
    }
}
