/* The rules of the filter that look at the arguments of a system call. */
#include "filter-internal.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "svenv/base/str.h"

/* Missing from, or only in private headers of, the oldest C libraries we build with. */
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif
#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif
#define KERNEL_O_TMPFILE 020000000 /* without O_DIRECTORY, which has its own meaning */
#define RENAME_WHITEOUT_BIT (1u << 2)
#define SECCOMP_LISTENER_BIT (1u << 3)
#define UNAME26_BIT 0x20000u
#define IOPRIO_GROUP 2u
#define PR_LAST_KNOWN 78u /* PR_FUTEX_HASH, Linux 6.17 */
#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
/* TCP_REPAIR, its three companions and TCP_FASTOPEN; then from TCP_REPAIR_WINDOW over
 * TCP_FASTOPEN_CONNECT, TCP_ULP, TCP_MD5SIG_EXT and TCP_FASTOPEN_KEY to TCP_FASTOPEN_NO_COOKIE. */
#define TCP_FIRST_FROM 19u
#define TCP_FIRST_TO 23u
#define TCP_SECOND_FROM 29u
#define TCP_SECOND_TO 34u

#define NEW_NAMESPACES                                                                             \
    ((uint32_t)CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |       \
     CLONE_NEWPID | CLONE_NEWNET)
#define SET_ID_BITS (S_ISUID | S_ISGID)

#define COUNT_OF(...) (sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
#define MASKED(arg, bits, ...)                                                                     \
    {                                                                                              \
        FILTER_ANY_OF, FILTER_LOW(arg), (uint32_t)(bits), COUNT_OF(__VA_ARGS__),                   \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define IS(arg, ...) MASKED(arg, UINT32_MAX, __VA_ARGS__)
#define WITHIN(arg, from, to)                                                                      \
    {                                                                                              \
        FILTER_BETWEEN, FILTER_LOW(arg), UINT32_MAX, 2,                                            \
        {                                                                                          \
            from, to                                                                               \
        }                                                                                          \
    }
#define HAS(arg, bits)                                                                             \
    {                                                                                              \
        FILTER_BITS, FILTER_LOW(arg), (uint32_t)(bits), 0,                                         \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define HAS_HIGH(arg)                                                                              \
    {                                                                                              \
        FILTER_BITS, FILTER_HIGH(arg), UINT32_MAX, 0,                                              \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define WHEN(action, ...)                                                                          \
    {                                                                                              \
        {__VA_ARGS__}, action                                                                      \
    }
#define RULE(clauses, otherwise)                                                                   \
    {                                                                                              \
        clauses, ARRAY_SIZE(clauses), otherwise                                                    \
    }

#define ALLOW FILTER_ALLOW
#define DENY FILTER_ERRNO(EPERM)
#define PRETEND FILTER_ERRNO(0)

/* TIOCSTI and TIOCLINUX type into the shared terminal, TIOCSETD and TIOCCONS redirect it, the two
 * ranges are the console's KD* and VT* requests (docs/SECURITY.md, C17). The last two belong to
 * btrfs and bcachefs: they make a snapshot of the whole volume, also of files that no mount shows,
 * in a directory that is shown. Other file systems use the numbers of these two for shared blocks
 * and labels. */
static const struct filter_clause ioctl_clauses[] = {
    WHEN(DENY, IS(1, TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS)),
    WHEN(DENY, MASKED(1, 0xffffff00, 0x4b00, 0x5600)),
    WHEN(ALLOW, IS(1, FICLONE, FICLONERANGE, FIDEDUPERANGE, FS_IOC_GETFSLABEL)),
    WHEN(FILTER_ERRNO(ENOTTY), MASKED(1, 0xff00, 0x9400, 0xbc00)),
};

static const struct filter_clause clone_clauses[] = {WHEN(DENY, HAS(0, NEW_NAMESPACES))};
/* In clone() the time namespace's bit is part of the exit signal; here it is not. */
static const struct filter_clause unshare_clauses[] = {
    WHEN(DENY, HAS(0, NEW_NAMESPACES | CLONE_NEWTIME))};

/* SOCK_RAW gets the answer that an unprivileged program gets anywhere; a protocol like MPTCP gets
 * the answer that makes libraries use TCP. */
#define TYPE_BITS (~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC))
static const struct filter_clause socket_clauses[] = {
    WHEN(ALLOW, IS(0, AF_INET, AF_INET6), MASKED(1, TYPE_BITS, SOCK_STREAM, SOCK_DGRAM),
         IS(2, 0, IPPROTO_TCP, IPPROTO_UDP)),
    WHEN(ALLOW, IS(0, AF_UNIX), MASKED(1, TYPE_BITS, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)),
    WHEN(ALLOW, IS(0, AF_NETLINK), MASKED(1, TYPE_BITS, SOCK_RAW, SOCK_DGRAM),
         IS(2, NETLINK_ROUTE)),
    WHEN(DENY, IS(0, AF_INET, AF_INET6), MASKED(1, TYPE_BITS, SOCK_RAW)),
    WHEN(FILTER_ERRNO(EPROTONOSUPPORT), IS(0, AF_INET, AF_INET6, AF_UNIX, AF_NETLINK)),
};
static const struct filter_clause socketpair_clauses[] = {WHEN(ALLOW, IS(0, AF_UNIX))};

/* Fast Open sends to an address that no connect() showed; zero-copy pins pages of the page cache.
 */
static const struct filter_clause send_flags_2[] = {
    WHEN(DENY, HAS(2, MSG_FASTOPEN | MSG_ZEROCOPY))};
static const struct filter_clause send_flags_3[] = {
    WHEN(DENY, HAS(3, MSG_FASTOPEN | MSG_ZEROCOPY))};
static const struct filter_clause setsockopt_clauses[] = {
    WHEN(DENY, IS(1, SOL_SOCKET),
         IS(2, SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF,
            SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_MARK)),
    WHEN(DENY, IS(1, IPPROTO_TCP), WITHIN(2, TCP_FIRST_FROM, TCP_FIRST_TO)),
    WHEN(DENY, IS(1, IPPROTO_TCP), WITHIN(2, TCP_SECOND_FROM, TCP_SECOND_TO)),
};

static const struct filter_clause personality_clauses[] = {
    WHEN(ALLOW, IS(0, 0, UNAME26_BIT, UINT32_MAX))};

/* Options after the last known one get the answer of an older kernel. */
static const struct filter_clause prctl_clauses[] = {
    WHEN(DENY, IS(0, PR_SET_MM, PR_SET_PTRACER)),
    WHEN(ALLOW, WITHIN(0, 0, PR_LAST_KNOWN)),
    WHEN(ALLOW, IS(0, PR_SET_VMA, PR_GET_AUXV)),
};
static const struct filter_clause prctl_debug_clauses[] = {
    WHEN(DENY, IS(0, PR_SET_MM)),
    WHEN(ALLOW, WITHIN(0, 0, PR_LAST_KNOWN)),
    WHEN(ALLOW, IS(0, PR_SET_PTRACER, PR_SET_VMA, PR_GET_AUXV)),
};

/* RLIMIT_CORE stays 1: at 0 a core_pattern pipe on the host would run (docs/SECURITY.md, C19). A
 * limit is set when the pointer, of which both halves count, is not NULL. */
static const struct filter_clause setrlimit_clauses[] = {WHEN(PRETEND, IS(0, RLIMIT_CORE))};
static const struct filter_clause prlimit_clauses[] = {
    WHEN(PRETEND, IS(1, RLIMIT_CORE), HAS(2, UINT32_MAX)),
    WHEN(PRETEND, IS(1, RLIMIT_CORE), HAS_HIGH(2)),
};

/* Modes with set-user-id or set-group-id; open's mode counts only when it can make a file. */
static const struct filter_clause mode_1[] = {WHEN(DENY, HAS(1, SET_ID_BITS))};
static const struct filter_clause mode_2[] = {WHEN(DENY, HAS(2, SET_ID_BITS))};
static const struct filter_clause open_clauses[] = {
    WHEN(DENY, HAS(2, SET_ID_BITS), HAS(1, O_CREAT | KERNEL_O_TMPFILE))};
static const struct filter_clause openat_clauses[] = {
    WHEN(DENY, HAS(3, SET_ID_BITS), HAS(2, O_CREAT | KERNEL_O_TMPFILE))};
/* Landlock lets everybody truncate up to ABI 2: a file that the caller redirected for reading could
 * be emptied by opening /dev/stdin so. No honest program asks to truncate without writing. */
static const struct filter_clause open_kept_clauses[] = {
    WHEN(DENY, HAS(2, SET_ID_BITS), HAS(1, O_CREAT | KERNEL_O_TMPFILE)),
    WHEN(DENY, HAS(1, O_TRUNC), MASKED(1, O_ACCMODE, O_RDONLY))};
static const struct filter_clause openat_kept_clauses[] = {
    WHEN(DENY, HAS(3, SET_ID_BITS), HAS(2, O_CREAT | KERNEL_O_TMPFILE)),
    WHEN(DENY, HAS(2, O_TRUNC), MASKED(2, O_ACCMODE, O_RDONLY))};
static const struct filter_clause mknod_clauses[] = {
    WHEN(DENY, HAS(1, SET_ID_BITS)), WHEN(DENY, MASKED(1, S_IFMT, S_IFCHR, S_IFBLK))};
static const struct filter_clause mknodat_clauses[] = {
    WHEN(DENY, HAS(2, SET_ID_BITS)), WHEN(DENY, MASKED(2, S_IFMT, S_IFCHR, S_IFBLK))};
static const struct filter_clause renameat2_clauses[] = {WHEN(DENY, HAS(4, RENAME_WHITEOUT_BIT))};

/* Number 0 means the own process group, also those of its members that are outside. Landlock
 * refuses that for signals, from ABI 6 on; nobody else refuses it for priorities. */
static const struct filter_clause kill_clauses[] = {WHEN(DENY, IS(0, 0))};
static const struct filter_clause setpriority_clauses[] = {WHEN(DENY, IS(0, PRIO_PGRP), IS(1, 0))};
static const struct filter_clause ioprio_set_clauses[] = {
    WHEN(DENY, IS(0, IOPRIO_GROUP), IS(1, 0))};

static const struct filter_clause fcntl_clauses[] = {WHEN(DENY, IS(1, F_SETLEASE, F_NOTIFY))};
static const struct filter_clause seccomp_clauses[] = {WHEN(DENY, HAS(1, SECCOMP_LISTENER_BIT))};

static const struct filter_rule ioctl_rule = RULE(ioctl_clauses, ALLOW);
static const struct filter_rule clone_rule = RULE(clone_clauses, ALLOW);
static const struct filter_rule unshare_rule = RULE(unshare_clauses, ALLOW);
static const struct filter_rule socket_rule = RULE(socket_clauses, FILTER_ERRNO(EAFNOSUPPORT));
static const struct filter_rule socketpair_rule =
    RULE(socketpair_clauses, FILTER_ERRNO(EAFNOSUPPORT));
static const struct filter_rule send_rule_2 = RULE(send_flags_2, ALLOW);
static const struct filter_rule send_rule_3 = RULE(send_flags_3, ALLOW);
static const struct filter_rule setsockopt_rule = RULE(setsockopt_clauses, ALLOW);
static const struct filter_rule personality_rule = RULE(personality_clauses, DENY);
static const struct filter_rule prctl_rule = RULE(prctl_clauses, FILTER_ERRNO(EINVAL));
static const struct filter_rule prctl_debug_rule = RULE(prctl_debug_clauses, FILTER_ERRNO(EINVAL));
static const struct filter_rule setrlimit_rule = RULE(setrlimit_clauses, ALLOW);
static const struct filter_rule prlimit_rule = RULE(prlimit_clauses, ALLOW);
static const struct filter_rule mode_1_rule = RULE(mode_1, ALLOW);
static const struct filter_rule mode_2_rule = RULE(mode_2, ALLOW);
static const struct filter_rule args_open_rule = RULE(open_clauses, ALLOW);
static const struct filter_rule openat_rule = RULE(openat_clauses, ALLOW);
static const struct filter_rule open_kept_rule = RULE(open_kept_clauses, ALLOW);
static const struct filter_rule openat_kept_rule = RULE(openat_kept_clauses, ALLOW);
static const struct filter_rule mknod_rule = RULE(mknod_clauses, ALLOW);
static const struct filter_rule mknodat_rule = RULE(mknodat_clauses, ALLOW);
static const struct filter_rule renameat2_rule = RULE(renameat2_clauses, ALLOW);
static const struct filter_rule kill_rule = RULE(kill_clauses, ALLOW);
static const struct filter_rule setpriority_rule = RULE(setpriority_clauses, ALLOW);
static const struct filter_rule ioprio_set_rule = RULE(ioprio_set_clauses, ALLOW);
static const struct filter_rule fcntl_rule = RULE(fcntl_clauses, ALLOW);
static const struct filter_rule seccomp_rule = RULE(seccomp_clauses, ALLOW);

#define IN(profile) (1u << (profile))
#define FILTERED (IN(SYSCALLS_DEFAULT) | IN(SYSCALLS_STRICT) | IN(SYSCALLS_DEBUG))

/* When a rule falls away. The next row of the same call then counts. */
enum unless {
    NEVER,
    UNLESS_NAMESPACES, /* where user namespaces are allowed */
    UNLESS_SCOPED,     /* where Landlock does it */
    UNLESS_KEPT        /* likewise */
};

static const struct rule_row {
    const char *call;
    const struct filter_rule *rule;
    unsigned profiles;
    enum unless unless;
} rule_rows[] = {
    /* The terminal, the process group and the volume are the user's own, so these rules hold even
     * where the filter is switched off. */
    {"ioctl", &ioctl_rule, FILTERED | IN(SYSCALLS_OFF), NEVER},
    {"kill", &kill_rule, FILTERED | IN(SYSCALLS_OFF), UNLESS_SCOPED},
    {"setpriority", &setpriority_rule, FILTERED, NEVER},
    {"ioprio_set", &ioprio_set_rule, FILTERED, NEVER},
    {"clone", &clone_rule, FILTERED, UNLESS_NAMESPACES},
    {"unshare", &unshare_rule, FILTERED, UNLESS_NAMESPACES},
    {"socket", &socket_rule, FILTERED, NEVER},
    {"socketpair", &socketpair_rule, FILTERED, NEVER},
    {"sendmsg", &send_rule_2, FILTERED, NEVER},
    {"sendto", &send_rule_3, FILTERED, NEVER},
    {"sendmmsg", &send_rule_3, FILTERED, NEVER},
    {"setsockopt", &setsockopt_rule, FILTERED, NEVER},
    {"personality", &personality_rule, FILTERED, NEVER},
    {"prctl", &prctl_rule, FILTERED & ~IN(SYSCALLS_DEBUG), NEVER},
    {"prctl", &prctl_debug_rule, IN(SYSCALLS_DEBUG), NEVER},
    {"setrlimit", &setrlimit_rule, FILTERED, NEVER},
    {"prlimit64", &prlimit_rule, FILTERED, NEVER},
    {"chmod", &mode_1_rule, FILTERED, NEVER},
    {"fchmod", &mode_1_rule, FILTERED, NEVER},
    {"creat", &mode_1_rule, FILTERED, NEVER},
    {"fchmodat", &mode_2_rule, FILTERED, NEVER},
    {"fchmodat2", &mode_2_rule, FILTERED, NEVER},
    {"open", &open_kept_rule, FILTERED, UNLESS_KEPT},
    {"open", &args_open_rule, FILTERED, NEVER},
    {"openat", &openat_kept_rule, FILTERED, UNLESS_KEPT},
    {"openat", &openat_rule, FILTERED, NEVER},
    {"mknod", &mknod_rule, FILTERED, NEVER},
    {"mknodat", &mknodat_rule, FILTERED, NEVER},
    {"renameat2", &renameat2_rule, FILTERED, NEVER},
    {"fcntl", &fcntl_rule, FILTERED, NEVER},
    {"seccomp", &seccomp_rule, FILTERED, NEVER},
};

const struct filter_rule *filter_rule_for(const char *name, const struct filter_setting *setting)
{
    const bool falls_away[] = {[NEVER] = false,
                               [UNLESS_NAMESPACES] = setting->user_namespaces,
                               [UNLESS_SCOPED] = setting->signals_scoped,
                               [UNLESS_KEPT] = setting->contents_kept};

    for (size_t i = 0; i < ARRAY_SIZE(rule_rows); i++) {
        const struct rule_row *row = &rule_rows[i];

        if ((row->profiles & IN(setting->profile)) != 0 && !falls_away[row->unless] &&
            str_eq(row->call, name))
            return row->rule;
    }
    return NULL;
}
