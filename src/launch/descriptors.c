/* Holds the inherited descriptors to the rule. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/launch/launch.h"

/* Not in the oldest headers we build with. */
#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif
#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446
#endif
#ifndef SECURITYFS_MAGIC
#define SECURITYFS_MAGIC 0x73636673
#endif
#ifndef CONFIGFS_MAGIC
#define CONFIGFS_MAGIC 0x62656570
#endif

enum {
    MEM_MAJOR = 1,
    TTY_AUX_MAJOR = 5,
    PTS_MAJOR_FIRST = 136,
    PTS_MAJOR_LAST = 143
};

/* null, zero, full, random, urandom, and terminals that are not a master side. */
static bool harmless_device(dev_t dev)
{
    unsigned major_number = major(dev);
    unsigned minor_number = minor(dev);

    if (major_number == MEM_MAJOR)
        return minor_number == 3 || minor_number == 5 || (minor_number >= 7 && minor_number <= 9);
    if (major_number == TTY_AUX_MAJOR)
        return minor_number == 0;
    return major_number >= PTS_MAJOR_FIRST && major_number <= PTS_MAJOR_LAST;
}

/* Their regular files are no files: a namespace, a process, the knob of a cgroup, another process's
 * memory or environment. */
static const unsigned long kernel_file_systems[] = {
    NSFS_MAGIC,         PID_FS_MAGIC,        PROC_SUPER_MAGIC, SYSFS_MAGIC,
    CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,    TRACEFS_MAGIC,
    SECURITYFS_MAGIC,   BPF_FS_MAGIC,        CONFIGFS_MAGIC,
};

static bool is_plain_file(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(kernel_file_systems); i++) {
        if ((unsigned long)fs.f_type == kernel_file_systems[i])
            return false;
    }
    return true;
}

/* systemd's sockets are handed over on purpose: 3 up to 3 + LISTEN_FDS, for the pid they name. */
static int listen_end(void)
{
    int64_t pid, count;
    const char *pid_text = getenv("LISTEN_PID");
    const char *count_text = getenv("LISTEN_FDS");

    if (!pid_text || !count_text || num_parse_i64(pid_text, 1, INT32_MAX, &pid) < 0 ||
        num_parse_i64(count_text, 0, 1024, &count) < 0 || pid != getpid())
        return 3;
    return 3 + (int)count;
}

static bool may_stay(int fd, int listen_limit)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & O_PATH) || fstat(fd, &st) < 0)
        return false;
    if (S_ISFIFO(st.st_mode))
        return true;
    if (S_ISREG(st.st_mode))
        return is_plain_file(fd);
    if (S_ISCHR(st.st_mode))
        return harmless_device(st.st_rdev);
    return S_ISSOCK(st.st_mode) && fd < listen_limit;
}

/* Closed ones are /dev/null for us, so that no file of ours becomes a standard stream; the program
 * finds them closed, as it would without us. */
static int standard_streams(struct err *err)
{
    for (int fd = 0; fd <= 2; fd++) {
        struct stat st;
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0) {
            if (open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
                return err_set(err, EBADF, "cannot open /dev/null for the closed descriptor %d",
                               fd);
            continue;
        }
        if ((flags & O_PATH) || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
            return err_plain(err, EISDIR,
                             "descriptor %d is a directory, which would lead out of the sandbox: "
                             "redirect it elsewhere",
                             fd);
    }
    return 0;
}

int descriptors_sanitize(struct err *err)
{
    int rc = standard_streams(err);
    int listen_limit = listen_end();
    DIR *dir;

    if (rc < 0)
        return rc;
    dir = opendir("/proc/self/fd");
    if (!dir)
        return err_set(err, errno, "cannot list the open descriptors in /proc/self/fd");
    errno = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        int64_t fd;

        if (num_parse_i64(entry->d_name, 3, INT32_MAX, &fd) == 0 && fd != dirfd(dir) &&
            !may_stay((int)fd, listen_limit))
            close((int)fd);
        errno = 0;
    }
    /* A list that breaks off would leave the rest open. */
    if (errno != 0)
        rc = err_set(err, errno, "cannot list the open descriptors in /proc/self/fd");
    closedir(dir);
    return rc;
}
