/* The host's paths that a base interpreter needs inside. */
#include "discover-internal.h"

#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

/* Every sandbox shows these, so nothing below them has to be asked for. /etc/alternatives is copied
 * into the made /etc. */
static const char *const system_trees[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives",
};

/* Is the path part of the system, or of the venv itself? */
static bool needs_is_shown(const struct venv *venv, const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(system_trees); i++) {
        if (path_is_beneath(path, system_trees[i]))
            return true;
    }
    return path_is_beneath(path, venv->path);
}

static void needs_add(struct venv *venv, enum venv_need_kind kind, const char *path,
                      const char *target)
{
    struct venv_need *need = NULL;

    if (needs_is_shown(venv, path))
        return;
    need = arena_push(&venv->arena, &venv->needs, &venv->need_count, sizeof(*need));
    need->kind = kind;
    need->path = arena_strdup(&venv->arena, path);
    need->target = target != NULL ? arena_strdup(&venv->arena, target) : NULL;
}

void needs_add_dir(struct venv *venv, const char *path)
{
    needs_add(venv, VENV_NEED_DIR, path, NULL);
}

void needs_add_file(struct venv *venv, const char *path)
{
    needs_add(venv, VENV_NEED_FILE, path, NULL);
}

void needs_add_link(struct venv *venv, const char *path, const char *target)
{
    needs_add(venv, VENV_NEED_SYMLINK, path, target);
}

static int compare_needs(const void *a, const void *b)
{
    return strcmp(((const struct venv_need *)a)->path, ((const struct venv_need *)b)->path);
}

static bool needs_is_covered(const struct venv_need *kept, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(kept[i].path, path) ||
            (kept[i].kind == VENV_NEED_DIR && path_is_beneath(path, kept[i].path)))
            return true;
    }
    return false;
}

void needs_settle(struct venv *venv)
{
    size_t kept = 0;

    if (venv->need_count == 0)
        return;
    /* A directory sorts before what lies in it. */
    qsort(venv->needs, venv->need_count, sizeof(*venv->needs), compare_needs);
    for (size_t i = 0; i < venv->need_count; i++) {
        if (!needs_is_covered(venv->needs, kept, venv->needs[i].path))
            venv->needs[kept++] = venv->needs[i];
    }
    venv->need_count = kept;
}
