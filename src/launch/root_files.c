/* Operations that make nodes in file systems of our own. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"

#include "root-internal.h"

static int node_error(struct err *err, int code, const struct plan_op *op)
{
    if (code == EXDEV)
        return err_plain(err, code,
                         "mount point '%s' does not exist in a directory of the host, and nothing "
                         "is created there; make it first (%s)",
                         op->dest, op->origin);
    return err_set(err, code, "cannot make '%s' in the sandbox (%s)", op->dest, op->origin);
}

/* Return: 1 when the node is there already. */
static int prepare_node(const struct builder *b, const struct plan_op *op, int *dir_out,
                        const char **name_out, struct err *err)
{
    auto_fd int present = -1;
    int rc;

    if (dest_is_ours(b, op->dest)) {
        *dir_out = AT_FDCWD;
        *name_out = dest_path(op->dest);
        return 0;
    }
    present = dest_open(b, op->dest, O_PATH);
    if (present >= 0)
        return 1;
    rc = dest_open_parent(b, op->dest, dir_out, name_out);
    return rc < 0 ? node_error(err, -rc, op) : 0;
}

int op_dir(struct builder *b, const struct plan_op *op, struct err *err)
{
    const char *name = NULL;
    auto_fd int dir = -1;
    int rc = prepare_node(b, op, &dir, &name, err);

    if (rc == 0 && mkdirat(dir, name, op->mode ? op->mode : 0755) < 0 && errno != EEXIST)
        return node_error(err, errno, op);
    return rc < 0 ? rc : 0;
}

int op_file(struct builder *b, const struct plan_op *op, struct err *err)
{
    const char *name = NULL;
    auto_fd int dir = -1;
    auto_fd int fd = -1;
    mode_t mode = op->mode ? op->mode : 0644;
    int rc = prepare_node(b, op, &dir, &name, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (!op->src) {
        if (mknodat(dir, name, S_IFREG | mode, 0) < 0 && errno != EEXIST)
            return node_error(err, errno, op);
        return 0;
    }
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return node_error(err, errno, op);
    rc = fd_write_all(fd, op->src, strlen(op->src));
    return rc < 0 ? node_error(err, -rc, op) : 0;
}

int op_symlink(struct builder *b, const struct plan_op *op, struct err *err)
{
    const char *name = NULL;
    auto_fd int dir = -1;
    int rc = prepare_node(b, op, &dir, &name, err);

    if (rc == 0 && symlinkat(op->src, dir, name) < 0 && errno != EEXIST)
        return node_error(err, errno, op);
    dest_note_foreign(b, op);
    return rc < 0 ? rc : 0;
}

int op_chmod(struct builder *b, const struct plan_op *op, struct err *err)
{
    auto_fd int dest = dest_open(b, op->dest, O_RDONLY | O_NONBLOCK);
    int rc = dest < 0 ? dest : dest_is_own(b, dest);

    if (rc == 0 && fchmod(dest, op->mode) < 0)
        rc = -errno;
    return rc < 0 ? err_set(err, -rc, "cannot change the mode of '%s' (%s)", op->dest, op->origin)
                  : 0;
}
