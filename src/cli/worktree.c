/* A worktree's .git is a file that names a directory elsewhere. The file lies where a program could
 * have written it before it was protected, so it is believed only when what it names leads back. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts-internal.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

enum {
    LINE_BYTES_MAX = 8192
};

/* The first line of a small regular file without `prefix`, absolute against `dir`; NULL: there is
 * no such line. Caller frees. */
static char *path_in(int dir, const char *name, const char *prefix, const char *base)
{
    auto_buf struct buf text = {0};

    if (dir < 0 || file_read(dir, name, LINE_BYTES_MAX, &text, NULL) < 0 || text.len == 0)
        return NULL;
    text.data[strcspn(text.data, "\r\n")] = '\0';
    if (!str_starts(text.data, prefix) || text.data[strlen(prefix)] == '\0')
        return NULL;
    return path_normalise(base, text.data + strlen(prefix));
}

/* git-worktree(1): GITDIR/gitdir names the .git file, GITDIR/commondir the repository. */
const char *worktree_repository(struct arena *arena, const char *project)
{
    auto_fd int top = open(project, O_PATH | O_DIRECTORY | O_CLOEXEC);
    auto_free char *gitdir = path_in(top, ".git", "gitdir: ", project);
    auto_fd int dir = gitdir ? open(gitdir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    auto_free char *real = dir >= 0 ? realpath(gitdir, NULL) : NULL;
    auto_free char *back = real ? path_in(dir, "gitdir", "", real) : NULL;
    auto_free char *common = back ? path_in(dir, "commondir", "", real) : NULL;
    auto_free char *own = path_join(project, ".git");
    auto_free char *back_real = back ? realpath(back, NULL) : NULL;
    auto_free char *worktrees = common ? path_join(common, "worktrees") : NULL;
    auto_free char *parent = real ? path_dirname(real) : NULL;

    if (!worktrees || !back_real || path_is_beneath(real, project) ||
        path_is_beneath(common, project) || !str_eq(back_real, own) || !str_eq(parent, worktrees))
        return NULL;
    return arena_strdup(arena, common);
}
