/* The list of the venvs that a user has wrapped. */
#include "svenv/find/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/state.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/sys/syscalls.h"

static int open_state_dir(const struct user *user, struct err *err)
{
    auto_free char *path = state_dir(user);
    int r = user_make_dirs(path, err);
    int dir;

    if (r < 0)
        return r;
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_set(err, errno, "cannot open '%s'", path);
    return dir;
}

/* Of the directory that decides: another one in its place has another inode or time of birth. */
static char *identity_of(const char *venv)
{
    auto_free char *path = path_join(venv, VENV_SANDBOX);
    struct stat st;
    int64_t born_ns = sys_birth_ns(AT_FDCWD, path);

    if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return NULL;
    /* A file system may get another device number when it is mounted again. */
    return xasprintf("%llu:%lld", (unsigned long long)st.st_ino,
                     born_ns < 0 ? 0 : (long long)born_ns);
}

/* The length of the path in a line. */
static size_t path_length(const char *line)
{
    const char *tab = strrchr(line, '\t');

    return tab ? (size_t)(tab - line) : strlen(line);
}

static bool is_line_of(const char *line, const char *path)
{
    return path != NULL && strlen(path) == path_length(line) &&
           strncmp(line, path, path_length(line)) == 0;
}

static void split_lines(char *text, struct strv *out)
{
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');

        if (end)
            *end++ = '\0';
        if (line[0] == '/')
            strv_add(out, line);
        line = end;
    }
}

static int registry_read_lines(int dir, const char *path, struct strv *out, struct err *err)
{
    auto_buf struct buf text = {0};
    int r = file_read(dir, path, REGISTRY_BYTES_MAX, &text, err);

    if (r == -ENOENT)
        return 0;
    if (r == 0)
        split_lines(text.data, out);
    return r;
}

static int read_all(const struct user *user, struct strv *lines, struct err *err)
{
    auto_free char *dir = state_dir(user);
    auto_free char *path = path_join(dir, "venvs");

    return registry_read_lines(AT_FDCWD, path, lines, err);
}

int registry_read(const struct user *user, struct strv *out, struct err *err)
{
    auto_strv struct strv lines = {0};
    int r = read_all(user, &lines, err);

    for (size_t i = 0; r == 0 && i < lines.count; i++)
        strv_take(out, xstrndup(lines.items[i], path_length(lines.items[i])));
    return r;
}

int registry_knows(const struct user *user, const char *path, struct err *err)
{
    auto_strv struct strv lines = {0};
    auto_free char *identity = identity_of(path);
    int r = identity == NULL ? 0 : read_all(user, &lines, err);

    for (size_t i = 0; r == 0 && i < lines.count; i++) {
        const char *line = lines.items[i];

        if (is_line_of(line, path) && line[path_length(line)] == '\t' &&
            str_eq(line + path_length(line) + 1, identity))
            return 1;
    }
    return r;
}

static int rewrite(int dir, const struct strv *lines, const char *added, const char *removed,
                   struct err *err)
{
    auto_buf struct buf text = {0};

    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->items[i];
        auto_free char *path = xstrndup(line, path_length(line));

        if (!is_line_of(line, added) && !is_line_of(line, removed) &&
            venv_is_wrapped(path, NULL) != 0)
            buf_printf(&text, "%s\n", line);
    }
    if (added) {
        auto_free char *identity = identity_of(added);

        buf_printf(&text, "%s\t%s\n", added, identity ? identity : "");
    }
    return file_write_atomic(dir, "venvs", text.data ? text.data : "", text.len, 0600, err);
}

static int change(const struct user *user, const char *added, const char *removed, struct err *err)
{
    auto_strv struct strv lines = {0};
    auto_fd int dir = open_state_dir(user, err);
    auto_fd int lock = -1;
    int r;

    if (dir < 0)
        return dir;
    lock = openat(dir, "venvs.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return err_set(err, errno, "cannot lock the list of virtual environments");
    r = registry_read_lines(dir, "venvs", &lines, err);
    if (r == 0)
        r = rewrite(dir, &lines, added, removed, err);
    return r;
}

int registry_add(const struct user *user, const char *path, struct err *err)
{
    if (strchr(path, '\n'))
        return err_plain(err, EINVAL, "a path with a line break cannot be listed");
    return change(user, path, NULL, err);
}

int registry_remove(const struct user *user, const char *path, struct err *err)
{
    return change(user, NULL, path, err);
}
