/* Landlock: the running kernel's ABI, rules, and entering the ruleset. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/syscalls.h"

#include "landlock-internal.h"

#define FS_READ                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Device nodes are never made inside, so MAKE_CHAR and MAKE_BLOCK are handled and never granted. */
#define FS_WRITE                                                                                   \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |   \
     LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)
/* Rights that a rule on a single file may carry (landlock(7)). */
#define FS_FILE                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |   \
     LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV | LANDLOCK_ACCESS_FS_RESOLVE_UNIX)

/* File system rights by ABI: each row holds all rights up to it (landlock(7), "ABI versions"). */
static const struct {
    unsigned abi;
    uint64_t rights;
} fs_rights[] = {
    {1, (1ULL << 13) - 1}, /* Linux 5.13: execute ... make_sym */
    {2, (1ULL << 14) - 1}, /* 5.19: refer */
    {3, (1ULL << 15) - 1}, /* 6.2: truncate */
    {5, (1ULL << 16) - 1}, /* 6.10: ioctl_dev */
    {9, (1ULL << 17) - 1}, /* 7.1: resolve_unix */
};
enum {
    ABI_SCOPES = 6,
    INHERITED_END = 10 /* what a shell can redirect by number */
};

uint64_t landlock_handled(unsigned abi)
{
    uint64_t rights = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fs_rights); i++) {
        if (fs_rights[i].abi <= abi)
            rights = fs_rights[i].rights;
    }
    return rights;
}

int landlock_probe(void)
{
    int abi = sys_landlock_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    switch (abi) {
    case -ENOSYS:
    case -EOPNOTSUPP:
    case -EPERM: /* by the filter of a container, like the two below */
    case -EACCES:
    case -EINVAL:
        return 0;
    default:
        return abi;
    }
}

unsigned landlock_abi(void)
{
    int abi = landlock_probe();

    return abi > 0 ? (unsigned)abi : 0;
}

uint64_t landlock_rights(unsigned abi, unsigned grants, bool directory)
{
    uint64_t rights = FS_READ;

    if (grants & LANDLOCK_WRITE)
        rights |= FS_WRITE;
    if (grants & LANDLOCK_CONNECT)
        rights |= LANDLOCK_ACCESS_FS_RESOLVE_UNIX;
    if (!directory)
        rights &= FS_FILE;
    return rights & landlock_handled(abi);
}

/* Network rights are no part of it: where a network namespace shows nothing but its own loopback
 * they would only break that, and with network.mode host everything is allowed. */
size_t landlock_attr(unsigned abi, struct landlock_ruleset_v6 *out)
{
    *out = (struct landlock_ruleset_v6){.handled_access_fs = landlock_handled(abi)};
    if (abi < ABI_SCOPES)
        return offsetof(struct landlock_ruleset_v6, handled_access_net);
    out->scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
    return sizeof(*out);
}

int landlock_open(unsigned abi, struct err *err)
{
    struct landlock_ruleset_v6 attr;
    size_t size = landlock_attr(abi, &attr);
    int fd = sys_landlock_create(&attr, size, 0);

    if (fd < 0)
        return err_set(err, -fd, "cannot make a Landlock ruleset (ABI %u)", abi);
    return fd;
}

static int landlock_open_rule(int root, const char *path)
{
    int fd;

    if (root >= 0)
        return sys_openat2(root, path, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);
    fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int landlock_allow(int ruleset, unsigned abi, int root, const char *path, unsigned grants,
                   struct err *err)
{
    auto_fd int fd = landlock_open_rule(root, path);
    struct stat st;
    int rc = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

    if (rc < 0)
        return err_set(err, -rc, "cannot open '%s' for a Landlock rule", path);
    rc = sys_landlock_add_path(ruleset, landlock_rights(abi, grants, S_ISDIR(st.st_mode)), fd);
    return rc < 0 ? err_set(err, -rc, "cannot add a Landlock rule for '%s'", path) : 0;
}

/* A program that can write can truncate, too (ftruncate(2)), and take O_APPEND away (fcntl(2)); yet
 * a file that was opened for appending is not to be emptied by an innocent look at its name. */
static uint64_t inherited_rights(int fd)
{
    int inherited = fcntl(fd, F_GETFD);
    int flags = inherited < 0 || (inherited & FD_CLOEXEC) ? -1 : fcntl(fd, F_GETFL);
    struct stat st;
    uint64_t rights = 0;

    if (flags < 0 || (flags & O_PATH) || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if ((flags & O_ACCMODE) != O_WRONLY)
        rights |= LANDLOCK_ACCESS_FS_READ_FILE;
    if ((flags & O_ACCMODE) != O_RDONLY)
        rights |= LANDLOCK_ACCESS_FS_WRITE_FILE;
    if ((flags & O_ACCMODE) != O_RDONLY && !(flags & O_APPEND))
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

int landlock_allow_inherited(int ruleset, unsigned abi, struct err *err)
{
    for (int fd = 0; fd < INHERITED_END; fd++) {
        uint64_t rights = inherited_rights(fd) & landlock_handled(abi);
        int rc = rights ? sys_landlock_add_path(ruleset, rights, fd) : 0;

        /* EBADFD: a file without a name (memfd_create(2)), which Landlock leaves alone. */
        if (rc < 0 && rc != -EBADFD)
            return err_set(err, -rc, "cannot add a Landlock rule for descriptor %d", fd);
    }
    return 0;
}

int landlock_enforce(int ruleset, struct err *err)
{
    int rc = sys_landlock_restrict(ruleset);

    return rc < 0 ? err_set(err, -rc, "cannot enforce the Landlock ruleset") : 0;
}

int no_new_privs(struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(err, errno, "cannot set no_new_privs");
    return 0;
}
