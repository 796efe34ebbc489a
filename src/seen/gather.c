/* Looks at all directories of a plan at once, on as many processors as there are.
 *
 * The processes share rows of results, and each takes the next few that nobody has taken. A row
 * that was not filled, for whatever reason, is looked at by whoever asks for it: so a process that
 * could not be made, or was ended, costs time and nothing else. */
#include "svenv/seen/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/sys/processors.h"
#include "svenv/sys/syscalls.h"

enum {
    WORTH_IT = 1024, /* directories: about the price of a process */
    TAKEN_AT_ONCE = 64
};

struct gathered {
    int64_t ctime_ns;
    uint32_t state; /* 1 + enum seen_state; 0: not looked at. Written last */
};

struct gather_shared {
    size_t next;
    struct gathered rows[];
};

/* path: of the entry, as it is found from `dir`. */
static enum seen_state look_from(int dir, const char *path, const struct plan_seen *entry,
                                 int64_t *ctime_ns_out)
{
    struct file_id id = file_id_known(dir, path, false);
    enum seen_state state = id.mode == 0 ? SEEN_GONE : SEEN_OTHER;

    if (!file_id_is_known(&id))
        state = SEEN_UNKNOWN;
    else if (S_ISDIR(id.mode) && id.dev == entry->dev && id.ino == entry->ino)
        state = SEEN_SAME;
    if (ctime_ns_out)
        *ctime_ns_out = state == SEEN_SAME ? id.ctime_ns : 0;
    return state;
}

enum seen_state seen_look(const struct seen *seen, const struct plan_seen *entry,
                          int64_t *ctime_ns_out)
{
    return look_from(seen->top, *entry->rel ? entry->rel : ".", entry, ctime_ns_out);
}

/* The directory that several entries lie below: the way to it is gone once for all of them. */
struct stem {
    int dir; /* -1: there is none */
    char path[PATH_MAX];
    size_t len; /* with the slash behind it */
};

/* Entries are sorted, so those between two that begin alike begin so, too. */
static void open_stem(const struct gather *gather, const char *first, const char *last,
                      struct stem *stem)
{
    stem->dir = -1;
    stem->len = 0;
    for (size_t i = 0; first[i] != '\0' && first[i] == last[i] && i < sizeof(stem->path); i++) {
        stem->path[i] = first[i];
        if (first[i] == '/')
            stem->len = i + 1;
    }
    if (stem->len == 0)
        return;
    stem->path[stem->len - 1] = '\0';
    stem->dir = openat(gather->seen->top, stem->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void gather_row(const struct gather *gather, const struct stem *stem, size_t index)
{
    const struct plan_seen *entry = &gather->seen->file->seen[index];
    struct gathered *row = &gather->shared->rows[index];
    enum seen_state state;

    if (!plan_seen_is_watched(entry))
        return;
    if (stem->dir >= 0 && strncmp(entry->rel, stem->path, stem->len - 1) == 0 &&
        entry->rel[stem->len - 1] == '/')
        state = look_from(stem->dir, entry->rel + stem->len, entry, &row->ctime_ns);
    else
        state = seen_look(gather->seen, entry, &row->ctime_ns);
    __atomic_store_n(&row->state, 1 + (uint32_t)state, __ATOMIC_RELEASE);
}

static void gather_share(const struct gather *gather)
{
    const struct plan_seen *entries = gather->seen->file->seen;
    size_t count = gather->seen->file->seen_count;
    size_t from;

    while ((from = __atomic_fetch_add(&gather->shared->next, TAKEN_AT_ONCE, __ATOMIC_RELAXED)) <
           count) {
        size_t end = from + TAKEN_AT_ONCE < count ? from + TAKEN_AT_ONCE : count;
        struct stem stem;

        open_stem(gather, entries[from].rel, entries[end - 1].rel, &stem);
        for (size_t i = from; i < end; i++)
            gather_row(gather, &stem, i);
        if (stem.dir >= 0)
            close(stem.dir);
    }
}

/* No allocation, and nothing of the caller's: it looks, and ends. */
static pid_t make_helper(const struct gather *gather)
{
    pid_t pid = sys_fork_with(0, NULL);

    if (pid == 0) {
        gather_share(gather);
        _exit(0);
    }
    if (pid > 0)
        (void)processors_apart(pid);
    return pid;
}

static size_t gather_processors(void)
{
    cpu_set_t own;

    return sched_getaffinity(0, sizeof(own), &own) < 0 ? 1 : (size_t)CPU_COUNT(&own);
}

static struct gather_shared *make_shared(size_t rows)
{
    struct gather_shared *shared =
        mmap(NULL, sizeof(*shared) + rows * sizeof(shared->rows[0]), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    return shared == MAP_FAILED ? NULL : shared;
}

/* One that still has a few rows to go, or is stopped, is not waited for. */
static void end_helpers(const struct gather *gather)
{
    for (size_t i = 0; i < gather->helper_count; i++)
        kill(gather->helpers[i], SIGKILL);
    for (size_t i = 0; i < gather->helper_count; i++) {
        while (waitpid(gather->helpers[i], NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

void gather_begin(struct gather *gather, const struct seen *seen)
{
    size_t count = seen->file->seen_count;
    size_t processors = count < WORTH_IT ? 1 : gather_processors();

    *gather = (struct gather){.seen = seen};
    if (processors < 2)
        return;
    gather->shared = make_shared(count);
    if (gather->shared == NULL)
        return;
    while (gather->helper_count < GATHER_HELPERS_MAX && gather->helper_count + 1 < processors &&
           gather->helper_count < count / WORTH_IT) {
        pid_t pid = make_helper(gather);

        if (pid < 0)
            break;
        gather->helpers[gather->helper_count++] = pid;
    }
    gather_share(gather);
    end_helpers(gather);
}

enum seen_state gather_look(const struct gather *gather, size_t index, int64_t *ctime_ns_out)
{
    const struct gathered *row = gather->shared ? &gather->shared->rows[index] : NULL;
    uint32_t state = row ? __atomic_load_n(&row->state, __ATOMIC_ACQUIRE) : 0;

    if (state == 0)
        return seen_look(gather->seen, &gather->seen->file->seen[index], ctime_ns_out);
    *ctime_ns_out = row->ctime_ns;
    return (enum seen_state)(state - 1);
}

void gather_end(struct gather *gather)
{
    size_t rows = gather->seen->file->seen_count;

    if (gather->shared)
        munmap(gather->shared, sizeof(*gather->shared) + rows * sizeof(gather->shared->rows[0]));
    gather->shared = NULL;
}
