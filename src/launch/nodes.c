/* Makes what must exist on the host before the mounts. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/launch/launch.h"
#include "svenv/sys/syscalls.h"

static mode_t dir_mode(const struct plan_node *node)
{
    return node->shared ? 0777 : 0700;
}

static int check_dir(int dir, struct err *err, const struct plan_node *node)
{
    struct stat st;

    if (fstat(dir, &st) < 0)
        return err_set(err, errno, "cannot look at '%s/%s'", node->base, node->rel);
    if (!owner_is_self(&st))
        return err_plain(
            err, EPERM,
            "'%s/%s' belongs to another user: remove it ('sandbox-venv wrap' takes another name "
            "for a directory in /tmp)",
            node->base, node->rel);
    return 0;
}

/* The common case costs one look-up: the node is there. The bind of the node checks whose it is. */
static int nodes_make_dir(int base, const struct plan_node *node, struct err *err)
{
    auto_fd int dir = sys_openat2(base, node->rel, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

    if (dir >= 0)
        return 0;
    if (dir == -ENOENT)
        dir = fd_mkdir_beneath(base, node->rel, dir_mode(node));
    if (dir == -EACCES)
        return err_plain(
            err, EACCES,
            "cannot make the directory '%s/%s': when another account has taken its name in /tmp, "
            "'sandbox-venv wrap' takes another one",
            node->base, node->rel);
    if (dir < 0)
        return err_set(err, -dir, "cannot make the directory '%s/%s'", node->base, node->rel);
    return check_dir(dir, err, node);
}

static int open_parent(int base, const struct plan_node *node, struct err *err)
{
    auto_free char *parent = path_dirname(node->rel);
    int dir = strcmp(parent, ".") == 0 ? fcntl(base, F_DUPFD_CLOEXEC, 3)
                                       : fd_mkdir_beneath(base, parent, dir_mode(node));

    if (dir < 0)
        return err_set(err, -dir, "cannot make the directory '%s/%s'", node->base, parent);
    return dir;
}

static int make_file(int base, const struct plan_node *node, struct err *err)
{
    auto_fd int parent = open_parent(base, node, err);
    auto_fd int file = -1;

    if (parent < 0)
        return parent;
    file = fd_open_beneath(parent, path_basename(node->rel), O_RDONLY | O_CREAT,
                           node->shared ? 0666 : 0600);
    return file < 0 ? err_set(err, -file, "cannot make '%s/%s'", node->base, node->rel) : 0;
}

/* A link that code inside replaced is put back: its text decides where mounts are looked for. */
static int make_symlink(int base, const struct plan_node *node, struct err *err)
{
    const char *name = path_basename(node->rel);
    auto_fd int parent = open_parent(base, node, err);
    char text[PATH_MAX];
    ssize_t len;

    if (parent < 0)
        return parent;
    len = readlinkat(parent, name, text, sizeof(text) - 1);
    if (len >= 0) {
        text[len] = '\0';
        if (strcmp(text, node->target) == 0)
            return 0;
    }
    if (len >= 0 || errno == EINVAL)
        tree_remove(parent, name);
    if (symlinkat(node->target, parent, name) < 0)
        return err_set(err, errno, "cannot make the link '%s/%s'", node->base, node->rel);
    return 0;
}

typedef int node_fn(int base, const struct plan_node *node, struct err *err);
static node_fn *const node_functions[] = {[PLAN_NODE_DIR] = nodes_make_dir,
                                          [PLAN_NODE_FILE] = make_file,
                                          [PLAN_NODE_SYMLINK] = make_symlink};
_Static_assert(ARRAY_SIZE(node_functions) == PLAN_NODE__COUNT, "one function per kind of node");

int nodes_make(const struct plan *plan, struct err *err)
{
    const char *open_base = NULL;
    auto_fd int base = -1;

    for (size_t i = 0; i < plan->node_count; i++) {
        const struct plan_node *node = &plan->nodes[i];
        int rc;

        if (!open_base || strcmp(open_base, node->base) != 0) {
            if (base >= 0)
                close(base);
            base = open(node->base, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            if (base < 0)
                return err_set(err, errno, "cannot open '%s'", node->base);
            open_base = node->base;
        }
        rc = node_functions[node->kind](base, node, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}
