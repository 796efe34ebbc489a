/* The paths that no command line and no variable may show. */
#include "svenv/base/danger.h"
#include "svenv/base/path.h"

#include "start-internal.h"

/* Paths that a shown directory must not hold: it would show more than it says, or cover something
 * that is there. */
static bool holds_own(const struct completion *c, const char *path)
{
    const char *own[] = {c->file->venv, c->file->project, c->file->home, c->file->temp_base};

    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (own[i] != NULL && path_is_beneath(own[i], path))
            return true;
    }
    return tree_holds(&c->tree, path, false);
}

/* The log lies in a directory of its own, wherever that is. */
static bool is_audit_log(const struct completion *c, const char *path, bool directory)
{
    const char *log = c->compiled->audit_log;

    return log != NULL && ((directory && path_is_beneath(log, path)) ||
                           path_is_beneath(path, resolve_dirname(c, log)));
}

const char *deny_reason(const struct completion *c, const char *path, bool directory, bool rw)
{
    unsigned uses = DANGER_NAMED | (directory ? (unsigned)DANGER_NAMED_DIR : 0) |
                    (rw ? (unsigned)DANGER_NAMED_RW : 0);
    const char *why = danger_reason(path, c->file->home, uses);

    if (why == NULL && is_audit_log(c, path, directory))
        why = "the audit log lies there";
    if (why == NULL && directory && holds_own(c, path))
        why = "it holds your home, the project, or a part of the sandbox";
    if (why != NULL)
        return arena_printf(c->arena, "never shown: %s", why);
    return tree_hides(&c->tree, path) ? "hidden by the policy" : NULL;
}

bool deny_path(const struct completion *c, const char *path, bool directory)
{
    return deny_reason(c, path, directory, false) != NULL;
}
