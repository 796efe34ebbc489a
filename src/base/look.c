/* Looks at files that keep "it is not there" and "it could not be looked at" apart. */
#include "svenv/base/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "svenv/base/str.h"

bool look_is_answer(int code)
{
    switch (code < 0 ? -code : code) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case ELOOP:
    case ENAMETOOLONG:
        return true;
    default:
        return false;
    }
}

static int answer_of(int code)
{
    return look_is_answer(code) ? 0 : -code;
}

int look_at(int dir, const char *path, bool follow, struct stat *out)
{
    return fstatat(dir, path, out, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 ? 1 : answer_of(errno);
}

int look_readable(const char *path)
{
    return access(path, R_OK) == 0 ? 1 : answer_of(errno);
}

int look_real(const char *path, char **out)
{
    char *real = realpath(path, NULL);

    if (real == NULL)
        return answer_of(errno);
    *out = real;
    return 1;
}

int look_open_dir(int dir, const char *path, int flags, DIR **out)
{
    int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    DIR *stream = NULL;
    int rc = 0;

    if (fd < 0)
        return answer_of(errno);
    stream = fdopendir(fd);
    if (stream == NULL) {
        rc = -errno;
        close(fd);
        return rc;
    }
    *out = stream;
    return 1;
}

int look_next(DIR *stream, const struct dirent **out)
{
    const struct dirent *entry = NULL;

    do {
        errno = 0;
        entry = readdir(stream);
    } while (entry != NULL && (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..")));
    if (entry == NULL)
        return answer_of(errno);
    *out = entry;
    return 1;
}

int look_for_content(const char *path)
{
    auto_dir DIR *stream = opendir(path);
    const struct dirent *entry = NULL;

    if (stream == NULL)
        return errno == ENOENT ? 0 : -errno;
    return look_next(stream, &entry);
}
