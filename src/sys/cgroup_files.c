/* The hierarchy of control groups as files: where it is, what stands in them, which group is whose.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#include "cgroup-internal.h"

#define DELETED " (deleted)"

int cgroup_open_hierarchy(void)
{
    /* The second is where systemd's hybrid layout has it. */
    static const char *const seen[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

    for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
        auto_fd int fd = open(seen[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct statfs fs;

        if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
            return steal_fd(&fd);
    }
    return -ENOENT;
}

int cgroup_read(int dir, const char *name, char *text, size_t size)
{
    auto_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t got = 1;

    if (fd < 0)
        return -errno;
    while (got > 0 && len + 1 < size) {
        got = read(fd, text + len, size - 1 - len);
        if (got < 0)
            return -errno;
        len += (size_t)got;
    }
    if (got > 0)
        return -EFBIG;
    text[len] = '\0';
    return 0;
}

bool cgroup_go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (path[1] == '\0')
        return false;
    slash[slash == path] = '\0';
    return true;
}

int cgroup_write(int dir, const char *name, const char *text)
{
    auto_fd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    ssize_t put = fd < 0 ? -1 : write(fd, text, strlen(text));

    if (put < 0)
        return -errno;
    return (size_t)put == strlen(text) ? 0 : -EIO;
}

/* Has the path a component ".."? The kernel writes one for a group outside the caller's namespace.
 */
static bool leads_out(const char *path)
{
    for (const char *at = strstr(path, "/.."); at; at = strstr(at + 1, "/..")) {
        if (at[3] == '/' || at[3] == '\0')
            return true;
    }
    return false;
}

int cgroup_parse_path(const char *text, size_t len, char *path_out, size_t size)
{
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = (size_t)((newline ? newline : end) - text);

        if (line < 3 || memcmp(text, "0::", 3) != 0) {
            text += line + 1;
            continue;
        }
        line -= 3;
        if (line == 0 || line >= size || text[3] != '/' || memchr(text + 3, '\0', line))
            return -EINVAL;
        memcpy(path_out, text + 3, line);
        path_out[line] = '\0';
        return leads_out(path_out) || str_ends(path_out, DELETED) ? -EXDEV : 0;
    }
    return -ENOENT;
}

int cgroup_path_of(pid_t pid, char *path, size_t size, struct err *err)
{
    char file[64], text[CGROUP_TEXT_MAX + 1024];
    int rc;

    snprintf(file, sizeof(file), "/proc/%d/cgroup", pid ? (int)pid : (int)getpid());
    rc = cgroup_read(AT_FDCWD, file, text, sizeof(text));
    if (rc == 0)
        rc = cgroup_parse_path(text, strlen(text), path, size);
    return rc < 0 ? err_set(err, -rc, "cannot find the control group of process %d", (int)pid) : 0;
}
