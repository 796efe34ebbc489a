/* Loads a system call filter. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "svenv/base/err.h"
#include "svenv/sys/drop.h"

int filter_load(const void *program, size_t count, struct err *err)
{
    union {
        const void *in;
        struct sock_filter *out; /* the kernel only reads it; its struct has no const */
    } code = {.in = program};
    struct sock_fprog fprog = {.len = (unsigned short)count, .filter = code.out};

    if (count == 0 || count > BPF_MAXINSNS)
        return err_plain(err, EINVAL, "the system call filter has %zu instructions", count);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog, 0, 0) < 0)
        return err_set(err, errno, "cannot load the system call filter");
    return 0;
}
