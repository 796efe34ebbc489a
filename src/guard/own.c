/* The venv itself while its programs run. Its directory, bin and `sandbox` are protected by mounts,
 * which lie on directories and not on names: when somebody replaces one of them on the host, the
 * programs may write what stands there now, and the host runs it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"

#include "guard-internal.h"

static const char *const part_names[GUARD_OWN_COUNT] = {
    [GUARD_OWN_VENV] = "",
    [GUARD_OWN_BIN] = "/bin",
    [GUARD_OWN_SANDBOX] = ("/" VENV_SANDBOX),
};

/* The widest tree of the host that programs may write and that holds the venv, or is it; NULL: no
 * such tree. */
static const char *writable_above(const struct plan *plan, const char *venv)
{
    const char *found = NULL;

    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];

        if (op->kind == PLAN_BIND && (op->flags & PLAN_RW) != 0 && op->src != NULL &&
            path_is_beneath(venv, op->src) && (found == NULL || strlen(op->src) < strlen(found)))
            found = op->src;
    }
    return found;
}

/* The name below the tree. "." is the tree itself. */
static bool own_path(const struct guard *guard, enum guard_own_part part, char path[PATH_MAX])
{
    const char *venv = guard->quarantine.venv + guard->own_venv.rel_at;
    int len = snprintf(path, PATH_MAX, "%s%s", *venv ? venv : ".", part_names[part]);

    return len < PATH_MAX;
}

void own_init(struct guard_own *own)
{
    *own = (struct guard_own){.top = -1};
    for (int i = 0; i < GUARD_OWN_COUNT; i++)
        own->parts[i] = -1;
}

int guard_own_begin(struct guard *guard, struct err *err)
{
    struct guard_own *own = &guard->own_venv;
    const char *venv = guard->quarantine.venv;
    const char *above = writable_above(guard->plan, venv);
    const char *rel = above ? path_relative_to(venv, above) : NULL;
    char path[PATH_MAX];

    if (rel == NULL)
        return 0;
    own->rel_at = (size_t)(rel - venv);
    own->top = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (own->top < 0)
        return err_set(err, errno, "cannot look at '%s'", above);
    for (int i = 0; i < GUARD_OWN_COUNT; i++) {
        own->parts[i] = own_path(guard, (enum guard_own_part)i, path)
                            ? fd_open_beneath(own->top, path, O_PATH | O_DIRECTORY, 0)
                            : -ENAMETOOLONG;
        if (own->parts[i] < 0)
            return err_set(err, -own->parts[i], "cannot look at '%s%s'", venv, part_names[i]);
    }
    return 0;
}

/* Its descriptor keeps the number of the first one from being given to another directory. A look
 * that fails says nothing good, but a program may have closed the way (EACCES), which nobody else
 * gets through then: it is tried again when permissions change.
 * Return: 1, 0, or -EACCES. */
static int own_is_same(const struct guard *guard, enum guard_own_part part)
{
    struct stat before, now;
    char path[PATH_MAX];

    if (!own_path(guard, part, path) || fstat(guard->own_venv.parts[part], &before) < 0)
        return 0;
    if (fstatat(guard->own_venv.top, path, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == EACCES ? -EACCES : 0;
    return now.st_dev == before.st_dev && now.st_ino == before.st_ino;
}

void own_check(struct guard *guard, bool ended)
{
    struct guard_report *report = guard->report;

    if (guard->own_venv.top < 0 || report->stop != GUARD_GOES_ON)
        return;
    for (int i = 0; i < GUARD_OWN_COUNT; i++) {
        int same = own_is_same(guard, (enum guard_own_part)i);

        guard->passed_by = guard->passed_by || same < 0;
        report->incomplete = report->incomplete || (same < 0 && ended);
        if (same != 0)
            continue;
        snprintf(report->lost, sizeof(report->lost), "%s%s", guard->quarantine.venv, part_names[i]);
        report->stop = GUARD_REPLACED;
        return;
    }
}

static void own_watch_at(const struct guard *guard, int dir)
{
    char proc[64];

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dir);
    (void)inotify_add_watch(guard->watch.fd, proc,
                            IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_MOVE_SELF |
                                IN_ATTRIB | IN_ONLYDIR | IN_MASK_ADD);
}

/* Where the kernel gives no watch, the sweeps and the last look come here, too. */
void own_watch(const struct guard *guard)
{
    const struct guard_own *own = &guard->own_venv;
    const char *rel = NULL;
    char path[PATH_MAX];

    if (own->top < 0 || guard->watch.fd < 0)
        return;
    own_watch_at(guard, own->top);
    rel = guard->quarantine.venv + own->rel_at;
    for (const char *slash = strchr(rel, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        auto_fd int dir = -1;

        snprintf(path, sizeof(path), "%.*s", (int)(slash - rel), rel);
        dir = fd_open_beneath(own->top, path, O_PATH | O_DIRECTORY, 0);
        if (dir >= 0)
            own_watch_at(guard, dir);
    }
    own_watch_at(guard, own->parts[GUARD_OWN_VENV]);
}
