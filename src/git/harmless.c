/* Looks through a repository for what git would run (gitrepository-layout(5), git-config(1)). */
#include "svenv/git/harmless.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"
#include "svenv/git/plain.h"
#include "svenv/seen/scan.h"

enum {
    HEAD_TEXT_BYTES = PATH_MAX + 16,
    NESTED_MAX = 4, /* submodules in submodules */
    HASH_LETTERS = 40
};

ssize_t git_read_small(int dir, const char *name, char *text_out, size_t size)
{
    auto_fd int fd = fd_open_beneath(dir, name, O_RDONLY, 0);
    struct stat st;
    ssize_t len = 0;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || (size_t)st.st_size >= size)
        return -EINVAL;
    len = pread(fd, text_out, size - 1, 0);
    if (len < 0)
        return -errno;
    text_out[len] = '\0';
    return strlen(text_out) == (size_t)len ? len : -EINVAL;
}

/* git's own samples do not run. */
static int is_no_sample(void *context, int dir, const char *name, bool directory)
{
    (void)context;
    (void)dir;
    return directory || !str_ends(name, ".sample");
}

static int is_no_exclude(void *context, int dir, const char *name, bool directory)
{
    (void)context;
    (void)dir;
    return directory || !(str_eq(name, "exclude") || str_eq(name, "refs"));
}

static int is_anything(void *context, int dir, const char *name, bool directory)
{
    (void)context;
    (void)dir;
    (void)name;
    (void)directory;
    return 1;
}

struct nested {
    unsigned depth;
    unsigned level;
};

/* A directory of modules, or the repository of one. */
static int is_harmful_module(void *context, int dir, const char *name, bool directory)
{
    const struct nested *outer = context;
    struct nested inner = {.depth = outer->depth + 1, .level = outer->level + 1};
    auto_fd int module = -1;
    int repository = 0;

    if (!directory)
        return str_ends(name, ".lock") ? 0 : 1;
    module = fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
    repository = module < 0 ? module : repository_at(module);
    if (repository < 0 || outer->level == NESTED_MAX)
        return 1;
    if (repository > 0)
        return !git_is_harmless(module, inner.depth);
    return scan_names(module, is_harmful_module, &inner);
}

static const struct {
    const char *name;
    scan_fn *fn; /* says what must not be in it; NULL: must not be there at all */
} harmless_parts[] = {
    {"hooks", is_no_sample},
    {"info", is_no_exclude},
    {"modules", is_harmful_module},
    {"worktrees", is_anything},
    {"commondir", NULL},
    {"config.worktree", NULL},
    {"objects/info/alternates", NULL},
    {"objects/info/http-alternates", NULL},
};

static bool part_is_harmless(int dir, size_t index, unsigned depth)
{
    const char *name = harmless_parts[index].name;
    struct nested nested = {.depth = depth + 1};
    auto_fd int part = -1;
    struct stat st;
    int rc = look_at(dir, name, false, &st);

    if (rc <= 0)
        return rc == 0;
    if (harmless_parts[index].fn == NULL || !S_ISDIR(st.st_mode))
        return false;
    part = fd_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
    return part == -ENOENT ||
           (part >= 0 && scan_names(part, harmless_parts[index].fn, &nested) == 0);
}

/* core.worktree of a submodule's repository leads to a directory below that of the repository that
 * it is in, and so past no other .git. */
static bool worktree_is_own(const char *worktree, unsigned depth)
{
    for (; depth > 0 && str_starts(worktree, "../"); depth--)
        worktree += 3;
    return depth == 0 && *worktree != '\0' && *worktree != '/' && strstr(worktree, "..") == NULL &&
           strcasestr(worktree, REPOSITORY_DOT_GIT) == NULL;
}

static bool head_is_harmless(int dir)
{
    char line[HEAD_TEXT_BYTES];
    ssize_t len = git_read_small(dir, REPOSITORY_HEAD_NAME, line, sizeof(line));

    if (len == -ENOENT)
        return true;
    return len > 0 &&
           (str_starts(line, "ref: refs/") || strspn(line, "0123456789abcdef") >= HASH_LETTERS);
}

bool git_is_harmless(int dir, unsigned depth)
{
    char text[GIT_CONFIG_BYTES_MAX], worktree[PATH_MAX] = "";
    bool nested = depth > 1;
    ssize_t len = git_read_small(dir, "config", text, sizeof(text));

    if (len < 0 && len != -ENOENT)
        return false;
    if (len > 0 && !git_config_is_plain(text, (size_t)len, nested ? worktree : NULL,
                                        nested ? sizeof(worktree) : 0))
        return false;
    if (*worktree != '\0' && !worktree_is_own(worktree, depth))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(harmless_parts); i++) {
        if (!part_is_harmless(dir, i, depth))
            return false;
    }
    return head_is_harmless(dir);
}
