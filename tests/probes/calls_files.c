#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

enum {
    NR_OPENAT2 = 437,
    NR_FCHMODAT2 = 452
};

static int after_close(int fd, int rc)
{
    close(fd);
    return rc;
}

static int call_mknod(char **words)
{
    mode_t type = words[1][0] == 'b' ? S_IFBLK : words[1][0] == 'p' ? S_IFIFO : S_IFCHR;
    dev_t dev = makedev((unsigned)number_of(words[2]), (unsigned)number_of(words[3]));

    return result_of(mknod(words[0], type | 0600, dev));
}

static int call_whiteout(char **words)
{
    return result_of(
        syscall(SYS_renameat2, AT_FDCWD, words[0], AT_FDCWD, words[1], 4 /* RENAME_WHITEOUT */));
}

static int call_chmod(char **words)
{
    return result_of(chmod(words[0], (mode_t)number_of(words[1])));
}

static int call_fchmod(char **words)
{
    int fd = open(words[0], O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : after_close(fd, result_of(fchmod(fd, (mode_t)number_of(words[1]))));
}

static int call_fchmodat2(char **words)
{
    return result_of(syscall(NR_FCHMODAT2, AT_FDCWD, words[0], (mode_t)number_of(words[1]), 0));
}

static int call_creat(char **words)
{
    return result_of(open(words[0], O_WRONLY | O_CREAT | O_EXCL, (mode_t)number_of(words[1])));
}

static int call_openat2(char **words)
{
    struct {
        unsigned long long flags, mode, resolve;
    } how = {.flags = O_RDONLY};

    return result_of(syscall(NR_OPENAT2, AT_FDCWD, words[0], &how, sizeof(how)));
}

/* openat2 takes its mode from memory, where a filter cannot look. */
static int call_openat2_creat(char **words)
{
    struct {
        unsigned long long flags, mode, resolve;
    } how = {.flags = O_WRONLY | O_CREAT | O_EXCL, .mode = (unsigned long long)number_of(words[1])};

    return result_of(syscall(NR_OPENAT2, AT_FDCWD, words[0], &how, sizeof(how)));
}

static int call_lease(char **words)
{
    int fd = open(words[0], O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -errno : after_close(fd, result_of(fcntl(fd, F_SETLEASE, F_RDLCK)));
}

static int call_notify(char **words)
{
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)words;
    return fd < 0 ? -errno : after_close(fd, result_of(fcntl(fd, F_NOTIFY, DN_CREATE)));
}

static int call_truncate(char **words)
{
    return result_of(truncate(words[0], 0));
}

static int call_link(char **words)
{
    return result_of(link(words[0], words[1]));
}

static int call_rename(char **words)
{
    return result_of(rename(words[0], words[1]));
}

static int call_vmsplice(char **words)
{
    static char text[] = "probe";
    struct iovec part = {.iov_base = text, .iov_len = sizeof(text)};
    int ends[2];

    (void)words;
    return pipe(ends) < 0 ? -errno : result_of(vmsplice(ends[1], &part, 1, 0));
}

static int call_tee(char **words)
{
    int from[2], to[2];

    (void)words;
    if (pipe(from) < 0 || pipe(to) < 0 || write(from[1], "x", 1) != 1)
        return -errno;
    return result_of(tee(from[0], to[1], 1, 0));
}

static int call_splice(char **words)
{
    int ends[2];
    int fd = open(words[0], O_RDONLY | O_CLOEXEC);

    if (fd < 0 || pipe(ends) < 0)
        return -errno;
    return result_of(splice(fd, NULL, ends[1], NULL, 1, 0));
}

/* Executes a copy of this very program from memory: it must be as confined as the file was. */
static int call_memfd_exec(char **words)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int memory = memfd_create("probe", 0);
    char path[64], part[4096];
    char *argv[] = {part, words[0], words[1], NULL};
    ssize_t got;

    if (from < 0 || memory < 0)
        return -errno;
    while ((got = read(from, part, sizeof(part))) > 0) {
        if (write(memory, part, (size_t)got) != got)
            return -errno;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
    snprintf(part, sizeof(part), "probe-calls");
    execve(path, argv, environ);
    return -errno;
}

const struct call file_calls[] = {
    {"mknod", call_mknod, false},
    {"whiteout", call_whiteout, false},
    {"chmod", call_chmod, false},
    {"fchmod", call_fchmod, false},
    {"fchmodat2", call_fchmodat2, false},
    {"creat", call_creat, false},
    {"openat2", call_openat2, false},
    {"openat2-creat", call_openat2_creat, false},
    {"setlease", call_lease, false},
    {"dnotify", call_notify, false},
    {"truncate", call_truncate, false},
    {"link", call_link, false},
    {"rename", call_rename, false},
    {"vmsplice", call_vmsplice, false},
    {"tee", call_tee, false},
    {"splice", call_splice, false},
    {"memfd-exec", call_memfd_exec, false},
    {NULL, NULL, false},
};
