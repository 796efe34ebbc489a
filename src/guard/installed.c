/* Takes away names in the venv that tools of the host would obey: those that an installer left, and
 * those at the tops of directories that are private to programs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"
#include "svenv/git/harmless.h"

#include "guard-internal.h"

void guard_take_from_venv(const char *venv, int top, const struct strv *names, const char *who)
{
    struct guard_report report = {.count = 0};
    char more[32] = "";
    struct quarantine quarantine = {.venv = venv, .of_venv = true, .dir = -1, .report = &report};

    for (size_t i = 0; i < names->count; i++) {
        if (quarantine_take(&quarantine, top, names->items[i]) < 0)
            report.failed = true;
    }
    if (quarantine.dir >= 0)
        close(quarantine.dir);
    if (report.count > 1)
        snprintf(more, sizeof(more), " and %zu more", report.count - 1);
    if (report.count > 0)
        log_line("programs on the host obey '%s'%s, which %s left in '%s': moved to "
                 "'sandbox/quarantine/%s'",
                 report.taken[0].rel, more, who, venv, report.stamp);
    if (report.stuck > 0)
        log_line("not all of it could be moved: the rest is in '%s', as '" NAME_TAKEN "...'", venv);
    if (report.failed)
        log_line("something that %s left in '%s' and that programs on the host obey "
                 "cannot be moved away: see 'sandbox-venv log'",
                 who, venv);
}

/* A look that failed is no "nothing there". */
static bool private_has(int dir, const char *name)
{
    struct stat st;

    return look_at(dir, name, false, &st) != 0;
}

/* A repository that runs nothing may be a program's own: of its dot-files, say. */
static bool is_armed(int dir)
{
    auto_fd int git = fd_open_beneath(dir, REPOSITORY_DOT_GIT, O_RDONLY | O_DIRECTORY, 0);

    return private_has(dir, REPOSITORY_DOT_GIT) && (git < 0 || !git_is_harmless(git, 1));
}

/* Programs keep settings of their own there that are called as those of editors are, so only these
 * are taken: git and direnv run them wherever their user goes. */
static void private_look(int top, const char *rel, struct strv *names)
{
    auto_fd int dir = fd_open_beneath(top, rel, O_PATH | O_DIRECTORY, 0);

    if (dir < 0 && dir != -ENOENT)
        log_line("cannot look for names that programs on the host obey in '%s'", rel);
    if (dir < 0)
        return;
    if (private_has(dir, ".envrc"))
        strv_take(names, path_join(rel, ".envrc"));
    if (is_armed(dir))
        strv_take(names, path_join(rel, REPOSITORY_DOT_GIT));
    if (repository_at(dir) != 0 && !git_is_harmless(dir, 1))
        strv_take(names, path_join(rel, REPOSITORY_HEAD_NAME));
}

void guard_take_from_private(const struct guard *guard)
{
    const char *venv = guard->quarantine.venv;
    auto_fd int top = open(venv, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_strv struct strv names = {0};

    for (size_t i = 0; top >= 0 && i < guard->plan->op_count; i++) {
        const struct plan_op *op = &guard->plan->ops[i];

        if (op->kind == PLAN_BIND && (op->flags & PLAN_OWN) && (op->flags & PLAN_RW) &&
            !str_eq(op->src, venv) && path_is_beneath(op->src, venv))
            private_look(top, path_relative_to(op->src, venv), &names);
    }
    if (names.count > 0)
        guard_take_from_venv(venv, top, &names, "programs");
}
