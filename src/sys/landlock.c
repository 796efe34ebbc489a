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

#define FS_READ                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Device nodes are never made inside, so MAKE_CHAR and MAKE_BLOCK are handled and never granted. */
#define FS_WRITE                                                                                   \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |   \
     LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)
/* What a rule on a single file may carry (landlock(7)). */
#define FS_FILE                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |   \
     LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

/* File system rights by ABI: each row holds all rights up to it (landlock(7), "ABI versions"). */
static const struct {
    unsigned abi;
    uint64_t rights;
} fs_rights[] = {
    {1, (1ULL << 13) - 1}, /* Linux 5.13: execute ... make_sym */
    {2, (1ULL << 14) - 1}, /* 5.19: refer */
    {3, (1ULL << 15) - 1}, /* 6.2: truncate */
    {5, (1ULL << 16) - 1}, /* 6.10: ioctl_dev */
};
enum {
    ABI_SCOPES = 6
};

static uint64_t handled_rights(unsigned abi)
{
    uint64_t rights = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fs_rights); i++) {
        if (fs_rights[i].abi <= abi)
            rights = fs_rights[i].rights;
    }
    return rights;
}

unsigned landlock_abi(void)
{
    int abi = sys_landlock_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (unsigned)abi : 0;
}

int landlock_open(unsigned abi, struct err *err)
{
    struct landlock_ruleset_v6 attr = {.handled_access_fs = handled_rights(abi)};
    size_t size = offsetof(struct landlock_ruleset_v6, handled_access_net);
    int fd;

    if (abi >= ABI_SCOPES) {
        attr.scoped = LANDLOCK_SCOPE_SIGNAL | LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET;
        size = sizeof(attr);
    }
    fd = sys_landlock_create(&attr, size, 0);
    if (fd < 0)
        return err_set(err, -fd, "cannot make a Landlock ruleset (ABI %u)", abi);
    return fd;
}

static int open_rule(int root, const char *path)
{
    int fd;

    if (root >= 0)
        return sys_openat2(root, path, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);
    fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int landlock_allow(int ruleset, unsigned abi, int root, const char *path, bool write,
                   struct err *err)
{
    auto_fd int fd = open_rule(root, path);
    uint64_t access = (FS_READ | (write ? FS_WRITE : 0)) & handled_rights(abi);
    struct stat st;
    int rc = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

    if (rc < 0)
        return err_set(err, -rc, "cannot open '%s' for a Landlock rule", path);
    if (!S_ISDIR(st.st_mode))
        access &= FS_FILE;
    rc = sys_landlock_add_path(ruleset, access, fd);
    return rc < 0 ? err_set(err, -rc, "cannot add a Landlock rule for '%s'", path) : 0;
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
