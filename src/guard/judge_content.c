/* Compares files with what a repository's index says. The caller has seen to it that nothing inside
 * reaches them by their names any more. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/git/index.h"

#include "guard-internal.h"

enum {
    CONTENT_BYTES_MAX = 64 << 20,
    CONTENT_DEPTH_MAX = 16,
    CONTENT_FILES_MAX = 4096,
    PART_BYTES = 16384
};

struct content {
    struct guard *guard;
    const struct judge_repository *repository;
    struct git_index index;
    bool ended;
    bool takes; /* the second time: what does not belong there is taken */
    unsigned depth;
    size_t files, kept, waiting, doubtful;
    struct scan_path rel;   /* below the project */
    struct scan_path below; /* the worktree */
};

/* git names a content by its kind and length as well. */
static void begin_blob(struct sha1 *sha1, size_t len)
{
    char head[32];
    int bytes = snprintf(head, sizeof(head), "blob %zu", len);

    sha1_init(sha1);
    sha1_add(sha1, head, (size_t)bytes + 1);
}

static bool is_blob(struct sha1 *sha1, const struct git_entry *entry)
{
    unsigned char hash[SHA1_BYTES];

    sha1_finish(sha1, hash);
    return memcmp(hash, entry->hash, sizeof(hash)) == 0;
}

static bool content_fits(int fd, const struct stat *st, const struct git_entry *entry)
{
    char part[PART_BYTES];
    struct sha1 sha1;
    struct stat after;
    off_t at = 0;
    ssize_t got = 0;

    begin_blob(&sha1, (size_t)st->st_size);
    while (at < st->st_size && (got = pread(fd, part, sizeof(part), at)) > 0) {
        sha1_add(&sha1, part, (size_t)got);
        at += got;
    }
    return at == st->st_size && is_blob(&sha1, entry) && fstat(fd, &after) == 0 &&
           after.st_size == st->st_size && clock_ns_of(after.st_ctim) == clock_ns_of(st->st_ctim);
}

/* A read lease (fcntl(2)) is given only while nobody has the file open, or mapped, for writing. */
static enum verdict weigh_file(const struct content *c, int dir, const char *name,
                               const struct git_entry *entry)
{
    auto_fd int fd = fd_open_beneath(dir, name, O_RDONLY, 0);
    enum verdict verdict = VERDICT_TAKE;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return fd == -ENOENT ? VERDICT_KEEP : VERDICT_TAKE;
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size > CONTENT_BYTES_MAX ||
        (entry->mode != GIT_MODE_FILE && entry->mode != GIT_MODE_PROGRAM) ||
        ((st.st_mode & S_IXUSR) && entry->mode == GIT_MODE_FILE))
        return VERDICT_TAKE;
    signal(SIGIO, SIG_IGN); /* somebody wants to write now */
    if (!c->ended && fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN ? VERDICT_WAIT : VERDICT_TAKE;
    if (content_fits(fd, &st, entry))
        verdict = VERDICT_KEEP;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return verdict;
}

static enum verdict weigh_link(int dir, const char *name, const struct git_entry *entry)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(dir, name, text, sizeof(text));
    struct sha1 sha1;

    if (len <= 0 || (size_t)len == sizeof(text) || entry->mode != GIT_MODE_LINK)
        return VERDICT_TAKE;
    begin_blob(&sha1, (size_t)len);
    sha1_add(&sha1, text, (size_t)len);
    return is_blob(&sha1, entry) ? VERDICT_KEEP : VERDICT_TAKE;
}

static enum verdict weigh_name(struct content *c, int dir, const char *name)
{
    struct git_entry entry;
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? VERDICT_KEEP : VERDICT_TAKE;
    if (git_index_find(&c->index, c->below.text, &entry) <= 0)
        return VERDICT_TAKE;
    return S_ISLNK(st.st_mode) ? weigh_link(dir, name, &entry) : weigh_file(c, dir, name, &entry);
}

static int weigh_entry(void *context, int dir, const char *name, bool directory);

/* Return: 0, or negative errno when nobody can say all that is in it. */
static int weigh_directory(struct content *c, int parent, const char *name)
{
    auto_fd int dir = fd_open_beneath(parent, name, O_RDONLY | O_DIRECTORY, 0);
    int rc = 0;

    if (dir < 0)
        return dir == -ENOENT ? 0 : dir;
    if (c->depth == CONTENT_DEPTH_MAX)
        return -ELOOP;
    c->depth++;
    rc = scan_names(dir, weigh_entry, c);
    c->depth--;
    return rc;
}

/* Files in a directory are taken one by one, and a directory that cannot be read as a whole. */
static void content_take(struct content *c)
{
    c->doubtful++;
    if (c->takes)
        guard_take(c->guard, c->rel.text, c->ended);
}

static int weigh_entry(void *context, int dir, const char *name, bool directory)
{
    struct content *c = context;
    enum verdict verdict = VERDICT_KEEP;
    int rel = 0, below = 0;

    if (c->files++ == CONTENT_FILES_MAX)
        return -EOVERFLOW;
    rel = scan_path_add(&c->rel, name);
    if (rel < 0)
        return rel;
    below = scan_path_add(&c->below, name);
    if (below < 0)
        return below;
    if (directory)
        verdict = weigh_directory(c, dir, name) < 0 ? VERDICT_TAKE : VERDICT_KEEP;
    else
        verdict = weigh_name(c, dir, name);
    if (verdict == VERDICT_TAKE)
        content_take(c);
    c->waiting += verdict == VERDICT_WAIT;
    c->kept += !directory && verdict == VERDICT_KEEP;
    scan_path_cut(&c->rel, rel);
    scan_path_cut(&c->below, below);
    return 0;
}

static void content_begin(struct content *c, const char *rel)
{
    scan_path_cut(&c->rel, 0);
    scan_path_cut(&c->below, 0);
    (void)scan_path_add(&c->rel, rel);
    (void)scan_path_add(&c->below, c->repository->below);
    c->files = c->kept = c->waiting = c->doubtful = 0;
}

/* A directory is the user's as far as it has files of the user's. */
static enum verdict judge_directory(struct content *c, const char *rel)
{
    int top = c->guard->seen.top;

    content_begin(c, rel);
    if (weigh_directory(c, top, rel) < 0)
        return VERDICT_TAKE;
    if (c->waiting > 0 || (c->doubtful > 0 && c->repository->at_work))
        return VERDICT_WAIT;
    if (c->kept == 0)
        return VERDICT_TAKE;
    if (c->doubtful == 0)
        return VERDICT_KEEP;
    content_begin(c, rel);
    c->takes = true;
    return weigh_directory(c, top, rel) < 0 ? VERDICT_TAKE : VERDICT_KEEP;
}

enum verdict judge_content(struct guard *guard, const char *rel,
                           const struct judge_repository *repository, bool ended)
{
    struct content content = {.guard = guard, .repository = repository, .ended = ended};
    enum verdict verdict = VERDICT_TAKE;
    auto_fd int parent = scan_open_parent(guard->seen.top, rel);
    struct stat st;

    if (parent < 0 || git_index_open(repository->dir, &content.index) < 0)
        return repository->at_work ? VERDICT_WAIT : VERDICT_TAKE;
    content_begin(&content, rel);
    if (fstatat(parent, path_basename(rel), &st, AT_SYMLINK_NOFOLLOW) < 0)
        verdict = errno == ENOENT ? VERDICT_KEEP : VERDICT_TAKE;
    else if (S_ISDIR(st.st_mode))
        verdict = judge_directory(&content, rel);
    else
        verdict = weigh_name(&content, parent, path_basename(rel));
    git_index_close(&content.index);
    return verdict == VERDICT_TAKE && repository->at_work ? VERDICT_WAIT : verdict;
}
