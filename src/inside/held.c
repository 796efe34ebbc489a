/* Does a process in the sandbox hold a name past the mount that covers it? For the coverer, which
 * sees the sandbox's /proc, and may look at each process there. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/str.h"
#include "svenv/seen/scan.h"
#include "svenv/sys/syscalls.h"

#include "held-internal.h"
#include "thread-internal.h"

static bool leads_past(const struct thread_holding *holding, int fd)
{
    return sys_mount_id(fd) != holding->mount;
}

static int held_by_thread(void *context, int proc, const char *thread)
{
    return thread_holds(proc, thread, context);
}

/* Pid 1 is ours, has nothing open, and shows nothing to anybody. */
static int held_by_process(void *context, int proc, const char *name, bool directory)
{
    if (!directory || *name < '0' || *name > '9' || str_eq(name, "1"))
        return 0;
    return thread_each(proc, name, held_by_thread, context);
}

int held_inside(const char *dest)
{
    auto_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_fd int target = sys_openat2(AT_FDCWD, dest, O_PATH | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS);
    struct thread_holding holding = {
        .path = dest, .mount = target < 0 ? 0 : sys_mount_id(target), .leads = leads_past};
    int rc;

    if (target == -ENOENT)
        return 0;
    if (proc < 0 || target < 0)
        return proc < 0 ? -errno : target;
    rc = scan_names(proc, held_by_process, &holding);
    /* A sandbox without pid 1 has ended, and nothing holds anything there. */
    return rc < 0 && faccessat(proc, "1", F_OK, 0) < 0 && errno == ENOENT ? 0 : rc;
}
