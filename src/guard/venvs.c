/* Virtualenvs that appear in the project while programs run. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/made_inside.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#include "guard-internal.h"

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

bool venvs_cover(struct guard *guard, int dir)
{
    const char *project = guard->seen.file->project;
    char dest[PATH_MAX];
    struct stat st;
    int wrapped = look_at(dir, VENV_SANDBOX, false, &st);
    int len = snprintf(dest, sizeof(dest), "%s/%s", project, guard->path.text);

    if (wrapped == 0 || !guard->watch.armed || guard->report->stop != GUARD_GOES_ON)
        return false;
    if (len < (int)sizeof(dest) && inside_cover(&guard->watch.inside, project, dest, false) == 0)
        return true;
    snprintf(guard->report->lost, sizeof(guard->report->lost), "%s", guard->path.text);
    guard->report->stop = GUARD_LOST;
    return false;
}
