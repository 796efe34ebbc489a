/* A worktree's .git is a file that names a directory elsewhere. A program could have written the
 * file before it was protected, so it is believed only when the directory that it names leads back.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "facts-internal.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

char *worktree_path_in(struct host_facts *host, int dir, const char *name, const char *prefix,
                       const char *base)
{
    auto_buf struct buf text = {0};
    int rc = dir < 0 ? -ENOENT : file_read(dir, name, GIT_LINK_BYTES_MAX, &text, NULL);

    facts_unread(host, rc, base);
    if (rc < 0 || text.len == 0)
        return NULL;
    text.data[strcspn(text.data, "\r\n")] = '\0';
    if (!str_starts(text.data, prefix) || text.data[strlen(prefix)] == '\0')
        return NULL;
    return path_normalise(base, text.data + strlen(prefix));
}

static int worktree_open_dir(struct host_facts *host, const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        facts_unread(host, -errno, path);
    return fd;
}

static char *real_of(struct host_facts *host, const char *path)
{
    char *real = NULL;

    facts_unread(host, look_real(path, &real), path);
    return real;
}

/* git-worktree(1): GITDIR/gitdir names the .git file, GITDIR/commondir the repository. */
const char *worktree_repository(struct host_facts *host, const char *project)
{
    auto_fd int top = worktree_open_dir(host, project);
    auto_free char *gitdir = worktree_path_in(host, top, ".git", "gitdir: ", project);
    auto_fd int dir = gitdir ? worktree_open_dir(host, gitdir) : -1;
    auto_free char *real = dir >= 0 ? real_of(host, gitdir) : NULL;
    auto_free char *back = real ? worktree_path_in(host, dir, "gitdir", "", real) : NULL;
    auto_free char *common = back ? worktree_path_in(host, dir, "commondir", "", real) : NULL;
    auto_free char *own = path_join(project, ".git");
    auto_free char *back_real = back ? real_of(host, back) : NULL;
    auto_free char *worktrees = common ? path_join(common, "worktrees") : NULL;
    auto_free char *parent = real ? path_dirname(real) : NULL;

    if (!worktrees || !back_real || path_is_beneath(real, project) ||
        path_is_beneath(common, project) || !str_eq(back_real, own) || !str_eq(parent, worktrees))
        return NULL;
    return arena_strdup(&host->arena, common);
}
