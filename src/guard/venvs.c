/* Virtualenvs that appear in the project while programs run. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/made_inside.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/inside/running.h"

#include "guard-internal.h"

enum {
    CLOSE_TRIES = 32, /* a program can make and remove the name for ever */
    BARE_DEPTH_MAX = 5,
    BARE_NAMES_MAX = 32
};

#define DOT_VENV ".venv"

/* --- the record --------------------------------------------------------------------------------
 */

/* Takes lines of the same directory out of the text. */
static size_t drop_lines(char *text, size_t len, const char *line, size_t dir_len)
{
    size_t at = 0;

    while (at < len) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t next = newline ? (size_t)(newline - text) + 1 : len;

        if (next - at > dir_len && memcmp(text + at, line, dir_len) == 0) {
            memmove(text + at, text + next, len - next);
            len -= next - at;
        } else {
            at = next;
        }
    }
    return len;
}

/* The oldest lines make room: the virtualenvs of lost lines are read-only from then on. */
static size_t make_room(char *text, size_t len, size_t needed)
{
    while (len > 0 && len + needed > MADE_INSIDE_BYTES_MAX) {
        const char *newline = memchr(text, '\n', len);
        size_t first = newline ? (size_t)(newline - text) + 1 : len;

        memmove(text, text + first, len - first);
        len -= first;
    }
    return len;
}

/* Return: true when the line was not there. */
static bool record_line(const struct guard *guard, const char *line, size_t dir_len)
{
    char path[PATH_MAX], text[MADE_INSIDE_BYTES_MAX + 1];
    auto_fd int fd = -1;
    size_t len = strlen(line);
    ssize_t had = 0;

    snprintf(path, sizeof(path), "%s/" IN_SANDBOX(SANDBOX_MADE_INSIDE), guard->quarantine.venv);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    had = fd < 0 ? -1 : pread(fd, text, MADE_INSIDE_BYTES_MAX, 0);
    if (had < 0)
        return true; /* nobody can note it: it will be read-only */
    text[had] = '\0';
    if (strstr(text, line) != NULL)
        return false;
    had = (ssize_t)make_room(text, drop_lines(text, (size_t)had, line, dir_len), len);
    memcpy(text + had, line, len);
    /* A line that is written half fits no virtualenv. */
    if (pwrite(fd, text, (size_t)had + len, 0) == had + (ssize_t)len)
        (void)!ftruncate(fd, had + (off_t)len);
    return true;
}

/* --- virtualenvs that appeared -----------------------------------------------------------------
 */

/* Tools that make virtualenvs for themselves, which nothing else on the host starts. */
static bool is_of_tool(const char *rel)
{
    static const char *const names[] = {".tox", ".nox", ".hatch"};

    for (const char *at = rel; *at; at += strcspn(at, "/"), at += *at == '/') {
        size_t len = strcspn(at, "/");

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            if (strlen(names[i]) == len && memcmp(names[i], at, len) == 0)
                return true;
        }
    }
    return false;
}

static void note_made(struct guard_report *report, const char *rel)
{
    if (report->made_count < MADE_KEPT)
        snprintf(report->made[report->made_count], sizeof(report->made[0]), "%s", rel);
    report->made_count++;
}

void venvs_record(struct guard *guard, int dir)
{
    char line[MADE_INSIDE_LINE];
    struct stat config;
    size_t dir_len = 0;
    int rc = made_inside_line(dir, line, &dir_len);

    if (rc < 0)
        guard->report->incomplete = true;
    if (rc <= 0 || fstatat(dir, VENV_CONFIG, &config, AT_SYMLINK_NOFOLLOW) < 0 ||
        !guard_is_new(guard, &config))
        return;
    if (record_line(guard, line, dir_len) && !is_of_tool(guard->path.text))
        note_made(guard->report, guard->path.text);
}

/* Return: it is protected in the running sandbox. */
static bool cover_here(struct guard *guard, char dest[PATH_MAX])
{
    const char *project = guard->seen.file->project;
    int len = snprintf(dest, PATH_MAX, "%s/%s", project, guard->path.text);

    if (len < PATH_MAX && inside_cover(&guard->watch.inside, project, dest, COVER_PIN) == 0)
        return true;
    snprintf(guard->report->lost, sizeof(guard->report->lost), "%s", guard->path.text);
    guard->report->stop = GUARD_LOST;
    return false;
}

static bool can_cover(const struct guard *guard)
{
    return guard->watch.armed && guard->report->stop == GUARD_GOES_ON;
}

bool venvs_cover(struct guard *guard, int dir)
{
    char dest[PATH_MAX];
    struct stat st;

    return can_cover(guard) && look_at(dir, VENV_SANDBOX, false, &st) != 0 &&
           cover_here(guard, dest);
}

/* --- those that are the user's -----------------------------------------------------------------
 */

static bool is_kept(const struct guard *guard, const struct stat *st)
{
    for (size_t i = 0; i < guard->kept.count; i++) {
        struct stat kept;

        if (fstat(guard->kept.dirs[i], &kept) == 0 && kept.st_dev == st->st_dev &&
            kept.st_ino == st->st_ino)
            return true;
    }
    return false;
}

static void keep_venv(struct guard *guard, int dir)
{
    struct guard_kept *kept = &guard->kept;
    int copy = kept->count < GUARD_KEPT_MAX ? fcntl(dir, F_DUPFD_CLOEXEC, 0) : -1;

    if (copy >= 0)
        kept->dirs[kept->count++] = copy;
}

/* Is it read-only in the running sandbox, though the plan knows nothing of it? Then a command of
 * the host closed it. */
static bool is_closed_to_programs(struct guard *guard, const char *rel, const struct stat *st)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s", guard->seen.file->project, rel);

    return guard->watch.armed && len < (int)sizeof(path) &&
           inside_look(&guard->watch.inside, path, st) == INSIDE_READ_ONLY;
}

bool venvs_is_users(struct guard *guard, const char *rel)
{
    const char *name = layout_mark_of(rel);
    char top[NAME_MAX + 1];
    auto_fd int dir = -1;
    struct stat st;

    if (name == NULL)
        return false;
    snprintf(top, sizeof(top), "%.*s", (int)strlen(name), rel);
    dir = fd_open_beneath(guard->seen.top, top, O_PATH | O_DIRECTORY, 0);
    if (dir < 0 || fstat(dir, &st) < 0)
        return false;
    if (is_kept(guard, &st))
        return true;
    if (!is_closed_to_programs(guard, top, &st))
        return false;
    keep_venv(guard, dir);
    return true;
}

struct bare {
    unsigned depth;
    unsigned left; /* names that may still be looked at */
};

static int bare_name(void *context, int dir, const char *name, bool directory);

static int bare_names(int dir, struct bare *bare)
{
    return bare->depth == BARE_DEPTH_MAX ? 1 : scan_names(dir, bare_name, bare);
}

static int bare_name(void *context, int dir, const char *name, bool directory)
{
    struct bare *bare = context;
    struct bare inner = {.depth = bare->depth + 1, .left = bare->left};
    auto_fd int below = -1;
    int rc = 0;

    if (bare->left-- == 0 || name[0] == '.')
        return 1;
    if (!directory)
        return bare->depth == 0 && str_eq(name, "lib64") ? 0 : 1;
    below = fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
    rc = below < 0 ? below : bare_names(below, &inner);
    bare->left = inner.left;
    return rc;
}

/* Is there nothing in it but the directories with which the making of a virtualenv begins? */
static bool is_bare(int dir)
{
    struct bare bare = {.left = BARE_NAMES_MAX};

    return bare_names(dir, &bare) == 0;
}

/* A directory named `venv` or `env` may be anything; one named `.venv` is a virtualenv or about to
 * be one. */
static bool is_closed_name(const struct guard *guard)
{
    return strcasecmp(guard->path.text, DOT_VENV) == 0 &&
           plan_obeyed_find(guard->plan->obeyed, guard->plan->obeyed_count,
                            DOT_VENV "/" VENV_CONFIG, VENV_CONFIG) != NULL;
}

bool venvs_close(struct guard *guard, int dir, bool known)
{
    char dest[PATH_MAX];
    struct stat st;

    if (fstat(dir, &st) < 0)
        return false;
    if (is_kept(guard, &st))
        return true;
    if (!can_cover(guard) || (!known && !is_closed_name(guard)) ||
        guard->kept.tries++ >= CLOSE_TRIES || !cover_here(guard, dest) || !is_bare(dir) ||
        running_holds(dest))
        return false;
    keep_venv(guard, dir);
    return true;
}
