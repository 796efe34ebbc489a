/* Names that were there when the plan was made. Somebody outside saves such a file, or git changes
 * it, and its mount goes with the file that was there before: the new one is protected again
 * (docs/SECURITY.md, C23). A program can make such a name, too, as soon as somebody outside has
 * removed it, and nothing tells who made it. So it counts how the name went: one that was replaced
 * in one step was never free; one that was renamed away comes back within moments, as editors do
 * that keep a copy; one that was removed is judged like every name that appears. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/sys/syscalls.h"

#include "guard-internal.h"

enum {
    AWAY_MS = 2000,
    RANDOM_MIN = 6, /* letters that a program adds to a name so that there is none like it */
    RANDOM_MAX = 32
};

/* Of one present name. It moves from HERE to the others, from AWAY to GONE, and back to HERE when a
 * file came that is the user's. */
enum presence_state {
    PRESENCE_HERE,
    PRESENCE_AWAY, /* renamed by somebody outside */
    PRESENCE_GONE  /* removed */
};
struct presence {
    enum presence_state is;
    int64_t since_ms; /* of PRESENCE_AWAY */
    int64_t born_ns;  /* of the file that came since; 0: it is the plan's */
};

int present_open(struct guard *guard)
{
    struct watch *watch = &guard->watch;
    size_t count = guard->seen.file->present_count;

    if (watch->presences == NULL && count > 0)
        watch->presences = calloc(count, sizeof(*watch->presences));
    return count > 0 && watch->presences == NULL ? -ENOMEM : 0;
}

/* NULL: the name is none of them, or there is no event order yet. */
static struct presence *presence_of(const struct guard *guard, const struct plan_present *present)
{
    if (present == NULL || guard->watch.presences == NULL)
        return NULL;
    return &guard->watch.presences[present - guard->seen.file->present];
}

size_t present_below(const struct plan_file *file, const char *dir)
{
    size_t low = 0, high = file->present_count;
    char prefix[PATH_MAX];

    snprintf(prefix, sizeof(prefix), "%.*s%s", PATH_MAX - 2, dir, *dir ? "/" : "");
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (strcmp(file->present[middle].rel, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int guard_find(const struct guard *guard, const char *rel, struct stat *out, int64_t *born_ns_out)
{
    auto_fd int parent = scan_open_parent(guard->seen.top, rel);
    int rc = parent < 0 ? parent : 1;

    if (rc > 0 && fstatat(parent, path_basename(rel), out, AT_SYMLINK_NOFOLLOW) < 0)
        rc = -errno;
    if (rc > 0 && born_ns_out != NULL)
        *born_ns_out = sys_birth_ns(parent, path_basename(rel));
    return rc < 0 && rc != -EACCES && look_is_answer(rc) ? 0 : rc;
}

/* Is it the same file? A number may come again, the time at which a file was made does not.
 * Return: 1, 0, or negative errno: nobody can say. */
static int present_is_same(const struct guard *guard, const struct plan_present *present)
{
    const struct presence *row = presence_of(guard, present);
    struct stat st;
    int64_t born_ns = 0;
    int rc = guard_find(guard, present->rel, &st, &born_ns);

    if (rc <= 0)
        return rc;
    if (st.st_dev != present->dev || st.st_ino != present->ino)
        return 0;
    if (present->link)
        return clock_ns_of(st.st_ctim) == present->ctime_ns;
    if (born_ns < 0)
        return born_ns == -ENOSYS ? 1 : (int)born_ns;
    return row != NULL && row->born_ns > 0 ? born_ns == row->born_ns : born_ns < guard->began_ns;
}

/* --- how names go ------------------------------------------------------------------------------
 */

/* A name that we take away goes, too, and is not to come back for that. */
static void presence_go(struct presence *row, enum presence_state how)
{
    if (row->is == PRESENCE_GONE || (row->is == PRESENCE_AWAY && how == PRESENCE_AWAY))
        return;
    row->is = how;
    row->since_ms = clock_ms();
}

void present_event(struct guard *guard, const char *dir, const char *name)
{
    const struct plan_file *file = guard->seen.file;
    uint32_t event = guard->watch.event;
    enum presence_state how = event & IN_DELETE ? PRESENCE_GONE : PRESENCE_AWAY;
    const struct plan_present *present = NULL;
    char rel[PATH_MAX];

    if (guard->watch.presences == NULL || (event & (IN_DELETE | IN_MOVED_FROM)) == 0 ||
        snprintf(rel, sizeof(rel), "%s%s%s", dir, *dir ? "/" : "", name) >= (int)sizeof(rel))
        return;
    present = plan_find_present(file, rel);
    if (present != NULL)
        presence_go(&guard->watch.presences[present - file->present], how);
    for (size_t i = event & IN_ISDIR ? present_below(file, rel) : file->present_count;
         i < file->present_count && path_is_beneath(file->present[i].rel, rel); i++)
        presence_go(&guard->watch.presences[i], how);
}

void present_look(struct guard *guard, bool lost)
{
    const struct plan_file *file = guard->seen.file;

    for (size_t i = 0; guard->watch.presences != NULL && i < file->present_count; i++) {
        const struct plan_present *present = &file->present[i];
        struct stat st;

        if (guard_find(guard, present->rel, &st, NULL) == 0 ||
            (lost && present_is_same(guard, present) == 0))
            presence_go(&guard->watch.presences[i], PRESENCE_GONE);
    }
}

/* --- files that come ---------------------------------------------------------------------------
 */

const struct plan_op *present_mount(const struct guard *guard, const char *rel)
{
    const struct plan_op *found = NULL;

    /* Of several the last one counts: a name can be both. */
    for (size_t i = 0; i < guard->plan->op_count; i++) {
        const struct plan_op *op = &guard->plan->ops[i];
        const char *dest = path_relative_to(op->dest, guard->seen.file->project);

        if (dest != NULL && str_eq(dest, rel) && (op->flags & PLAN_RW) == 0)
            found = op;
    }
    return found;
}

static bool present_is_hidden(const struct guard *guard, const char *rel)
{
    const struct plan_op *op = present_mount(guard, rel);

    return op != NULL && op->kind == PLAN_MASK;
}

static bool present_cover(struct guard *guard, const char *rel, bool hide)
{
    const char *project = guard->seen.file->project;
    char dest[PATH_MAX];
    int len = snprintf(dest, sizeof(dest), "%s/%s", project, rel);

    if (!guard->watch.armed || guard->report->stop != GUARD_GOES_ON || len >= (int)sizeof(dest))
        return false;
    if (inside_cover(&guard->watch.inside, project, dest, COVER_PIN | (hide ? COVER_HIDE : 0)) == 0)
        return true;
    snprintf(guard->report->lost, sizeof(guard->report->lost), "%s", rel);
    guard->report->stop = GUARD_LOST;
    return false;
}

void present_cover_again(struct guard *guard, const char *rel, bool hide)
{
    if (present_cover(guard, rel, hide))
        touch_begin(guard, rel, hide);
}

/* The file that has the name now is the one to compare with. */
static void present_accept(struct guard *guard, struct plan_present *present)
{
    struct presence *row = presence_of(guard, present);
    int64_t born_ns = 0;
    struct stat st;

    if (guard_find(guard, present->rel, &st, &born_ns) <= 0)
        return;
    present->dev = st.st_dev;
    present->ino = st.st_ino;
    if (row != NULL)
        *row = (struct presence){.is = PRESENCE_HERE, .born_ns = born_ns > 0 ? born_ns : 0};
}

static bool presence_lasts(struct presence *row)
{
    if (row == NULL || row->is == PRESENCE_HERE)
        return true;
    if (row->is == PRESENCE_AWAY && clock_ms() - row->since_ms < AWAY_MS)
        return true;
    row->is = PRESENCE_GONE;
    return false;
}

int present_stays(struct guard *guard, const char *rel)
{
    struct plan_present *present = plan_find_present(guard->seen.file, rel);
    int same = present != NULL ? present_is_same(guard, present) : 0;
    const struct plan_op *op = NULL;

    if (present == NULL || present->link || same < 0)
        return same;
    if (!presence_lasts(presence_of(guard, present))) {
        if (present_is_hidden(guard, rel))
            (void)present_cover(guard, rel, true);
        return 0;
    }
    if (same && guard->watch.event == 0)
        return 1;
    op = present_mount(guard, rel);
    if (op != NULL && guard->watch.armed) {
        present_cover_again(guard, rel, op->kind == PLAN_MASK);
        present_accept(guard, present);
    }
    return 1;
}

/* --- for those that judge ----------------------------------------------------------------------
 */

bool present_knows(const struct guard *guard, const struct stat *st, int64_t born_ns)
{
    const struct plan_file *file = guard->seen.file;

    for (size_t i = 0; i < file->present_count; i++) {
        const struct plan_present *present = &file->present[i];
        const struct presence *row = presence_of(guard, present);

        if (present->ino == st->st_ino && present->dev == st->st_dev &&
            (row != NULL && row->born_ns > 0 ? born_ns == row->born_ns : born_ns < guard->began_ns))
            return true;
    }
    return false;
}

bool present_is_gone(const struct guard *guard, const char *rel)
{
    const struct plan_present *present = plan_find_present(guard->seen.file, rel);
    const struct presence *row = presence_of(guard, present);

    return row != NULL && row->is == PRESENCE_GONE && !present->link && guard->watch.armed;
}

void present_adopt(struct guard *guard, const char *rel)
{
    struct plan_present *present = plan_find_present(guard->seen.file, rel);

    if (present != NULL)
        present_accept(guard, present);
}

/* --- an editor's temporary files ---------------------------------------------------------------
 */

/* No tool looks for such a name, so that a program gains nothing by one: a word of small letters
 * may be somebody's (".env.staging"). */
static bool is_random(const char *text)
{
    size_t len = strlen(text);
    bool odd = false;

    if (len < RANDOM_MIN || len > RANDOM_MAX)
        return false;
    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return false;
        odd = odd || isdigit((unsigned char)*c) || isupper((unsigned char)*c);
    }
    return odd;
}

/* Behind the name of the file that is saved. */
static bool is_temporary_end(const char *end)
{
    static const char *const words[] = {"tmp", "temp", "new", "swp", "swx", "part"};

    if (str_eq(end, "~"))
        return true;
    if (*end != '.' && *end != '-' && *end != '_')
        return is_random(end);
    end++;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *rest = end + strlen(words[i]);

        if (str_starts(end, words[i]) && (*rest == '\0' || !isalpha((unsigned char)*rest)))
            return true;
    }
    return is_random(end);
}

/* Does the name begin with the one that is saved, maybe behind a mark? */
static bool temporary_of(const char *name, const char *saved)
{
    size_t len = strlen(saved), all = strlen(name);

    if (str_starts(name, saved) && is_temporary_end(name + len))
        return true;
    if (*name == '#' && all == len + 2 && name[all - 1] == '#')
        return strncmp(name + 1, saved, len) == 0;
    return *name == '.' && str_starts(name + 1, saved) && is_temporary_end(name + 1 + len);
}

bool present_is_temporary(const struct guard *guard, const char *rel, bool *hidden_out)
{
    const struct plan_file *file = guard->seen.file;
    const char *name = path_basename(rel);
    char dir[PATH_MAX];
    struct stat st;
    size_t above = (size_t)(name - rel);

    snprintf(dir, sizeof(dir), "%.*s", above > 0 ? (int)above - 1 : 0, rel);
    for (size_t i = present_below(file, dir); i < file->present_count; i++) {
        const char *saved = file->present[i].rel;

        if (strncmp(saved, rel, above) != 0)
            break;
        if (strchr(saved + above, '/') == NULL && temporary_of(name, saved + above) &&
            guard_find(guard, saved, &st, NULL) > 0) {
            *hidden_out = present_is_hidden(guard, saved);
            return true;
        }
    }
    return false;
}
