/* Opens places in the sandbox's root, beneath it and without following links. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/sys/syscalls.h"

#include "root-internal.h"

const char *dest_path(const char *dest)
{
    while (*dest == '/')
        dest++;
    return *dest ? dest : ".";
}

void dest_note_foreign(struct builder *b, const struct plan_op *op)
{
    if (b->foreign_count < FOREIGN_MAX)
        b->foreign[b->foreign_count] = op;
    b->foreign_count++;
}

/* Processes' directories, and `self` and its kind, have links in them or are some. */
static bool is_kernel_file(const char *dest, const struct plan_op *proc)
{
    const char *name = proc->kind == PLAN_PROC ? path_relative_to(dest, proc->dest) : NULL;

    return name && name[0] >= 'a' && name[0] <= 'z' && !strchr(name, '/') &&
           !str_eq(name, "self") && !str_eq(name, "thread-self") && !str_eq(name, "mounts") &&
           !str_eq(name, "net");
}

bool dest_is_ours(const struct builder *b, const char *dest)
{
    if (b->foreign_count > FOREIGN_MAX)
        return false;
    for (size_t i = 0; i < b->foreign_count; i++) {
        if (path_is_beneath(dest, b->foreign[i]->dest) && !is_kernel_file(dest, b->foreign[i]))
            return false;
    }
    return true;
}

int dest_open(const struct builder *b, const char *dest, uint64_t flags)
{
    return sys_openat2(b->root, dest_path(dest), flags | O_CLOEXEC, 0,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

int dest_is_own(const struct builder *b, int dir)
{
    struct stat st;

    if (fstat(dir, &st) < 0)
        return -errno;
    for (size_t i = 0; i < b->own_count; i++) {
        if (b->own[i] == st.st_dev)
            return 0;
    }
    return -EXDEV;
}

int dest_open_parent(const struct builder *b, const char *dest, int *dir_out, const char **name_out)
{
    const char *path = dest_path(dest);
    const char *slash = strrchr(path, '/');
    auto_fd int fd = -1;
    char dir[PATH_MAX];
    int rc;

    if (slash && (size_t)(slash - path) >= sizeof(dir))
        return -ENAMETOOLONG;
    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    fd = dest_open(b, dir, O_PATH | O_DIRECTORY);
    rc = fd < 0 ? fd : dest_is_own(b, fd);
    if (rc < 0)
        return rc;
    *dir_out = steal_fd(&fd);
    *name_out = slash ? slash + 1 : path;
    return 0;
}
