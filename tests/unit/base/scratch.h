/* A directory of a test's own, as descriptor and path. */
#ifndef SVENV_TESTS_UNIT_BASE_SCRATCH_H
#define SVENV_TESTS_UNIT_BASE_SCRATCH_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/fd.h"

struct scratch {
    char path[64];
    int fd;
};

static inline struct scratch scratch_new(void)
{
    struct scratch s = {.path = "/tmp/svenv-unit-XXXXXX", .fd = -1};

    cr_assert_not_null(mkdtemp(s.path));
    s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(s.fd >= 0);
    return s;
}

static inline void scratch_drop(struct scratch *s)
{
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    close(s->fd);
    cr_assert_eq(tree_remove(tmp, s->path + strlen("/tmp/")), 0);
    close(tmp);
}

static inline void scratch_write(const struct scratch *s, const char *name, const char *text)
{
    int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    cr_assert(fd >= 0, "%s", name);
    cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

static inline bool scratch_has(const struct scratch *s, const char *name)
{
    struct stat st;

    return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

#endif
