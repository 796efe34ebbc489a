/* Looks at both sides of a venv's bin, name by name. */
#include "svenv/find/survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

#include "svenv/find/names.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"

/* A tool that writes in place empties the file first; an empty file that is older than this is no
 * longer being written. */
#define DAMAGE_AGE_SECONDS 5

struct listed {
    const char *name;
    struct stat st;
};

struct listing {
    struct listed *items;
    size_t count;
};

static int compare_listed(const void *a, const void *b)
{
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static int sides_read_names(struct arena *arena, DIR *stream, struct listing *out)
{
    const struct dirent *entry = NULL;

    while ((errno = 0, entry = readdir(stream)) != NULL) {
        struct stat st;
        struct listed *item = NULL;

        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
            continue;
        if (fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT)
                continue;
            return -errno;
        }
        if (out->count == SURVEY_NAMES_MAX)
            return -EOVERFLOW;
        item = arena_push(arena, &out->items, &out->count, sizeof(*item));
        *item = (struct listed){.name = arena_strdup(arena, entry->d_name), .st = st};
    }
    return -errno;
}

static int list_dir(struct arena *arena, int dir, const char *shown, struct listing *out,
                    struct err *err)
{
    int fd = dir >= 0 ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *stream = NULL;
    int rc = 0;

    if (dir < 0)
        return 0;
    stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        rc = err_set(err, errno, "cannot read the directory '%s'", shown);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    rc = sides_read_names(arena, stream, out);
    closedir(stream);
    if (rc == -EOVERFLOW)
        return err_plain(err, EOVERFLOW, "'%s' has more than %d names: remove some", shown,
                         SURVEY_NAMES_MAX);
    if (rc < 0)
        return err_set(err, -rc, "cannot read the directory '%s'", shown);
    if (out->count > 0)
        qsort(out->items, out->count, sizeof(*out->items), compare_listed);
    return 0;
}

/* A link in the host's bin is an entry when its target can be run. (Links inside are never
 * followed: see classify_real().) */
static int classify_link(int dir, const char *name)
{
    struct stat st;
    int rc = look_at(dir, name, true, &st);

    if (rc < 0)
        return rc;
    return rc > 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111) ? SIDE_ENTRY : SIDE_PLAIN;
}

static bool is_worn(const struct stat *st)
{
    return (st->st_mode & 07777) != STUB_MODE || st->st_nlink != 1 || st->st_uid != geteuid();
}

static int classify_bin(const struct site *site, const struct stubs *stubs, struct pair *pair)
{
    const struct stat *st = &pair->bin_st;
    int match = stubs_match(stubs, site->bin, pair->name, st);
    int side = 0;

    if (match < 0)
        return match;
    if (match != STUB_NONE) {
        pair->bin = SIDE_STUB;
        pair->worn = match == STUB_OLD || is_worn(st);
    } else if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode)) {
        pair->bin = SIDE_OTHER;
    } else if (name_is_sourced(pair->name)) {
        pair->bin = SIDE_PLAIN;
    } else if (S_ISLNK(st->st_mode)) {
        side = classify_link(site->bin, pair->name);
        if (side < 0)
            return side;
        pair->bin = (enum side)side;
    } else {
        pair->bin = st->st_mode & 0111 ? SIDE_ENTRY : SIDE_PLAIN;
    }
    return 0;
}

static enum side classify_real(const struct stat *st)
{
    if (S_ISLNK(st->st_mode))
        return SIDE_ENTRY;
    if (!S_ISREG(st->st_mode))
        return SIDE_OTHER;
    return st->st_mode & 0111 ? SIDE_ENTRY : SIDE_PLAIN;
}

static int same_text(const struct site *site, const char *name)
{
    char a[PATH_MAX];
    char b[PATH_MAX];
    ssize_t a_len = readlinkat(site->bin, name, a, sizeof(a));
    ssize_t b_len = a_len < 0 ? -1 : readlinkat(site->real, name, b, sizeof(b));

    if (a_len < 0 || b_len < 0)
        return errno == EINVAL || look_is_answer(errno) ? 0 : -errno;
    return a_len == b_len && memcmp(a, b, (size_t)a_len) == 0;
}

/* Return: 1, 0, or negative errno. So do those below. */
static int sides_is_same(const struct site *site, const struct pair *pair)
{
    const struct stat *a = &pair->bin_st;
    const struct stat *b = &pair->real_st;

    if (S_ISLNK(a->st_mode) && S_ISLNK(b->st_mode))
        return same_text(site, pair->name);
    return S_ISREG(a->st_mode) && a->st_mode == b->st_mode && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int holds_only_nul(const struct site *site, const char *name, size_t size)
{
    auto_buf struct buf bytes = {0};
    auto_fd int fd = fd_open_beneath(site->bin, name, O_RDONLY, 0);
    int rc = fd < 0 ? fd : fd_read_all(fd, size, &bytes);

    if (rc < 0)
        return look_is_answer(rc) || rc == -EFBIG ? 0 : rc;
    return bytes.len > 0 && bytes.data[0] == '\0' &&
           memcmp(bytes.data, bytes.data + 1, bytes.len - 1) == 0;
}

static int is_damaged(const struct site *site, const struct stubs *stubs, const struct pair *pair)
{
    const struct stat *st = &pair->bin_st;

    if (!S_ISREG(st->st_mode))
        return 0;
    /* The file has a stub's size, and not even its owner may read it: somebody took the permission
     * away. */
    if (stubs_fit(stubs, st) && !(st->st_mode & S_IRUSR) && st->st_uid == geteuid())
        return 1;
    if (time(NULL) - st->st_mtim.tv_sec < DAMAGE_AGE_SECONDS)
        return 0;
    if (st->st_size == 0)
        return 1;
    if ((uint64_t)st->st_size != stubs->known[0].len)
        return 0;
    return holds_only_nul(site, pair->name, (size_t)st->st_size);
}

static int compare_sides(const struct site *site, const struct stubs *stubs, struct pair *pair)
{
    const struct stat *bin = &pair->bin_st;
    const struct stat *real = &pair->real_st;
    int rc = 0;

    pair->linked = bin->st_dev == real->st_dev && bin->st_ino == real->st_ino;
    rc = pair->linked ? 1 : sides_is_same(site, pair);
    if (rc < 0)
        return rc;
    pair->same = rc > 0;
    if (pair->bin != SIDE_ENTRY || !pair->known || pair->linked)
        return 0;
    rc = is_damaged(site, stubs, pair);
    pair->damaged = rc > 0;
    return rc < 0 ? rc : 0;
}

static int sides_classify(const struct site *site, const struct stubs *stubs, struct pair *pair,
                          const struct listed *bin, const struct listed *real)
{
    int rc = 0;

    if (bin != NULL) {
        pair->bin_st = bin->st;
        rc = classify_bin(site, stubs, pair);
    }
    if (real != NULL) {
        pair->real_st = real->st;
        pair->real = classify_real(&real->st);
    }
    if (rc < 0 || bin == NULL || real == NULL)
        return rc;
    return compare_sides(site, stubs, pair);
}

/* The next of a sorted list when it has this name. */
static const struct listed *take_if(const struct listing *list, size_t *at, const char *name)
{
    if (*at < list->count && str_eq(list->items[*at].name, name))
        return &list->items[(*at)++];
    return NULL;
}

static const char *least_name(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    return strcmp(a, b) <= 0 ? a : b;
}

static const char *name_at(const struct listing *list, size_t at)
{
    return at < list->count ? list->items[at].name : NULL;
}

/* Names that only the manifest has are on neither side: nothing is left to be done about them. */
static int merge(struct survey *survey, const struct site *site, const struct stubs *stubs,
                 const struct venv *manifest, const struct listing lists[2], struct err *err)
{
    size_t at[3] = {0};
    const char *name = NULL;
    int rc = 0;

    while ((name = least_name(name_at(&lists[0], at[0]), name_at(&lists[1], at[1]))) != NULL) {
        struct pair *pair =
            arena_push(&survey->arena, &survey->pairs, &survey->count, sizeof(*pair));

        while (at[2] < manifest->entry_count && strcmp(manifest->entries[at[2]].name, name) < 0)
            at[2]++;
        pair->name = name;
        pair->known = at[2] < manifest->entry_count && str_eq(manifest->entries[at[2]].name, name);
        rc = sides_classify(site, stubs, pair, take_if(&lists[0], &at[0], name),
                            take_if(&lists[1], &at[1], name));
        if (rc < 0)
            return err_set(err, rc, "cannot look at '%s'", name);
    }
    return 0;
}

int survey_take(struct survey *survey, const struct site *site, const struct stubs *stubs,
                const struct venv *manifest, struct err *err)
{
    struct listing lists[2] = {{0}, {0}};
    int rc = 0;

    *survey = (struct survey){.count = 0};
    rc = list_dir(&survey->arena, site->bin, "bin", &lists[0], err);
    if (rc == 0)
        rc = list_dir(&survey->arena, site->real, IN_SANDBOX(SANDBOX_BIN), &lists[1], err);
    if (rc == 0)
        rc = merge(survey, site, stubs, manifest, lists, err);
    return rc < 0 ? err_wrap(err, "in '%s'", site->path) : 0;
}

void survey_finish(struct survey *survey)
{
    arena_finish(&survey->arena);
    *survey = (struct survey){.count = 0};
}
