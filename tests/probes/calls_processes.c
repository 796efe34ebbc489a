#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/kcmp.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

enum {
    NR_PIDFD_OPEN = 434,
    NR_PIDFD_GETFD = 438,
    NR_PROCESS_MADVISE = 440,
    NR_LANDLOCK_CREATE = 444,
    I386_GETPID = 20
};

static int call_traceme(char **words)
{
    pid_t pid = fork();
    int status = 0;

    (void)words;
    if (pid == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static int trace(long request)
{
    int pid = start_child();
    int rc = result_of(syscall(SYS_ptrace, request, pid, NULL, NULL));

    end_child(pid);
    return rc;
}

static int call_attach(char **words)
{
    (void)words;
    return trace(PTRACE_ATTACH);
}

static int call_seize(char **words)
{
    (void)words;
    return trace(PTRACE_SEIZE);
}

static int copy_memory(long number)
{
    static char theirs[8];
    char ours[8] = "";
    struct iovec local = {.iov_base = ours, .iov_len = sizeof(ours)};
    struct iovec remote = {.iov_base = theirs, .iov_len = sizeof(theirs)};
    int pid = start_child();
    int rc = result_of(syscall(number, pid, &local, 1, &remote, 1, 0));

    end_child(pid);
    return rc;
}

static int call_vm_read(char **words)
{
    (void)words;
    return copy_memory(SYS_process_vm_readv);
}

static int call_vm_write(char **words)
{
    (void)words;
    return copy_memory(SYS_process_vm_writev);
}

static int call_kcmp(char **words)
{
    (void)words;
    return result_of(syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, 0, 0));
}

static int call_process_madvise(char **words)
{
    (void)words;
    return result_of(syscall(NR_PROCESS_MADVISE, -1, NULL, 0, 0, 0));
}

static int call_pidfd_getfd(char **words)
{
    int pid = start_child();
    int pidfd = (int)syscall(NR_PIDFD_OPEN, pid, 0);
    int rc = pidfd < 0 ? -errno : result_of(syscall(NR_PIDFD_GETFD, pidfd, 0, 0));

    (void)words;
    end_child(pid);
    return rc;
}

static int call_personality(char **words)
{
    return result_of(syscall(SYS_personality, number_of(words[0])));
}

static int call_modify_ldt(char **words)
{
    char table[16];

    (void)words;
    return result_of(syscall(SYS_modify_ldt, 0, table, sizeof(table)));
}

/* The x32 number of getpid: kernels without x32 answer ENOSYS. */
static int call_x32(char **words)
{
    (void)words;
    return result_of(syscall(0x40000000 | SYS_getpid));
}

static int call_i386(char **words)
{
    (void)words;
#ifdef __x86_64__
    long value = I386_GETPID;

    __asm__ volatile("int $0x80" : "+a"(value) : : "memory");
    return value > 0 ? 0 : (int)value;
#else
    return -ENOSYS;
#endif
}

static int install_filter(unsigned flags)
{
    struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {.len = 1, .filter = code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return result_of(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

static int call_own_filter(char **words)
{
    (void)words;
    return install_filter(0);
}

static int call_listener(char **words)
{
    (void)words;
    return install_filter(SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static int call_landlock(char **words)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};

    (void)words;
    return result_of(syscall(NR_LANDLOCK_CREATE, &attr, sizeof(attr), 0));
}

static int call_prctl(char **words)
{
    return result_of(prctl((int)number_of(words[0]), (unsigned long)number_of(words[1]), 0, 0, 0));
}

/* Reports whether the kernel set the limit that was asked for. */
static int call_core_limit(char **words)
{
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0}, now;

    (void)words;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || getrlimit(RLIMIT_CORE, &now) < 0)
        return -errno;
    return now.rlim_max == 0 ? 0 : -ERANGE;
}

static int call_kill(char **words)
{
    return result_of(kill((pid_t)number_of(words[0]), (int)number_of(words[1])));
}

const struct call process_calls[] = {
    {"ptrace-traceme", call_traceme, false},
    {"ptrace-attach", call_attach, false},
    {"ptrace-seize", call_seize, false},
    {"process_vm_readv", call_vm_read, false},
    {"process_vm_writev", call_vm_write, false},
    {"kcmp", call_kcmp, false},
    {"process_madvise", call_process_madvise, false},
    {"pidfd_getfd", call_pidfd_getfd, false},
    {"personality", call_personality, false},
    {"modify_ldt", call_modify_ldt, false},
    {"x32", call_x32, false},
    {"i386", call_i386, false},
    {"seccomp-filter", call_own_filter, false},
    {"seccomp-listener", call_listener, false},
    {"landlock_create_ruleset", call_landlock, false},
    {"prctl", call_prctl, false},
    {"core-limit", call_core_limit, false},
    {"kill", call_kill, false},
    {NULL, NULL, false},
};
