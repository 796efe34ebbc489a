/* The list of the venvs that a user has wrapped. */
#include "registry-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/state.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"

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

int registry_read(const struct user *user, struct strv *out, struct err *err)
{
    auto_free char *dir = state_dir(user);
    auto_free char *path = path_join(dir, "venvs");

    return registry_read_lines(AT_FDCWD, path, out, err);
}

static int rewrite(int dir, const struct strv *lines, const char *added, const char *removed,
                   struct err *err)
{
    auto_buf struct buf text = {0};

    for (size_t i = 0; i < lines->count; i++) {
        const char *line = lines->items[i];
        bool is_named = (added && str_eq(line, added)) || (removed && str_eq(line, removed));

        if (!is_named && venv_is_wrapped(line, NULL) != 0)
            buf_printf(&text, "%s\n", line);
    }
    if (added)
        buf_printf(&text, "%s\n", added);
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
