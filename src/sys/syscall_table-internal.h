/* System calls that are newer than what libseccomp 2.5.4 knows (Linux 5.17), up to Linux 6.18. */
#ifndef SVENV_SYS_SYSCALL_TABLE_INTERNAL_H
#define SVENV_SYS_SYSCALL_TABLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct syscall_row {
    const char *name;
    unsigned number;
    bool x86_only;
};

extern const struct syscall_row syscall_table[];
extern const size_t syscall_table_count;

#endif
