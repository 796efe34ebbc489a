/* Names and numbers of system calls, by libseccomp and a table of our own. */
#include "svenv/sys/seccomp.h"

#include <errno.h>
#include <stdbool.h>

#include <seccomp.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "syscall_table-internal.h"

static bool is_native(const struct syscall_row *row)
{
    return !row->x86_only || SYSCALL_ARCH == AUDIT_ARCH_X86_64;
}

int syscall_number(const char *name, unsigned *number_out)
{
    for (size_t i = 0; i < syscall_table_count; i++) {
        const struct syscall_row *row = &syscall_table[i];

        if (!str_eq(row->name, name))
            continue;
        if (!is_native(row))
            return -ENOSYS;
        *number_out = row->number;
        return 0;
    }

    int number = seccomp_syscall_resolve_name(name);

    if (number == __NR_SCMP_ERROR)
        return -ENOENT;
    /* Names of other architectures have made-up negative numbers. */
    if (number < 0 || (unsigned)number >= SYSCALL_LIMIT)
        return -ENOSYS;
    *number_out = (unsigned)number;
    return 0;
}

char *syscall_name(unsigned number)
{
    for (size_t i = 0; i < syscall_table_count; i++) {
        if (syscall_table[i].number == number && is_native(&syscall_table[i]))
            return xstrdup(syscall_table[i].name);
    }
    if (number >= SYSCALL_LIMIT)
        return NULL;
    return seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)number);
}
