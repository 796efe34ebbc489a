/* Decides whose a name is that appeared in the project: the user's own git, clone or rename brings
 * names while programs run, and they are not to be lost.
 *
 * No descriptor tells who made a file, so what counts is what only the user can have made: an inode
 * that was protected before, a content that stands in the index of a repository that no program can
 * write, a file that leads into that repository. A new repository may stay whoever made it, as long
 * as git runs nothing for it; in later runs it carries a mark, and its index is nobody's word.
 *
 * A name is covered inside before it is judged. A program can have opened it before, and come to it
 * by that descriptor, so the names that stay are looked at again until the end, when nobody is left
 * who could write. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/git/harmless.h"
#include "svenv/sys/syscalls.h"

#include "guard-internal.h"

enum {
    ROWS_MAX = 4096,       /* beyond them names are taken */
    AGAIN_MS = 25,         /* between two looks at the names that stay */
    ADOPT_MS = 500,        /* between two searches for programs that hold one */
    EDITOR_MS = 250,       /* for the editor whose temporary file it may be */
    WAIT_MS = 60000,       /* for the user's git */
    END_MS = 5000,         /* the same when the program has ended, and its caller waits */
    SETTLED_NS = 50000000, /* files of the same moment have the same time */
    UNFINISHED_NS = 300000000,
    MARK_DEPTH_MAX = 16,
    MARK_FILES_MAX = 4096
};

struct judged {
    char rel[PATH_MAX];
    int64_t since_ms;
    int64_t adopt_ms; /* not before then */
    uint64_t mark;    /* of the files as they were when they were judged; 0: none */
    bool waiting;
    bool moved; /* it was read-only inside when it appeared */
};

/* --- did anything change? ----------------------------------------------------------------------
 */

struct marking {
    uint64_t mark;
    int64_t newest_ns;
    unsigned depth, files;
};

static void mark_add(struct marking *m, const struct stat *st)
{
    const uint64_t values[] = {st->st_ino, (uint64_t)clock_ns_of(st->st_ctim), st->st_mode,
                               (uint64_t)st->st_size};

    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        m->mark = (m->mark ^ values[i]) * UINT64_C(0x9e3779b97f4a7c15) + (m->mark >> 29);
    if (clock_ns_of(st->st_ctim) > m->newest_ns)
        m->newest_ns = clock_ns_of(st->st_ctim);
}

static int mark_entry(void *context, int dir, const char *name, bool directory)
{
    struct marking *m = context;
    auto_fd int inner = -1;
    struct stat st;
    int rc = 0;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    mark_add(m, &st);
    if (m->files++ == MARK_FILES_MAX || m->depth == MARK_DEPTH_MAX)
        return -EOVERFLOW;
    if (!directory)
        return 0;
    inner = fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
    if (inner < 0)
        return 0;
    m->depth++;
    rc = scan_names(inner, mark_entry, m);
    m->depth--;
    return rc;
}

/* git changes the other files in everyday work. */
static int mark_repository(struct marking *m, int dir)
{
    static const char *const own[] = {"objects", "objects/info", "refs"};
    int rc = 0;

    for (size_t i = 0; rc == 0 && repository_part(i) != NULL; i++) {
        const char *name = repository_part(i);
        struct stat st;

        if (str_eq(name, own[0]) || str_eq(name, own[2]))
            continue;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            rc = str_eq(name, "modules") ? (mark_add(m, &st), 0)
                                         : mark_entry(m, dir, name, S_ISDIR(st.st_mode));
    }
    return rc;
}

/* Did a repository that programs made in an earlier run change in this one? One can have handed a
 * descriptor of it to the next. */
static bool was_changed_again(const struct guard *guard, const char *rel)
{
    auto_fd int dir = fd_open_beneath(guard->seen.top, rel, O_RDONLY | O_DIRECTORY, 0);
    struct marking m = {.mark = 1};

    return dir >= 0 && judge_is_marked(dir) &&
           (mark_repository(&m, dir) != 0 || m.newest_ns >= guard->began_ns);
}

/* Return: a mark that is another when anything was changed; 0: nobody can say. */
static uint64_t mark_of(const struct guard *guard, const char *rel)
{
    struct marking m = {.mark = 1};
    struct stat st;
    int rc = 0;

    if (guard_find(guard, rel, &st, NULL) <= 0)
        return 0;
    if (S_ISDIR(st.st_mode)) {
        auto_fd int dir = fd_open_beneath(guard->seen.top, rel, O_RDONLY | O_DIRECTORY, 0);

        rc = dir < 0                                       ? dir
             : judge_is_git(rel) || repository_at(dir) > 0 ? mark_repository(&m, dir)
                                                           : scan_names(dir, mark_entry, &m);
        m.mark = (m.mark ^ st.st_ino) * UINT64_C(0x9e3779b97f4a7c15);
    } else {
        mark_add(&m, &st);
    }
    return rc != 0 || m.newest_ns > clock_now_ns() - SETTLED_NS ? 0 : m.mark | 1;
}

/* --- one name ----------------------------------------------------------------------------------
 */

/* A mount stays on a file that somebody outside gives another name, and programs cannot rename what
 * is one. So a name that is read-only inside as it appears was moved from outside. To be asked
 * before we cover it. */
static bool was_moved_outside(struct guard *guard, const char *rel)
{
    char path[PATH_MAX];
    struct stat st;
    int len = snprintf(path, sizeof(path), "%s/%s", guard->seen.file->project, rel);

    return guard->watch.armed && len < (int)sizeof(path) && lstat(path, &st) == 0 &&
           inside_look(&guard->watch.inside, path, &st) == INSIDE_READ_ONLY;
}

/* Born before the program, and protected then. */
static bool inode_is_known(const struct guard *guard, const struct stat *st, int64_t born_ns)
{
    const struct plan_file *file = guard->seen.file;

    if ((!S_ISDIR(st->st_mode) && st->st_nlink != 1) || S_ISLNK(st->st_mode) || born_ns < 0)
        return false;
    if (present_knows(guard, st, born_ns))
        return true;
    if (born_ns >= guard->began_ns)
        return false;
    for (size_t i = 0; S_ISDIR(st->st_mode) && i < file->seen_count; i++) {
        if (file->seen[i].kind == PLAN_SEEN_PASSED && file->seen[i].ino == st->st_ino &&
            file->seen[i].dev == st->st_dev)
            return true;
    }
    return false;
}

/* Covers a name that appeared, before anything is decided about it: nothing inside gets to it by
 * its name from now on, whoever made it. Its directories stay as they are, because programs rename
 * their own. No mount covers a link, and one that is replaced is a new name. */
static bool judge_cover(struct guard *guard, const char *rel, const struct stat *st, bool hide)
{
    const char *project = guard->seen.file->project;
    char dest[PATH_MAX];

    if (!guard->watch.armed || S_ISLNK(st->st_mode))
        return true;
    return snprintf(dest, sizeof(dest), "%s/%s", project, rel) < (int)sizeof(dest) &&
           inside_cover(&guard->watch.inside, project, dest, hide ? COVER_HIDE : 0) == 0;
}

/* Somebody makes or removes it, and git finds none in it meanwhile. git needs milliseconds for
 * that. One that we disarmed has its objects yet. */
static enum verdict judge_unfinished(int64_t born_ns, int dir, bool ended)
{
    struct stat st;

    if (fstatat(dir, "objects", &st, AT_SYMLINK_NOFOLLOW) == 0 ||
        fstatat(dir, "refs", &st, AT_SYMLINK_NOFOLLOW) == 0)
        return VERDICT_KEEP;
    return !ended || clock_now_ns() - born_ns < UNFINISHED_NS ? VERDICT_WAIT : VERDICT_TAKE;
}

static enum verdict judge_new_repository(struct guard *guard, const char *rel, int64_t born_ns,
                                         bool ended)
{
    auto_fd int dir = fd_open_beneath(guard->seen.top, rel, O_RDONLY | O_DIRECTORY, 0);

    if (dir < 0)
        return dir == -ENOENT ? VERDICT_KEEP : VERDICT_TAKE;
    if (!judge_mark_made(dir) || !git_is_harmless(dir, 1))
        return VERDICT_TAKE;
    return repository_at(dir) > 0 ? VERDICT_KEEP : judge_unfinished(born_ns, dir, ended);
}

static enum verdict judge_tracked(struct guard *guard, const char *rel, bool ended)
{
    struct judge_repository repository;
    enum verdict verdict = VERDICT_TAKE;

    judge_find(guard, rel, &repository);
    if (repository.dir < 0)
        return VERDICT_TAKE;
    verdict = judge_content(guard, rel, &repository, ended);
    close(repository.dir);
    return verdict;
}

static enum verdict judge_covered(struct guard *guard, const struct judged *row,
                                  const struct stat *st, int64_t born_ns, bool ended)
{
    const char *rel = row->rel;

    if (row->moved && inode_is_known(guard, st, born_ns))
        return VERDICT_KEEP;
    if (S_ISDIR(st->st_mode)) {
        auto_fd int dir = fd_open_beneath(guard->seen.top, rel, O_PATH | O_DIRECTORY, 0);

        if (judge_is_git(rel) || (dir >= 0 && repository_at(dir) > 0))
            return judge_new_repository(guard, rel, born_ns, ended);
    }
    if (judge_is_git(rel) && judge_git_file(guard, rel))
        return VERDICT_KEEP;
    return judge_tracked(guard, rel, ended);
}

/* An editor writes its temporary file, and gives it the name that it saves, within moments. */
static enum verdict judge(struct guard *guard, const struct judged *row, bool ended)
{
    const char *rel = row->rel;
    enum verdict verdict = VERDICT_TAKE;
    bool temporary = false, hidden = false;
    int64_t born_ns = 0;
    struct stat st;
    int rc = guard_find(guard, rel, &st, &born_ns);

    if (rc <= 0)
        return rc == 0 ? VERDICT_KEEP : VERDICT_TAKE;
    temporary = S_ISREG(st.st_mode) && present_is_temporary(guard, rel, &hidden);
    if (!judge_cover(guard, rel, &st, hidden))
        return VERDICT_TAKE;
    verdict = judge_covered(guard, row, &st, born_ns, ended);
    if (verdict == VERDICT_TAKE && temporary && clock_ms() - row->since_ms < EDITOR_MS)
        return VERDICT_WAIT;
    return verdict;
}

/* --- the names that stay -----------------------------------------------------------------------
 */

static struct judged *row_of(const struct guard *guard, const char *rel)
{
    for (size_t i = 0; i < guard->judging.count; i++) {
        if (str_eq(guard->judging.rows[i].rel, rel))
            return &guard->judging.rows[i];
    }
    return NULL;
}

static void row_drop(struct guard *guard, struct judged *row)
{
    struct judging *judging = &guard->judging;

    judging->count--;
    if (row != &judging->rows[judging->count])
        memcpy(row, &judging->rows[judging->count], sizeof(*row));
}

/* Memory that costs nothing before a row is used. */
static struct judged *row_add(struct guard *guard, const char *rel)
{
    struct judging *judging = &guard->judging;
    struct judged *row = NULL;

    if (judging->rows == NULL) {
        void *rows = mmap(NULL, ROWS_MAX * sizeof(*row), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        judging->rows = rows == MAP_FAILED ? NULL : rows;
    }
    if (judging->rows == NULL || judging->count == ROWS_MAX)
        return NULL;
    row = &judging->rows[judging->count++];
    snprintf(row->rel, sizeof(row->rel), "%s", rel);
    row->since_ms = row->adopt_ms = clock_ms();
    row->mark = 0;
    row->waiting = false;
    row->moved = was_moved_outside(guard, rel);
    return row;
}

/* Return: false: take it. */
static bool row_settle(struct guard *guard, struct judged *row, bool ended)
{
    uint64_t mark = mark_of(guard, row->rel);
    enum verdict verdict = VERDICT_KEEP;

    if (!ended && !row->waiting && mark != 0 && mark == row->mark)
        return true;
    verdict = judge(guard, row, ended);
    if (verdict == VERDICT_WAIT && clock_ms() - row->since_ms > WAIT_MS)
        verdict = VERDICT_TAKE;
    row->waiting = verdict == VERDICT_WAIT;
    row->mark = mark;
    return verdict != VERDICT_TAKE;
}

/* A name of the plan that was removed, and whose file was found to be the user's: it is protected
 * like before when nobody inside holds the file, and it is the user's still after that search. A
 * repository is looked at to the end. */
static bool row_is_adopted(struct guard *guard, struct judged *row)
{
    if (row->waiting || row->mark == 0 || clock_ms() < row->adopt_ms || judge_is_git(row->rel) ||
        !present_is_gone(guard, row->rel))
        return false;
    row->adopt_ms = clock_ms() + ADOPT_MS;
    if (touch_is_held(guard, row->rel) || judge(guard, row, false) != VERDICT_KEEP)
        return false;
    present_adopt(guard, row->rel);
    return true;
}

/* last: nobody is waited for any more. Return: one of them waits for the user's git. */
static bool look_at_rows(struct guard *guard, bool ended, bool last)
{
    bool waiting = false;

    for (size_t i = guard->judging.count; i-- > 0;) {
        struct judged *row = &guard->judging.rows[i];
        struct stat st;
        int there = guard_find(guard, row->rel, &st, NULL);

        if (there < 0) {
            guard->passed_by = true;
            guard->report->incomplete = guard->report->incomplete || ended;
            continue;
        }
        if (there && row_settle(guard, row, ended) && !(last && row->waiting)) {
            waiting = waiting || row->waiting;
            if (!ended && row_is_adopted(guard, row))
                row_drop(guard, row);
            continue;
        }
        if (there)
            guard_take(guard, row->rel, ended);
        if (!judge_is_git(row->rel) || guard_find(guard, row->rel, &st, NULL) == 0)
            row_drop(guard, row);
    }
    return waiting;
}

/* At the end the user's git is waited for, as long as a caller can wait. */
void guard_judge_again(struct guard *guard, bool ended)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};
    int64_t now_ms = clock_ms();
    int64_t until_ms = now_ms + END_MS;
    bool last = false;

    /* Reports come by the hundred while git works, and each look reads its index anew. */
    if (!ended && now_ms < guard->judging.again_ms)
        return;
    guard->judging.again_ms = now_ms + AGAIN_MS;
    while (look_at_rows(guard, ended, last) && ended && !last) {
        nanosleep(&pause, NULL);
        last = clock_ms() >= until_ms;
    }
}

int guard_judge_next_ms(const struct guard *guard)
{
    return guard->judging.count > 0 ? AGAIN_MS : 0;
}

bool guard_keeps(struct guard *guard, const char *rel, bool ended)
{
    struct judged *row = row_of(guard, rel);

    if (row == NULL)
        row = row_add(guard, rel);
    if (row == NULL)
        return false;
    if (row_settle(guard, row, ended))
        return true;
    row_drop(guard, row);
    return false;
}

void guard_judge_made(struct guard *guard, bool ended)
{
    const struct plan_file *file = guard->seen.file;

    for (size_t i = 0; i < file->present_count; i++) {
        const char *rel = file->present[i].rel;

        if (judge_is_git(rel) && was_changed_again(guard, rel) && !guard_keeps(guard, rel, ended))
            guard_take(guard, rel, ended);
    }
}
