/* Finds out whether a sandbox can be started here at all. */
#include "probe-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/sys/namespaces.h"

int probe_installation(struct err *err)
{
    static const char *const programs[] = {SVENV_LAUNCHER, SVENV_STUB};

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        if (access(programs[i], X_OK) < 0)
            return err_plain(err, errno,
                             "sandbox-venv is not installed completely: '%s' is missing or cannot "
                             "be executed; install it again",
                             programs[i]);
    }
    return 0;
}

/* A user namespace that AppArmor lets through but leaves without capabilities shows itself only at
 * the first mount. */
static void try_namespaces(int report)
{
    struct err err = {0};
    int r = namespaces_enter(geteuid(), getegid(), &err);

    if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        namespaces_refused(errno, &err);
    (void)fd_write_all(report, &err, sizeof(err));
    _exit(0);
}

int probe_namespaces(struct err *err)
{
    auto_buf struct buf answer = {0};
    auto_fd int read_end = -1;
    struct err refusal;
    int ends[2];
    pid_t child;
    int r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(err, errno, "cannot make a pipe");
    read_end = ends[0];
    child = fork();
    if (child == 0)
        try_namespaces(ends[1]);
    close(ends[1]);
    if (child < 0)
        return err_set(err, errno, "cannot start a process");
    r = fd_read_all(read_end, sizeof(struct err), &answer);
    (void)waitpid(child, NULL, 0);
    if (r < 0 || answer.len != sizeof(struct err))
        return err_plain(err, EIO, "the test of the kernel's namespaces ended without an answer");
    memcpy(&refusal, answer.data, sizeof(refusal));
    if (refusal.code == 0)
        return 0;
    *err = refusal;
    return -refusal.code;
}
