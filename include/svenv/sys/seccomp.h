/* System call names and numbers of the machine this runs on. Linked where policies are compiled,
 * never into the launcher: this is the only user of libseccomp. */
#ifndef SVENV_SYS_SECCOMP_H
#define SVENV_SYS_SECCOMP_H

#include <linux/audit.h>

/* The architecture that the filter lets run, and the lowest number of a second table of calls that
 * the same architecture value can carry (x32), 0 where there is none. A port starts here. */
#if defined(__x86_64__) && defined(__LP64__)
#define SYSCALL_ARCH AUDIT_ARCH_X86_64
#define SYSCALL_SECOND_TABLE 0x40000000u
#elif defined(__aarch64__) && defined(__LP64__)
#define SYSCALL_ARCH AUDIT_ARCH_AARCH64
#define SYSCALL_SECOND_TABLE 0u
#else
#error "the system call filter knows x86_64 and aarch64"
#endif

/* No number of the native table reaches this: everything from here on is unknown. */
#define SYSCALL_LIMIT 1024u

/* Finds the native number of a system call.
 * Return: 0 with *number_out; -ENOSYS for a name that only other architectures have; -ENOENT for a
 * name that nobody has. */
int syscall_number(const char *name, unsigned *number_out);

/* Return: the name of a native number, which the caller frees, or NULL when it has none. */
char *syscall_name(unsigned number);

#endif
