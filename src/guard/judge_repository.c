/* Knows which repositories are the user's word, and which new ones run nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/git/harmless.h"
#include "svenv/git/plain.h"

#include "guard-internal.h"

/* Of a repository that appeared beside a running program. */
#define MARK_MADE "user.sandbox-venv.made"
#define LINK_PREFIX "gitdir: "

enum {
    LINK_BYTES = PATH_MAX + 16,
    LOCK_NS_MAX = 1000000000, /* times LOCK_SECONDS_MAX */
    LOCK_SECONDS_MAX = 60,    /* an older lock was left by a git that was killed */
};

bool judge_is_git(const char *rel)
{
    return strcasecmp(path_basename(rel), REPOSITORY_DOT_GIT) == 0;
}

/* A file of one line. Return: the line without `prefix`, or NULL. */
static const char *read_line(int dir, const char *name, const char *prefix, char text[LINK_BYTES])
{
    if (git_read_small(dir, name, text, LINK_BYTES) < 0 || !str_starts(text, prefix))
        return NULL;
    text[strcspn(text, "\r\n")] = '\0';
    return text[strlen(prefix)] != '\0' ? text + strlen(prefix) : NULL;
}

static bool path_of_open(int fd, char out[PATH_MAX])
{
    char proc[64];
    ssize_t len = 0;

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    len = readlink(proc, out, PATH_MAX - 1);
    if (len <= 0)
        return false;
    out[len] = '\0';
    return *out == '/';
}

/* --- what programs cannot have made ------------------------------------------------------------
 */

/* May programs of this plan write there? The deepest mount says so. */
static bool repository_is_writable(const struct guard *guard, const char *path)
{
    const struct plan_op *found = NULL;

    for (size_t i = 0; i < guard->plan->op_count; i++) {
        const struct plan_op *op = &guard->plan->ops[i];

        if (path_is_beneath(path, op->dest) &&
            (found == NULL || strlen(op->dest) >= strlen(found->dest)))
            found = op;
    }
    return found != NULL && (found->flags & PLAN_RW) != 0;
}

/* Was it, or one that it is a part of, made while programs ran? */
static bool was_made_beside(const char *path)
{
    char above[PATH_MAX];
    char *slash = NULL;

    snprintf(above, sizeof(above), "%s", path);
    do {
        if (lgetxattr(above, MARK_MADE, NULL, 0) >= 0)
            return true;
        slash = strrchr(above, '/');
        if (slash != NULL)
            *slash = '\0';
    } while (slash != NULL && slash != above);
    return false;
}

static bool repository_is_protected(const struct guard *guard, const char *path)
{
    return !repository_is_writable(guard, path) && !was_made_beside(path);
}

bool judge_is_marked(int dir)
{
    char proc[64];

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dir);
    return getxattr(proc, MARK_MADE, NULL, 0) >= 0;
}

bool judge_mark_made(int dir)
{
    char proc[64];

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dir);
    return setxattr(proc, MARK_MADE, "1", 1, 0) == 0;
}

/* --- the repository of a name ------------------------------------------------------------------
 */

static bool is_same_file(int dir_a, const char *a, int dir_b, const char *b)
{
    struct stat one, other;

    return fstatat(dir_a, a, &one, 0) == 0 && fstatat(dir_b, b, &other, 0) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* Does the repository's part for a worktree, or for a submodule, say that it belongs to the
 * directory `holder`? */
static bool leads_back(int dir, int holder)
{
    char text[GIT_CONFIG_BYTES_MAX], worktree[PATH_MAX];
    char line[LINK_BYTES];
    const char *back = read_line(dir, "gitdir", "", line);
    ssize_t len = 0;

    if (back != NULL)
        return is_same_file(dir, back, holder, REPOSITORY_DOT_GIT);
    len = git_read_small(dir, "config", text, sizeof(text));
    if (len < 0)
        return false;
    (void)git_config_is_plain(text, (size_t)len, worktree, sizeof(worktree));
    return *worktree != '\0' && is_same_file(dir, worktree, holder, ".");
}

/* The target of the .git file, or of the link, in `holder`. */
static int open_linked(int holder, mode_t mode)
{
    char line[LINK_BYTES];
    const char *path = REPOSITORY_DOT_GIT;
    int fd = -1;

    if (!S_ISLNK(mode))
        path = read_line(holder, REPOSITORY_DOT_GIT, LINK_PREFIX, line);
    if (path == NULL)
        return -EINVAL;
    fd = openat(holder, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Was the .git there, in the project, when the plan was made? */
static bool git_was_there(const struct guard *guard, const char *dir, const struct stat *st)
{
    char rel[PATH_MAX];
    const struct plan_present *present = NULL;

    snprintf(rel, sizeof(rel), "%.*s%s" REPOSITORY_DOT_GIT, PATH_MAX - 8, dir, *dir ? "/" : "");
    present = plan_find_present(guard->seen.file, rel);
    return present != NULL && present->dev == st->st_dev && present->ino == st->st_ino &&
           (!present->link || present->ctime_ns == clock_ns_of(st->st_ctim));
}

/* Cuts the path of a repository, or of a part of one, behind the first .git. */
static void cut_to_root(char path[PATH_MAX])
{
    char *part = strstr(path, "/" REPOSITORY_DOT_GIT "/");

    if (part != NULL)
        part[1 + strlen(REPOSITORY_DOT_GIT)] = '\0';
}

/* Is the path in a repository that the user had before the program began: one of the project, or
 * the one that the project, or the directory that the name `rel` is in, belongs to? Other programs
 * may write anywhere else, in the private home, say, though those of this plan cannot. */
static bool is_in_users_repository(const struct guard *guard, const char *rel, const char *path)
{
    char root[PATH_MAX], own[PATH_MAX];
    const char *in = NULL;
    struct judge_repository repository;
    struct stat st;
    bool known = false;

    snprintf(root, sizeof(root), "%s", path);
    cut_to_root(root);
    in = path_relative_to(root, guard->seen.file->project);
    if (in != NULL && *in != '\0') {
        auto_fd int holder = scan_open_parent(guard->seen.top, in);
        const char *name = path_basename(in);

        snprintf(own, sizeof(own), "%.*s", name == in ? 0 : (int)(name - in - 1), in);
        return judge_is_git(in) && holder >= 0 &&
               fstatat(holder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               git_was_there(guard, own, &st);
    }
    if (strchr(rel, '/') == NULL)
        return false;
    judge_find(guard, rel, &repository);
    if (repository.dir < 0)
        return false;
    known = path_of_open(repository.dir, own);
    close(repository.dir);
    cut_to_root(own);
    return known && str_eq(own, root);
}

/* holder: the directory; rel: its path below the project, NULL above. Return: the repository,
 * -ENOENT when git would look in the directory above, or another negative errno. */
static int repository_in(const struct guard *guard, int holder, const char *rel)
{
    auto_fd int dir = -1;
    char path[PATH_MAX], name[PATH_MAX];
    struct stat st;
    bool known = false;

    if (fstatat(holder, REPOSITORY_DOT_GIT, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    known = rel == NULL || git_was_there(guard, rel, &st);
    if (S_ISDIR(st.st_mode))
        dir = known ? fd_open_beneath(holder, REPOSITORY_DOT_GIT, O_PATH | O_DIRECTORY, 0) : -EPERM;
    else if (S_ISREG(st.st_mode) || known)
        dir = open_linked(holder, st.st_mode);
    if (dir < 0)
        return dir == -ENOENT ? -EINVAL : dir;
    if (!path_of_open(dir, path) || !repository_is_protected(guard, path))
        return -EPERM;
    if (!known) {
        snprintf(name, sizeof(name), "%.*s%s" REPOSITORY_DOT_GIT, PATH_MAX - 8, rel,
                 *rel ? "/" : "");
        if (!leads_back(dir, holder) || !is_in_users_repository(guard, name, path))
            return -EPERM;
    }
    return steal_fd(&dir);
}

/* Changed by somebody outside within the last second, or by a git that is not done. */
static bool repository_is_at_work(int dir)
{
    static const char *const names[] = {".", "modules", "worktrees"};
    struct stat st;
    int64_t age_ns = 0;

    if (fstatat(dir, "index.lock", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        age_ns = clock_now_ns() - clock_ns_of(st.st_ctim);
        if (age_ns < (int64_t)LOCK_NS_MAX * LOCK_SECONDS_MAX)
            return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        age_ns = clock_now_ns() - clock_ns_of(st.st_ctim);
        if (age_ns > -LOCK_NS_MAX && age_ns < LOCK_NS_MAX)
            return true;
    }
    return false;
}

/* From the directory of the name upwards to the project's top. *at_out: the length of the path of
 * the directory that has it. */
static int find_in_project(const struct guard *guard, const char *rel, size_t *at_out)
{
    char dir[PATH_MAX];
    char *slash = NULL;
    int rc = -ENOENT;

    snprintf(dir, sizeof(dir), "%s", rel);
    if (judge_is_git(rel) && (slash = strrchr(dir, '/')) != NULL)
        *slash = '\0'; /* of the repository that this one would be in */
    do {
        auto_fd int holder = -1;

        slash = strrchr(dir, '/');
        *(slash ? slash : dir) = '\0';
        holder = fd_open_beneath(guard->seen.top, *dir ? dir : ".", O_PATH | O_DIRECTORY, 0);
        rc = holder < 0 ? -EPERM : repository_in(guard, holder, dir);
        *at_out = strlen(dir);
    } while (rc == -ENOENT && *dir);
    return rc;
}

/* Above the project. *at_out: the length of that directory's path. */
static int find_above(const struct guard *guard, size_t *at_out)
{
    char dir[PATH_MAX];
    char *slash = NULL;
    int rc = -ENOENT;

    snprintf(dir, sizeof(dir), "%s", guard->seen.file->project);
    while (rc == -ENOENT && (slash = strrchr(dir, '/')) != NULL && slash != dir) {
        auto_fd int holder = -1;

        *slash = '\0';
        holder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        rc = holder < 0 ? -errno : repository_in(guard, holder, NULL);
        *at_out = strlen(dir);
    }
    return rc;
}

void judge_find(const struct guard *guard, const char *rel, struct judge_repository *out)
{
    size_t at = 0;
    int len = 0;

    out->dir = find_in_project(guard, rel, &at);
    out->at_work = false;
    if (out->dir >= 0) {
        snprintf(out->below, sizeof(out->below), "%s", rel + at + (at > 0));
    } else if (out->dir == -ENOENT) {
        out->dir = find_above(guard, &at);
        len = snprintf(out->below, sizeof(out->below), "%s/%s", guard->seen.file->project + at + 1,
                       rel);
        if (len >= (int)sizeof(out->below) && out->dir >= 0) {
            close(out->dir);
            out->dir = -ENAMETOOLONG;
        }
    }
    if (out->dir >= 0)
        out->at_work = repository_is_at_work(out->dir);
}

/* The user's git made it, or a program imitates that: either way git comes to the user's own
 * settings, or to those of a new repository that were found harmless. */
bool judge_git_file(const struct guard *guard, const char *rel)
{
    auto_fd int holder = scan_open_parent(guard->seen.top, rel);
    auto_fd int dir = -1;
    char path[PATH_MAX];
    const char *in = NULL, *part = NULL;
    struct stat st;

    if (holder < 0 || fstatat(holder, path_basename(rel), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(st.st_mode) || !str_eq(path_basename(rel), REPOSITORY_DOT_GIT))
        return false;
    dir = open_linked(holder, st.st_mode);
    if (dir < 0 || !path_of_open(dir, path))
        return false;
    part = strstr(path, "/" REPOSITORY_DOT_GIT "/");
    if (part == NULL || !(str_starts(part + 6, "worktrees/") || str_starts(part + 6, "modules/")))
        return false;
    if (!repository_is_writable(guard, path))
        return is_in_users_repository(guard, rel, path);
    path[part - path + (ptrdiff_t)strlen("/" REPOSITORY_DOT_GIT)] = '\0';
    in = path_relative_to(path, guard->seen.file->project);
    close(dir);
    dir = in == NULL ? -1 : fd_open_beneath(guard->seen.top, in, O_PATH | O_DIRECTORY, 0);
    return dir >= 0 && git_is_harmless(dir, 1);
}
