/* Tells which line of the policy an installer's work outside the project would need to be of use.
 */
#include <unistd.h>

#include "svenv/base/log.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "session-internal.h"

static bool hint_has_file(const char *dir, const char *name)
{
    auto_free char *path = path_join(dir, name);

    return access(path, F_OK) == 0;
}

/* Is it a project that the command line names and that can be built: shown for this start,
 * read-only? */
static bool is_named_project(const struct plan_op *op)
{
    return op->kind == PLAN_BIND && !(op->flags & PLAN_RW) && op->origin &&
           str_starts(op->origin, "argument ") &&
           (hint_has_file(op->src, "pyproject.toml") || hint_has_file(op->src, "setup.py"));
}

static bool is_editable(const struct request *request)
{
    for (size_t i = 1; i < request->argc; i++) {
        if (str_eq(request->argv[i], "-e") || str_starts(request->argv[i], "--editable"))
            return true;
    }
    return false;
}

void hint_installer(const struct plan *plan, const struct request *request, bool succeeded)
{
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];

        if (!is_named_project(op))
            continue;
        if (!succeeded)
            log_line("'%s' was read-only for the installer; to let it build there, write "
                     "filesystem: {write: ['%s']} in '%s/sandbox/policy.yaml'",
                     op->src, op->src, request->venv);
        else if (is_editable(request))
            log_line("programs do not see '%s'; to show it to them, write "
                     "filesystem: {read: ['%s']} in '%s/sandbox/policy.yaml'",
                     op->src, op->src, request->venv);
    }
}
