/* Looks through the project for names that appeared, and decides what becomes of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/sys/syscalls.h"

#include "guard-internal.h"

enum {
    NEW_MAX = 262144, /* directories that a program made, of one sweep */
    DEPTH_MAX = 48
};

struct visit {
    struct guard *guard;
    unsigned depth;
    bool ended;
    bool fresh;    /* the directory was made since the program began */
    bool still;    /* no name came into it since then: one above it was moved */
    bool venv;     /* a program made it, and may find its byte code again in its packages */
    bool packages; /* of such a venv */
    bool found;    /* something was taken or removed: to be looked at again */
    bool unknown;  /* a new directory is in it, which the plan does not know */
};

static void sweep_take(struct visit *visit, const char *rel)
{
    struct guard *guard = visit->guard;

    visit->found = true;
    if (!visit->ended && turn_is_anothers(guard))
        return;
    guard_take(guard, rel, visit->ended);
}

/* A name of the user's stays (judge.c). */
static void sweep_judge(struct visit *visit, const char *rel)
{
    if (!guard_keeps(visit->guard, rel, false))
        sweep_take(visit, rel);
}

/* --- byte code ---------------------------------------------------------------------------------
 */

/* Python reads NAME.TAG.pyc and writes it under that name and a number first. */
static bool is_bytecode(const char *name)
{
    return str_ends(name, ".pyc") || strstr(name, ".pyc.") != NULL;
}

/* Python puts only files there, so a directory is to keep something from being looked at. */
static void take_out_of_place(struct visit *visit, const char *name, bool directory)
{
    struct guard *guard = visit->guard;
    int before = scan_path_add(&guard->path, name);

    if (before < 0) {
        guard->report->incomplete = true;
        return;
    }
    if (directory || plan_obeyed_find(guard->plan->obeyed, guard->plan->obeyed_count,
                                      guard->path.text, name) != NULL) {
        visit->found = true;
        guard_take_all(guard, guard->path.text);
    }
    scan_path_cut(&guard->path, before);
}

static int clean_name(void *context, int dir, const char *name, bool directory)
{
    struct visit *visit = context;
    bool bytecode = !directory && is_bytecode(name);
    struct stat st;

    if ((bytecode && visit->packages) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !guard_is_new(visit->guard, &st))
        return 0;
    if (!bytecode) {
        take_out_of_place(visit, name, directory);
        return 0;
    }
    visit->found = true;
    if (unlinkat(dir, name, 0) < 0)
        visit->guard->report->failed = true;
    return 0;
}

/* Reports a directory that could not be looked through. No report when it is gone or exchanged, and
 * one that is closed to us is looked at again when permissions change (watch_look_again()). After
 * any other error the user is told that something may be left. */
static int looked(struct guard *guard, int fd)
{
    guard->passed_by = guard->passed_by || fd == -EACCES;
    if (fd < 0 && fd != -EXDEV && !look_is_answer(fd))
        guard->report->incomplete = true;
    return fd;
}

/* Opens a directory to list it. A new one that a program has closed gets the permissions `mode`. */
static int open_closed(struct guard *guard, int parent, const char *name, int access, mode_t mode)
{
    auto_fd int dir = fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
    bool closed = dir == -EACCES || (dir >= 0 && faccessat(dir, ".", access, 0) < 0);
    struct stat st;

    if (closed && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        guard_is_new(guard, &st)) {
        if (dir >= 0)
            close(dir);
        dir = scan_open_forcibly(parent, name, mode);
    }
    return looked(guard, steal_fd(&dir));
}

int guard_open(struct guard *guard, int parent, const char *name)
{
    int dir = open_closed(guard, parent, name, X_OK, S_IRUSR | S_IXUSR);

    if (dir == -EACCES) /* another user's */
        guard->report->incomplete = true;
    return dir;
}

/* A host's Python would run it for source that looks unchanged (docs/SECURITY.md, C28). Files that
 * were there before and are the same stay; a link in the directory's place goes. */
static void clean_bytecode(struct visit *visit, int parent, const char *name)
{
    auto_fd int dir = open_closed(visit->guard, parent, name, W_OK | X_OK, S_IRWXU);
    struct stat st;

    if (dir < 0) {
        if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && guard_is_new(visit->guard, &st))
            sweep_take(visit, visit->guard->path.text);
        return;
    }
    if (scan_names(dir, clean_name, visit) < 0)
        visit->guard->report->incomplete = true;
    if (visit->found)
        unlinkat(parent, name, AT_REMOVEDIR); /* when it is empty */
}

/* --- directories -------------------------------------------------------------------------------
 */

/* Is it the user's name, as far as anybody can say? One that nobody can look at is left, and looked
 * at again when permissions change. */
static bool sweep_stays(struct visit *visit, const char *rel)
{
    struct guard *guard = visit->guard;
    int stays = present_stays(guard, rel);

    guard->passed_by = guard->passed_by || stays < 0;
    guard->report->incomplete = guard->report->incomplete || (stays < 0 && visit->ended);
    return stays != 0;
}

static void sweep_apply(struct visit *visit, int dir, const char *name,
                        const struct plan_obeyed *found)
{
    struct guard *guard = visit->guard;
    const char *rel = guard->path.text;

    switch (found->action) {
    case PLAN_OBEYED_BYTECODE:
        if (visit->ended)
            clean_bytecode(visit, dir, name);
        break;
    case PLAN_OBEYED_TAKE:
        if (!sweep_stays(visit, rel) && !venvs_is_users(guard, rel))
            sweep_judge(visit, rel);
        break;
    case PLAN_OBEYED_HIDE:
        if (sweep_stays(visit, rel))
            break;
        if (!visit->ended)
            present_cover_again(guard, rel, true);
        if (plan_obeyed_takes(guard->plan->obeyed, guard->plan->obeyed_count, rel, name))
            sweep_judge(visit, rel);
        break;
    case PLAN_OBEYED__COUNT:
        break;
    }
}

/* Something that could not be moved to the quarantine while the program was there. */
static bool is_left(const struct guard *guard, int dir, const char *name)
{
    struct stat st;

    return str_starts(name, NAME_TAKEN) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           guard_is_new(guard, &st);
}

static int see_name(void *context, int dir, const char *name, bool directory)
{
    struct visit *visit = context;
    struct guard *guard = visit->guard;
    int before = scan_path_add(&visit->guard->path, name);
    const struct plan_obeyed *found = NULL;

    if (before < 0) {
        guard->report->incomplete = true;
        return 0;
    }
    found = plan_obeyed_find(guard->plan->obeyed, guard->plan->obeyed_count,
                             visit->guard->path.text, name);
    if (visit->still && found != NULL && !found->deep && found->action != PLAN_OBEYED_BYTECODE)
        found = NULL;
    if (found != NULL)
        sweep_apply(visit, dir, name, found);
    else if (!directory && link_leads_around(guard, dir, name))
        sweep_judge(visit, guard->path.text);
    else if (visit->ended && is_left(guard, dir, name))
        (void)quarantine_take(&guard->quarantine, guard->seen.top, guard->path.text);
    scan_path_cut(&visit->guard->path, before);
    return 0;
}

static void visit_directory(struct visit *visit, int dir);

/* Did a program make the directory, or move it there? */
static bool was_made_now(const struct guard *guard, int dir)
{
    struct stat st;

    return fstat(dir, &st) == 0 && guard_is_new(guard, &st);
}

/* While it runs, a program may have its reasons to close what it made, and nobody else gets into
 * that. One that can be passed through without being listed hides names that tools ask for. */
static int open_beside(struct guard *guard, int parent, const char *name)
{
    auto_fd int dir = looked(guard, fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0));
    struct stat st;

    if (dir == -EACCES && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        (st.st_mode & S_IXUSR) != 0)
        return guard_open(guard, parent, name);
    return steal_fd(&dir);
}

/* Does the plan protect what was at the guard's path? */
static bool protects(const struct guard *guard)
{
    return present_mount(guard, guard->path.text) != NULL;
}

/* Only new directories are unknown to the plan, and those that came with one that was moved. */
static void enter(struct visit *visit, int parent, const char *name)
{
    struct guard *guard = visit->guard;
    struct visit inner = {.guard = guard, .depth = visit->depth + 1, .ended = visit->ended};
    auto_fd int dir = -1;

    inner.packages = visit->packages || (visit->venv && layout_is_packages(name));
    dir = visit->ended ? guard_open(guard, parent, name) : open_beside(guard, parent, name);
    if (dir < 0)
        return;
    inner.fresh = was_made_now(guard, dir);
    inner.still = !inner.fresh;
    visit->unknown = true;
    if (venvs_close(guard, dir, protects(guard)))
        return;
    if (visit->depth == DEPTH_MAX || guard->left_over == 0) {
        guard->report->incomplete = true;
        if (visit->ended) /* nobody knows what is in it */
            guard_take_all(guard, guard->path.text);
        return;
    }
    guard->left_over--;
    watch_add(guard, dir, guard->path.text);
    visit_directory(&inner, dir);
    visit->found = visit->found || inner.found;
}

/* Is it a directory that the plan knows, and not another in its place? */
static bool is_place(const struct guard *guard, const char *rel)
{
    const struct plan_seen *entry = plan_find_seen(guard->seen.file, rel);

    return entry != NULL && (entry->ino == 0 || seen_look(&guard->seen, entry, NULL) == SEEN_SAME);
}

static int enter_name(void *context, int dir, const char *name, bool directory)
{
    struct visit *visit = context;
    const struct guard *guard = visit->guard;
    int before = 0;

    if (!directory)
        return 0;
    before = scan_path_add(&visit->guard->path, name);
    if (before < 0)
        return 0;
    if (!is_place(guard, visit->guard->path.text) &&
        plan_obeyed_find(guard->plan->obeyed, guard->plan->obeyed_count, visit->guard->path.text,
                         name) == NULL)
        enter(visit, dir, name);
    scan_path_cut(&visit->guard->path, before);
    return 0;
}

/* A repository without .git obeys its configuration, too (docs/SECURITY.md, C24). A directory that
 * was in the project before keeps its files: without HEAD it is no repository. A directory that was
 * a repository before, and is not protected as a whole, has a HEAD that is known. */
static void take_repository(struct visit *visit)
{
    int before = (int)visit->guard->path.len;

    if (visit->fresh && before > 0) {
        sweep_judge(visit, visit->guard->path.text);
    } else if (scan_path_add(&visit->guard->path, REPOSITORY_HEAD_NAME) >= 0) {
        if (!sweep_stays(visit, visit->guard->path.text))
            sweep_take(visit, visit->guard->path.text);
        scan_path_cut(&visit->guard->path, before);
    }
}

static void visit_repository(struct visit *visit, int dir)
{
    struct guard *guard = visit->guard;
    bool takes = plan_takes_repositories(guard->plan->obeyed, guard->plan->obeyed_count);
    int repository = takes ? repository_at(dir) : 0;

    guard->report->incomplete = guard->report->incomplete || repository < 0;
    if (repository > 0)
        take_repository(visit);
}

/* In a directory with more names than are read, those that are obeyed are asked for. */
static void ask_names(struct visit *visit, int dir)
{
    const struct plan *plan = visit->guard->plan;
    struct stat st;

    for (size_t i = 0; i < plan->obeyed_count; i++) {
        const struct plan_obeyed *obeyed = &plan->obeyed[i];

        if (obeyed->anywhere && strpbrk(obeyed->pattern, "*?\\") == NULL &&
            look_at(dir, obeyed->pattern, false, &st) > 0)
            (void)see_name(visit, dir, obeyed->pattern, S_ISDIR(st.st_mode));
    }
}

static void visit_directory(struct visit *visit, int dir)
{
    struct guard *guard = visit->guard;
    int venv = scan_venv(dir);
    int named = 0;

    if (venv > 0 && !visit->ended && guard->path.len > 0 && venvs_cover(guard, dir))
        return;
    named = scan_names(dir, see_name, visit);
    if (named < 0 || venv < 0)
        guard->report->incomplete = true;
    if (named == -EOVERFLOW)
        ask_names(visit, dir);
    if (venv > 0 && visit->ended && !visit->still && guard->path.len > 0)
        venvs_record(guard, dir);
    visit->venv = visit->venv || (venv > 0 && visit->fresh);
    if (!visit->still)
        visit_repository(visit, dir);
    if (scan_names(dir, enter_name, visit) < 0)
        guard->report->incomplete = true;
}

static int sweep_open_seen(struct guard *guard, const struct plan_seen *entry, struct visit *visit)
{
    *visit = (struct visit){.guard = guard,
                            .venv = entry->kind == PLAN_SEEN_VENV,
                            .packages = entry->kind == PLAN_SEEN_PACKAGES};
    scan_path_cut(&guard->path, 0);
    if (*entry->rel && scan_path_add(&guard->path, entry->rel) < 0)
        return -ENAMETOOLONG;
    return guard_open(guard, guard->seen.top, *entry->rel ? entry->rel : ".");
}

/* Looked at twice when something was taken: only a look that finds nothing lets a time stand. */
static void sweep_watched(struct guard *guard, const struct gather *gather, size_t index,
                          bool ended)
{
    const struct plan_seen *entry = &guard->seen.file->seen[index];
    struct visit visit = {.found = true};

    for (int round = 0; visit.found && round < 3; round++) {
        int64_t ctime_ns = 0;
        enum seen_state state = round == 0 ? gather_look(gather, index, &ctime_ns)
                                           : seen_look(&guard->seen, entry, &ctime_ns);
        auto_fd int dir = -1;

        guard->passed_by = guard->passed_by || state == SEEN_UNKNOWN;
        guard->report->incomplete = guard->report->incomplete || (state == SEEN_UNKNOWN && ended);
        if (state != SEEN_SAME || (round == 0 && ctime_ns == guard->seen.ctimes_ns[index]))
            return;
        dir = sweep_open_seen(guard, entry, &visit);
        if (dir < 0)
            return;
        visit.ended = ended;
        visit_directory(&visit, dir);
        if (!ended)
            return;
        guard->seen.ctimes_ns[index] = visit.found || visit.unknown ? 0 : ctime_ns;
        guard->seen.changed = true;
    }
}

/* Its mark may have been written anew in place, which the directory's times do not tell. */
static void sweep_venv(struct guard *guard, const struct plan_seen *entry)
{
    struct visit visit;
    auto_fd int dir = -1;

    if (seen_look(&guard->seen, entry, NULL) != SEEN_SAME)
        return;
    dir = sweep_open_seen(guard, entry, &visit);
    if (dir >= 0)
        venvs_record(guard, dir);
}

static void sweep_bytecode(struct guard *guard, const struct plan_seen *entry)
{
    struct visit visit;
    const char *name = path_basename(entry->rel);
    const struct plan_seen *holder = NULL;
    char above[PATH_MAX];
    auto_fd int parent = -1;
    auto_fd int dir = sweep_open_seen(guard, entry, &visit);

    snprintf(above, sizeof(above), "%.*s", name == entry->rel ? 1 : (int)(name - entry->rel - 1),
             name == entry->rel ? "." : entry->rel);
    holder = plan_find_seen(guard->seen.file, above);
    visit.packages = holder != NULL && holder->kind == PLAN_SEEN_PACKAGES;
    parent = looked(guard, fd_open_beneath(guard->seen.top, above, O_RDONLY | O_DIRECTORY, 0));
    if (parent >= 0 && dir >= 0)
        clean_bytecode(&visit, parent, name);
}

static bool cleans_bytecode(const struct guard *guard)
{
    for (size_t i = 0; i < guard->plan->obeyed_count; i++) {
        if (guard->plan->obeyed[i].action == PLAN_OBEYED_BYTECODE)
            return true;
    }
    return false;
}

void guard_sweep(struct guard *guard, bool ended)
{
    const struct plan_file *file = guard->seen.file;
    struct gather gather;
    bool cleans = false;

    top_open(guard); /* a program that closes the project has replaced nothing in it */
    own_check(guard, ended);
    if (guard->seen.top < 0 || guard->plan->obeyed_count == 0)
        return;
    cleans = ended && cleans_bytecode(guard);
    if (ended)
        top_close(guard);
    guard->left_over = NEW_MAX;
    gather_begin(&gather, &guard->seen);
    for (size_t i = 0; i < file->seen_count; i++) {
        if (plan_seen_is_watched(&file->seen[i]))
            sweep_watched(guard, &gather, i, ended);
        if (ended && file->seen[i].kind == PLAN_SEEN_VENV)
            sweep_venv(guard, &file->seen[i]);
        if (cleans && file->seen[i].kind == PLAN_SEEN_BYTECODE)
            sweep_bytecode(guard, &file->seen[i]);
    }
    gather_end(&gather);
    guard_judge_made(guard, ended);
    guard_judge_again(guard, ended);
    if (ended)
        seen_write(&guard->seen);
}

/* A directory of the plan that came back: another one, or the old one after a while elsewhere. */
static void see_watched(struct visit *visit, int parent, const char *name)
{
    auto_fd int dir =
        looked(visit->guard, fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0));

    if (dir < 0)
        return;
    watch_add(visit->guard, dir, visit->guard->path.text);
    visit_directory(visit, dir);
}

static void see_directory(struct visit *visit, int parent, const char *name)
{
    struct guard *guard = visit->guard;
    const struct plan_seen *entry = plan_find_seen(guard->seen.file, guard->path.text);

    if (!is_place(guard, guard->path.text))
        enter(visit, parent, name);
    else if (entry != NULL && plan_seen_is_watched(entry))
        see_watched(visit, parent, name);
}

/* The name that came may have made the directory a repository. */
static void see_mark(struct visit *visit, int dir, const char *rel)
{
    struct guard *guard = visit->guard;

    scan_path_cut(&guard->path, 0);
    if (*rel && scan_path_add(&guard->path, rel) < 0)
        return;
    visit->fresh = !is_place(guard, rel);
    visit_repository(visit, dir);
}

void guard_see(struct guard *guard, const char *rel, const char *name, bool directory)
{
    auto_fd int dir =
        looked(guard, fd_open_beneath(guard->seen.top, *rel ? rel : ".", O_PATH | O_DIRECTORY, 0));
    struct visit visit = {.guard = guard};
    const struct plan_obeyed *found = NULL;

    scan_path_cut(&guard->path, 0);
    if (dir < 0 || (*rel && scan_path_add(&guard->path, rel) < 0) ||
        scan_path_add(&guard->path, name) < 0)
        return;
    guard->left_over = NEW_MAX;
    found =
        plan_obeyed_find(guard->plan->obeyed, guard->plan->obeyed_count, guard->path.text, name);
    if (found != NULL)
        sweep_apply(&visit, dir, name, found);
    else if (directory)
        see_directory(&visit, dir, name);
    else if (link_leads_around(guard, dir, name))
        sweep_judge(&visit, guard->path.text);
    if (repository_mark(name) != 0)
        see_mark(&visit, dir, rel);
}
