/* The named sets of system calls, and their action in each profile. */
#include "filter-internal.h"

#include <errno.h>

#define CALLS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define EPERM_ FILTER_ERRNO(EPERM)
#define ENOSYS_ FILTER_ERRNO(ENOSYS)

/* Rows of actions. SYSCALLS_OFF has its own way (filter.c). */
#define OPEN                                                                                       \
    {                                                                                              \
        FILTER_ALLOW, FILTER_ALLOW, FILTER_ALLOW, FILTER_ALLOW                                     \
    }
#define NOT_STRICT(action)                                                                         \
    {                                                                                              \
        FILTER_ALLOW, action, FILTER_ALLOW, FILTER_ALLOW                                           \
    }
#define ONLY_DEBUG(action)                                                                         \
    {                                                                                              \
        action, action, FILTER_ALLOW, FILTER_ALLOW                                                 \
    }
#define CLOSED(action)                                                                             \
    {                                                                                              \
        action, action, action, FILTER_ALLOW                                                       \
    }

/* ENOSYS where libraries try something else then, EPERM where a program should read "forbidden".
 * Calls that no set names get ENOSYS. */
const struct filter_set filter_sets[] = {
    {"io", OPEN,
     CALLS("read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev",
           "preadv2", "pwritev2", "lseek", "sendfile", "copy_file_range", "close", "close_range",
           "dup", "dup2", "dup3", "pipe", "pipe2", "fcntl", "ioctl", "flock", "fsync", "fdatasync",
           "sync", "syncfs", "sync_file_range", "readahead", "fadvise64", "fallocate", "truncate",
           "ftruncate", "cachestat")},
    {"files", OPEN,
     CALLS("open", "openat", "openat2", "creat", "stat", "fstat", "lstat", "newfstatat", "statx",
           "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
           "getdents", "getdents64", "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir",
           "rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "symlink",
           "symlinkat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown",
           "fchown", "lchown", "fchownat", "umask", "utime", "utimes", "futimesat", "utimensat",
           "memfd_create", "file_getattr", "file_setattr")},
    {"xattr", OPEN,
     CALLS("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "getxattr", "lgetxattr", "fgetxattr",
           "getxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat", "removexattr",
           "lremovexattr", "fremovexattr", "removexattrat")},
    {"memory", OPEN,
     CALLS("brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock",
           "mlock2", "mlockall", "munlock", "munlockall", "membarrier", "pkey_alloc", "pkey_free",
           "pkey_mprotect", "map_shadow_stack", "mseal", "process_mrelease")},
    {"processes", OPEN,
     CALLS("clone", "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid",
           "unshare", "getpid", "getppid", "gettid", "getpgid", "setpgid", "getpgrp", "getsid",
           "setsid", "pidfd_open", "pidfd_send_signal", "prctl", "arch_prctl", "personality",
           "set_tid_address", "getrlimit", "setrlimit", "prlimit64", "getrusage", "times",
           "sysinfo", "uname", "getcpu", "getrandom", "rseq", "uretprobe", "uprobe")},
    {"threads", OPEN,
     CALLS("futex", "futex_wait", "futex_wake", "futex_requeue", "futex_waitv", "set_robust_list",
           "get_robust_list", "sched_yield", "sched_getaffinity", "sched_setaffinity",
           "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
           "sched_get_priority_min", "sched_rr_get_interval", "getpriority", "ioprio_get")},
    {"signals", OPEN,
     CALLS("kill", "tkill", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
           "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "rt_sigqueueinfo",
           "rt_tgsigqueueinfo", "sigaltstack", "signalfd", "signalfd4", "pause",
           "restart_syscall")},
    {"time", OPEN,
     CALLS("time", "gettimeofday", "clock_gettime", "clock_getres", "nanosleep", "clock_nanosleep",
           "alarm", "getitimer", "setitimer", "timer_create", "timer_settime", "timer_gettime",
           "timer_getoverrun", "timer_delete", "timerfd_create", "timerfd_settime",
           "timerfd_gettime")},
    {"events", OPEN,
     CALLS("select", "pselect6", "poll", "ppoll", "epoll_create", "epoll_create1", "epoll_ctl",
           "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "inotify_init",
           "inotify_init1", "inotify_add_watch", "inotify_rm_watch")},
    {"sockets", OPEN,
     CALLS("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "shutdown",
           "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "sendmsg",
           "sendmmsg", "recvfrom", "recvmsg", "recvmmsg")},
    {"identity", OPEN,
     CALLS("getuid", "geteuid", "getresuid", "getgid", "getegid", "getresgid", "getgroups",
           "capget", "capset")},
    {"self-sandbox", OPEN,
     CALLS("seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")},
    {"identity-change", NOT_STRICT(EPERM_),
     CALLS("setuid", "setreuid", "setresuid", "setfsuid", "setgid", "setregid", "setresgid",
           "setfsgid", "setgroups")},
    {"priority", NOT_STRICT(EPERM_),
     CALLS("setpriority", "ioprio_set", "sched_setattr", "sched_setparam", "sched_setscheduler")},
    {"numa", NOT_STRICT(EPERM_),
     CALLS("mbind", "get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "move_pages")},
    {"sysv-ipc", NOT_STRICT(EPERM_),
     CALLS("shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "semtimedop",
           "msgget", "msgsnd", "msgrcv", "msgctl")},
    {"mqueue", NOT_STRICT(EPERM_),
     CALLS("mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify",
           "mq_getsetattr")},
    {"aio", NOT_STRICT(ENOSYS_),
     CALLS("io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents")},
    {"debug", ONLY_DEBUG(EPERM_),
     CALLS("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp",
           "pidfd_getfd")},
    {"clone3", CLOSED(ENOSYS_), CALLS("clone3")},
    {"namespaces", CLOSED(EPERM_),
     CALLS("setns", "chroot", "pivot_root", "sethostname", "setdomainname")},
    {"mount", CLOSED(EPERM_),
     CALLS("mount", "umount2", "swapon", "swapoff", "quotactl", "quotactl_fd")},
    {"mount-api", CLOSED(ENOSYS_),
     CALLS("fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "open_tree_attr", "move_mount",
           "mount_setattr", "statmount", "listmount")},
    {"handles", CLOSED(EPERM_), CALLS("open_by_handle_at")},
    /* Callers expect the answer of a file system without handles. */
    {"handle-names", CLOSED(FILTER_ERRNO(EOPNOTSUPP)), CALLS("name_to_handle_at")},
    {"io-uring", CLOSED(ENOSYS_), CALLS("io_uring_setup", "io_uring_enter", "io_uring_register")},
    {"splice", CLOSED(ENOSYS_), CALLS("splice", "tee", "vmsplice")},
    {"keys", CLOSED(EPERM_), CALLS("add_key", "request_key", "keyctl")},
    {"clock-change", CLOSED(EPERM_),
     CALLS("clock_settime", "settimeofday", "adjtimex", "clock_adjtime")},
    {"kernel", CLOSED(EPERM_),
     CALLS("bpf", "perf_event_open", "userfaultfd", "fanotify_init", "fanotify_mark", "syslog",
           "acct", "reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module",
           "delete_module", "vhangup", "migrate_pages", "remap_file_pages", "modify_ldt", "iopl",
           "ioperm")},
    {"kernel-new", CLOSED(ENOSYS_),
     CALLS("memfd_secret", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules")},
    {"obsolete", CLOSED(ENOSYS_),
     CALLS("uselib", "ustat", "sysfs", "_sysctl", "lookup_dcookie", "nfsservctl", "create_module",
           "get_kernel_syms", "query_module", "getpmsg", "putpmsg", "afs_syscall", "tuxcall",
           "security", "vserver", "epoll_ctl_old", "epoll_wait_old", "set_thread_area",
           "get_thread_area")},
};
const size_t filter_set_count = ARRAY_SIZE(filter_sets);
