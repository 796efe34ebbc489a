/* The filter's answers to calls, by a table of them; and the sets, lists and profiles behind it. */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "bpf.h"
#include "filter/filter-internal.h"
#include "svenv/base/str.h"
#include "svenv/filter/filter.h"

#define ALLOWED FILTER_ALLOW
#define NO(code) FILTER_ERRNO(code)
#define HIGH (1ULL << 32)

static uint32_t ask(struct program program, const char *name, const uint64_t args[6])
{
    struct seccomp_data data = {.nr = (int)call_number(name), .arch = SYSCALL_ARCH};

    memcpy(data.args, args, sizeof(data.args));
    return bpf_run(program, &data);
}

static const struct {
    const char *name;
    uint64_t args[6];
    uint32_t expected;
} calls[] = {
    {"read", {0}, ALLOWED},
    {"execve", {0}, ALLOWED},
    {"openat2", {0}, ALLOWED},
    {"rseq", {0}, ALLOWED},
    {"landlock_restrict_self", {0}, ALLOWED},
    {"memfd_create", {0}, ALLOWED},
    {"pidfd_open", {0}, ALLOWED},
    {"mbind", {0}, ALLOWED},
    {"shmget", {0}, ALLOWED},
    {"mq_open", {0}, ALLOWED},
    {"fchmodat2", {0, 0, 0755}, ALLOWED},
    {"futex_wait", {0}, ALLOWED},
    {"ptrace", {0}, NO(EPERM)},
    {"process_vm_readv", {0}, NO(EPERM)},
    {"process_madvise", {0}, NO(EPERM)},
    {"kcmp", {0}, NO(EPERM)},
    {"pidfd_getfd", {0}, NO(EPERM)},
    {"mount", {0}, NO(EPERM)},
    {"umount2", {0}, NO(EPERM)},
    {"pivot_root", {0}, NO(EPERM)},
    {"chroot", {0}, NO(EPERM)},
    {"setns", {0}, NO(EPERM)},
    {"fsopen", {0}, NO(ENOSYS)},
    {"open_tree", {0}, NO(ENOSYS)},
    {"open_tree_attr", {0}, NO(ENOSYS)},
    {"mount_setattr", {0}, NO(ENOSYS)},
    {"statmount", {0}, NO(ENOSYS)},
    {"listmount", {0}, NO(ENOSYS)},
    {"io_uring_setup", {0}, NO(ENOSYS)},
    {"clone3", {0}, NO(ENOSYS)},
    {"splice", {0}, NO(ENOSYS)},
    {"vmsplice", {0}, NO(ENOSYS)},
    {"memfd_secret", {0}, NO(ENOSYS)},
    {"name_to_handle_at", {0}, NO(EOPNOTSUPP)},
    {"open_by_handle_at", {0}, NO(EPERM)},
    {"keyctl", {0}, NO(EPERM)},
    {"bpf", {0}, NO(EPERM)},
    {"perf_event_open", {0}, NO(EPERM)},
    {"userfaultfd", {0}, NO(EPERM)},
    {"fanotify_init", {0}, NO(EPERM)},
    {"migrate_pages", {0}, NO(EPERM)},
    {"adjtimex", {0}, NO(EPERM)},
    {"syslog", {0}, NO(EPERM)},
    {"reboot", {0}, NO(EPERM)},
    {"clone", {17}, ALLOWED},
    {"clone", {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND}, ALLOWED},
    {"clone", {CLONE_NEWUSER | 17}, NO(EPERM)},
    {"clone", {HIGH | CLONE_NEWUSER | 17}, NO(EPERM)},
    {"clone", {CLONE_NEWPID}, NO(EPERM)},
    {"unshare", {CLONE_FILES}, ALLOWED},
    {"unshare", {CLONE_NEWNET}, NO(EPERM)},
    {"unshare", {0x80}, NO(EPERM)},
    {"ioctl", {0, TCGETS}, ALLOWED},
    {"ioctl", {0, TIOCGPGRP}, ALLOWED},
    {"ioctl", {0, FIONREAD}, ALLOWED},
    {"ioctl", {0, TIOCSTI}, NO(EPERM)},
    {"ioctl", {0, HIGH | TIOCSTI}, NO(EPERM)},
    {"ioctl", {0, (0xffffffffULL << 32) | TIOCLINUX}, NO(EPERM)},
    {"ioctl", {0, TIOCSETD}, NO(EPERM)},
    {"ioctl", {0, TIOCCONS}, NO(EPERM)},
    {"ioctl", {0, 0x4b3a}, NO(EPERM)},   /* KDSETMODE */
    {"ioctl", {0, 0x5606}, NO(EPERM)},   /* VT_ACTIVATE */
    {"ioctl", {0, 0x80685600}, ALLOWED}, /* VIDIOC_QUERYCAP: a camera, not a console */
    {"ioctl", {0, FICLONE}, ALLOWED},
    {"ioctl", {0, FICLONERANGE}, ALLOWED},
    {"ioctl", {0, FIDEDUPERANGE}, ALLOWED},
    {"ioctl", {0, FS_IOC_GETFSLABEL}, ALLOWED},
    {"ioctl", {0, 0x50009401}, NO(ENOTTY)},        /* BTRFS_IOC_SNAP_CREATE */
    {"ioctl", {0, 0x50009417}, NO(ENOTTY)},        /* BTRFS_IOC_SNAP_CREATE_V2 */
    {"ioctl", {0, HIGH | 0x50009417}, NO(ENOTTY)}, /* the kernel ignores the upper half */
    {"ioctl", {0, 0x4040bc10}, NO(ENOTTY)},        /* BCH_IOCTL_SUBVOLUME_CREATE */
    {"kill", {1}, ALLOWED},
    {"kill", {UINT64_MAX}, ALLOWED}, /* all that the namespace has */
    {"kill", {0}, NO(EPERM)},
    {"kill", {HIGH}, NO(EPERM)},
    {"setpriority", {PRIO_PROCESS, 0}, ALLOWED},
    {"setpriority", {PRIO_PGRP, 7}, ALLOWED},
    {"setpriority", {PRIO_PGRP, 0}, NO(EPERM)},
    {"setpriority", {HIGH | PRIO_PGRP, HIGH}, NO(EPERM)},
    {"ioprio_set", {1, 0}, ALLOWED},
    {"ioprio_set", {2, 0}, NO(EPERM)},
    {"socket", {AF_INET, SOCK_STREAM, 0}, ALLOWED},
    {"socket", {AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 17}, ALLOWED},
    {"socket", {AF_INET, SOCK_STREAM, 6}, ALLOWED},
    {"socket", {AF_INET, SOCK_STREAM, 262}, NO(EPROTONOSUPPORT)}, /* MPTCP */
    {"socket", {AF_INET, SOCK_DGRAM, 1}, NO(EPROTONOSUPPORT)},    /* ICMP */
    {"socket", {AF_INET, SOCK_RAW, 255}, NO(EPERM)},
    {"socket", {AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 58}, NO(EPERM)},
    {"socket", {AF_INET, SOCK_SEQPACKET, 132}, NO(EPROTONOSUPPORT)}, /* SCTP */
    {"socket", {AF_UNIX, SOCK_STREAM, 0}, ALLOWED},
    {"socket", {HIGH | AF_UNIX, SOCK_SEQPACKET, 0}, ALLOWED},
    {"socket", {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0}, ALLOWED},
    {"socket", {AF_NETLINK, SOCK_RAW, 12}, NO(EPROTONOSUPPORT)}, /* NETFILTER */
    {"socket", {AF_PACKET, SOCK_RAW, 0}, NO(EAFNOSUPPORT)},
    {"socket", {HIGH | AF_PACKET, SOCK_RAW, 0}, NO(EAFNOSUPPORT)},
    {"socket", {AF_VSOCK, SOCK_STREAM, 0}, NO(EAFNOSUPPORT)},
    {"socket", {AF_ALG, SOCK_SEQPACKET, 0}, NO(EAFNOSUPPORT)},
    {"socketpair", {AF_UNIX, SOCK_STREAM, 0}, ALLOWED},
    {"socketpair", {AF_TIPC, SOCK_STREAM, 0}, NO(EAFNOSUPPORT)},
    {"sendto", {0, 0, 0, MSG_NOSIGNAL}, ALLOWED},
    {"sendto", {0, 0, 0, MSG_FASTOPEN}, NO(EPERM)},
    {"sendmsg", {0, 0, MSG_ZEROCOPY}, NO(EPERM)},
    {"sendmsg", {0, 0, MSG_NOSIGNAL}, ALLOWED},
    {"sendmmsg", {0, 0, 0, HIGH | MSG_FASTOPEN}, NO(EPERM)},
    {"setsockopt", {0, SOL_SOCKET, SO_REUSEADDR}, ALLOWED},
    {"setsockopt", {0, SOL_SOCKET, SO_ATTACH_FILTER}, NO(EPERM)},
    {"setsockopt", {0, SOL_SOCKET, SO_BINDTODEVICE}, NO(EPERM)},
    {"setsockopt", {0, SOL_SOCKET, SO_MARK}, NO(EPERM)},
    {"setsockopt", {0, 6, 1}, ALLOWED},    /* TCP_NODELAY */
    {"setsockopt", {0, 6, 18}, ALLOWED},   /* TCP_USER_TIMEOUT */
    {"setsockopt", {0, 6, 19}, NO(EPERM)}, /* TCP_REPAIR */
    {"setsockopt", {0, 6, 23}, NO(EPERM)}, /* TCP_FASTOPEN */
    {"setsockopt", {0, 6, 25}, ALLOWED},   /* TCP_NOTSENT_LOWAT */
    {"setsockopt", {0, 6, 30}, NO(EPERM)}, /* TCP_FASTOPEN_CONNECT */
    {"setsockopt", {0, 6, 31}, NO(EPERM)}, /* TCP_ULP */
    {"setsockopt", {0, 41, 25}, ALLOWED},  /* an option of another level */
    {"personality", {0}, ALLOWED},
    {"personality", {0x20000}, ALLOWED},
    {"personality", {0xffffffff}, ALLOWED},
    {"personality", {0x40000}, NO(EPERM)}, /* ADDR_NO_RANDOMIZE */
    {"personality", {0x8}, NO(EPERM)},     /* PER_LINUX32 */
    {"prctl", {PR_SET_NAME}, ALLOWED},
    {"prctl", {PR_SET_NO_NEW_PRIVS}, ALLOWED},
    {"prctl", {0x53564d41}, ALLOWED}, /* PR_SET_VMA */
    {"prctl", {PR_SET_MM}, NO(EPERM)},
    {"prctl", {PR_SET_PTRACER}, NO(EPERM)},
    {"prctl", {79}, NO(EINVAL)},
    {"prctl", {HIGH | PR_SET_MM}, NO(EPERM)},
    {"mknodat", {0, 0, 0010644}, ALLOWED},
    {"mknodat", {0, 0, 0100644}, ALLOWED},
    {"mknodat", {0, 0, 0020666}, NO(EPERM)},
    {"mknodat", {0, 0, 0060666}, NO(EPERM)},
    {"mknodat", {0, 0, 0104755}, NO(EPERM)},
    {"renameat2", {0, 0, 0, 0, 1}, ALLOWED},
    {"renameat2", {0, 0, 0, 0, 4}, NO(EPERM)},
    {"seccomp", {1, 1}, ALLOWED},
    {"seccomp", {1, 8}, NO(EPERM)},
    {"fcntl", {0, F_DUPFD_CLOEXEC}, ALLOWED},
    {"fcntl", {0, F_SETLEASE}, NO(EPERM)},
    {"fcntl", {0, F_NOTIFY}, NO(EPERM)},
    {"fchmod", {0, 0644}, ALLOWED},
    {"fchmod", {0, 01777}, ALLOWED},
    {"fchmod", {0, 04755}, NO(EPERM)},
    {"fchmodat", {0, 0, 02755}, NO(EPERM)},
    {"fchmodat2", {0, 0, 06755}, NO(EPERM)},
    {"openat", {0, 0, O_RDONLY, 06000}, ALLOWED}, /* no O_CREAT: whatever the register holds */
    {"openat", {0, 0, O_CREAT | O_WRONLY, 0644}, ALLOWED},
    {"openat", {0, 0, O_CREAT | O_WRONLY, 04755}, NO(EPERM)},
    {"openat", {0, 0, O_TMPFILE | O_RDWR, 02755}, NO(EPERM)},
    {"setrlimit", {RLIMIT_NOFILE}, ALLOWED},
    {"setrlimit", {RLIMIT_CORE}, NO(0)},
    {"prlimit64", {0, RLIMIT_CORE, 0, 1}, ALLOWED},
    {"prlimit64", {0, RLIMIT_CORE, 4096, 0}, NO(0)},
    {"prlimit64", {0, RLIMIT_CORE, HIGH, 0}, NO(0)},
    {"prlimit64", {0, RLIMIT_NOFILE, 4096, 0}, ALLOWED},
#ifdef __x86_64__
    {"open", {0, O_CREAT, 04755}, NO(EPERM)},
    {"open", {0, O_RDONLY, 04755}, ALLOWED},
    {"creat", {0, 04755}, NO(EPERM)},
    {"chmod", {0, 02755}, NO(EPERM)},
    {"mknod", {0, 0020666}, NO(EPERM)},
    {"modify_ldt", {0}, NO(EPERM)},
    {"arch_prctl", {0}, ALLOWED},
#endif
};

Test(filter, says_what_the_table_says)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);
    struct program program = filter_program(&arena, &values);

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        cr_expect_eq(ask(program, calls[i].name, calls[i].args), calls[i].expected,
                     "row %zu: %s(%lx, %lx, %lx) is %x", i, calls[i].name,
                     (unsigned long)calls[i].args[0], (unsigned long)calls[i].args[1],
                     (unsigned long)calls[i].args[2], ask(program, calls[i].name, calls[i].args));
    arena_finish(&arena);
}

Test(filter, opens_only_four_socket_families)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);
    struct program program = filter_program(&arena, &values);

    for (uint64_t family = 0; family <= 50; family++) {
        bool open = family == AF_UNIX || family == AF_INET || family == AF_INET6;
        uint32_t expected = family == AF_NETLINK ? NO(EPROTONOSUPPORT) : NO(EAFNOSUPPORT);
        uint64_t args[6] = {family, SOCK_STREAM, 0};

        cr_expect_eq(ask(program, "socket", args), open ? ALLOWED : expected, "family %lu",
                     (unsigned long)family);
    }
    arena_finish(&arena);
}

Test(filter, kills_other_architectures_and_second_tables)
{
    struct arena arena = {0};

    for (int profile = 0; profile < SYSCALLS__COUNT; profile++) {
        struct policy_values values = filter_values((enum policy_syscalls)profile);
        struct program program = filter_program(&arena, &values);
        struct seccomp_data data = {.nr = 0, .arch = SYSCALL_ARCH};

        cr_expect_eq(bpf_run(program, &data), FILTER_ALLOW);
        data.arch = AUDIT_ARCH_I386;
        cr_expect_eq(bpf_run(program, &data), FILTER_KILL);
        data.arch = AUDIT_ARCH_ARM;
        cr_expect_eq(bpf_run(program, &data), FILTER_KILL);
        data.arch = SYSCALL_ARCH;
        for (uint32_t n = 0; SYSCALL_SECOND_TABLE != 0 && n < 600; n++) {
            data.nr = (int)(SYSCALL_SECOND_TABLE + n);
            cr_expect_eq(bpf_run(program, &data), FILTER_KILL);
        }
    }
    arena_finish(&arena);
}

Test(filter, answers_newer_numbers_with_enosys)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);
    struct program program = filter_program(&arena, &values);
    static const unsigned unknown[] = {400,  470,   471,        600,       1023,
                                       1024, 70000, 0x3fffffff, UINT32_MAX};

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        struct seccomp_data data = {.nr = (int)unknown[i], .arch = SYSCALL_ARCH};

        cr_expect_eq(bpf_run(program, &data), NO(ENOSYS), "number %u", unknown[i]);
    }
    arena_finish(&arena);
}

static struct policy_value list_of(struct policy_item *items, size_t count)
{
    return (struct policy_value){.set = true, .items = items, .count = count};
}

static const uint64_t zero[6];

Test(filter, the_policys_lists_open_and_close)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);
    struct policy_item allow[] = {{.text = "splice"}, {.text = "clone3"}, {.text = "socketcall"}};
    struct policy_item deny[] = {{.text = "statx"}, {.text = "clone3"}, {.text = "ioctl"}};

    values.v[POLICY_SYSCALLS_ALLOW] = list_of(allow, ARRAY_SIZE(allow));
    values.v[POLICY_SYSCALLS_DENY] = list_of(deny, ARRAY_SIZE(deny));

    struct program program = filter_program(&arena, &values);

    cr_expect_eq(ask(program, "splice", zero), ALLOWED);
    cr_expect_eq(ask(program, "tee", zero), NO(ENOSYS));
    cr_expect_eq(ask(program, "statx", zero), NO(EPERM));
    cr_expect_eq(ask(program, "clone3", zero), NO(ENOSYS), "deny wins, with the usual answer");
    cr_expect_eq(ask(program, "ioctl", zero), NO(EPERM));
    arena_finish(&arena);
}

Test(filter, an_allowed_name_keeps_its_argument_rule)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);
    struct policy_item allow[] = {{.text = "ioctl"}, {.text = "unshare"}};

    values.v[POLICY_SYSCALLS_ALLOW] = list_of(allow, ARRAY_SIZE(allow));

    struct program program = filter_program(&arena, &values);

    cr_expect_eq(ask(program, "ioctl", (uint64_t[6]){0, TIOCSTI}), NO(EPERM));
    cr_expect_eq(ask(program, "unshare", (uint64_t[6]){CLONE_NEWUSER}), NO(EPERM));
    arena_finish(&arena);
}

Test(filter, an_unknown_name_is_an_error_at_its_line)
{
    static const enum policy_field fields[] = {POLICY_SYSCALLS_ALLOW, POLICY_SYSCALLS_DENY};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct arena arena = {0};
        struct policy_values values = filter_values(SYSCALLS_OFF);
        struct policy_item item = {.text = "no_such_call", .origin = "policy.yaml:7:12"};
        const void *program = NULL;
        const char *note = NULL;
        size_t count = 0;
        struct err err = {0};

        values.v[fields[i]] = list_of(&item, 1);
        cr_expect_eq(filter_make(&arena, &values, 0, &program, &count, &note, &err), -EINVAL);
        cr_expect(strstr(err.msg, "policy.yaml:7:12") && strstr(err.msg, "no_such_call"), "%s",
                  err.msg);
        cr_expect_null(program);
        arena_finish(&arena);
    }
}

/* Up to ABI 5 Landlock leaves signals to the own process group alone, also off or strict. */
Test(filter, holds_the_signals_that_landlock_does_not)
{
    for (int profile = 0; profile < SYSCALLS__COUNT; profile++) {
        for (unsigned abi = 0; abi <= 9; abi++) {
            struct arena arena = {0};
            struct policy_values values = filter_values((enum policy_syscalls)profile);
            const void *insns = NULL;
            const char *note = NULL;
            size_t count = 0;

            cr_assert_eq(filter_make(&arena, &values, abi, &insns, &count, &note, NULL), 0);
            cr_expect_eq(ask((struct program){insns, count}, "kill", zero),
                         abi < 6 ? NO(EPERM) : ALLOWED, "profile %d, ABI %u", profile, abi);
            arena_finish(&arena);
        }
    }
}

/* Up to ABI 2 Landlock lets everybody truncate; without Landlock the filter alone is no help. */
Test(filter, keeps_contents_that_landlock_does_not)
{
    static const uint64_t emptying[6] = {0, 0, O_RDONLY | O_TRUNC};
    static const uint64_t writing[6] = {0, 0, O_WRONLY | O_TRUNC | O_CREAT, 0644};
    static const uint64_t set_id[6] = {0, 0, O_WRONLY | O_CREAT, 04644};

    for (int profile = 0; profile < SYSCALLS__COUNT; profile++) {
        for (unsigned abi = 0; abi <= 9; abi++) {
            bool keeps = (abi == 1 || abi == 2) && profile != SYSCALLS_OFF;
            struct arena arena = {0};
            struct policy_values values = filter_values((enum policy_syscalls)profile);
            struct program program = {0};
            const void *insns = NULL;
            const char *note = NULL;

            cr_assert_eq(filter_make(&arena, &values, abi, &insns, &program.count, &note, NULL), 0);
            program.insns = insns;
            cr_expect_eq(ask(program, "truncate", zero), keeps ? NO(ENOSYS) : ALLOWED);
            cr_expect_eq(ask(program, "openat2", zero), keeps ? NO(ENOSYS) : ALLOWED);
            cr_expect_eq(ask(program, "openat", emptying), keeps ? NO(EPERM) : ALLOWED);
            cr_expect_eq(ask(program, "openat", writing), ALLOWED);
            cr_expect_eq(ask(program, "openat", zero), ALLOWED);
            cr_expect_eq(ask(program, "openat", set_id),
                         profile == SYSCALLS_OFF ? ALLOWED : NO(EPERM));
            arena_finish(&arena);
        }
    }
}

Test(filter, debug_opens_the_debuggers_calls_only)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEBUG);
    struct program program = filter_program(&arena, &values);

    cr_expect_eq(ask(program, "ptrace", zero), ALLOWED);
    cr_expect_eq(ask(program, "process_vm_writev", zero), ALLOWED);
    cr_expect_eq(ask(program, "prctl", (uint64_t[6]){PR_SET_PTRACER}), ALLOWED);
    cr_expect_eq(ask(program, "prctl", (uint64_t[6]){PR_SET_MM}), NO(EPERM));
    cr_expect_eq(ask(program, "bpf", zero), NO(EPERM));
    cr_expect_eq(ask(program, "ioctl", (uint64_t[6]){0, TIOCSTI}), NO(EPERM));
    arena_finish(&arena);
}

Test(filter, strict_is_smaller_than_default)
{
    struct filter_spec *strict = xcalloc(1, sizeof(*strict));
    struct filter_spec *usual = xcalloc(1, sizeof(*usual));
    struct policy_values strict_values = filter_values(SYSCALLS_STRICT);
    struct policy_values usual_values = filter_values(SYSCALLS_DEFAULT);
    size_t fewer = 0;

    cr_assert_eq(filter_spec_make(strict, &strict_values, 0, NULL), 0);
    cr_assert_eq(filter_spec_make(usual, &usual_values, 0, NULL), 0);
    for (size_t i = 0; i < SYSCALL_LIMIT; i++) {
        if (strict->entries[i].action == FILTER_ALLOW)
            cr_expect(usual->entries[i].action == FILTER_ALLOW &&
                      usual->entries[i].rule == strict->entries[i].rule);
        else
            fewer += usual->entries[i].action == FILTER_ALLOW;
    }
    cr_expect_gt(fewer, 20);
    free(strict);
    free(usual);
}

Test(filter, off_keeps_the_terminal_and_the_deny_list)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_OFF);
    struct policy_item deny[] = {{.text = "ptrace"}};

    values.v[POLICY_SYSCALLS_DENY] = list_of(deny, 1);

    struct program program = filter_program(&arena, &values);

    cr_expect_eq(ask(program, "mount", zero), ALLOWED);
    cr_expect_eq(ask(program, "clone", (uint64_t[6]){CLONE_NEWUSER}), ALLOWED);
    cr_expect_eq(ask(program, "ioctl", (uint64_t[6]){0, HIGH | TIOCSTI}), NO(EPERM));
    cr_expect_eq(ask(program, "ptrace", zero), NO(EPERM));
    arena_finish(&arena);
}

Test(filter, user_namespaces_open_what_makes_them)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);

    values.v[POLICY_PROC_USERNS].number = 1;

    struct program program = filter_program(&arena, &values);

    cr_expect_eq(ask(program, "clone", (uint64_t[6]){CLONE_NEWUSER}), ALLOWED);
    cr_expect_eq(ask(program, "unshare", (uint64_t[6]){CLONE_NEWUSER}), ALLOWED);
    cr_expect_eq(ask(program, "clone3", zero), ALLOWED);
    cr_expect_eq(ask(program, "chroot", zero), ALLOWED);
    cr_expect_eq(ask(program, "setns", zero), NO(EPERM));
    cr_expect_eq(ask(program, "mount", zero), NO(EPERM));
    arena_finish(&arena);
}

Test(filter, every_known_call_is_in_exactly_one_set)
{
    unsigned char sets[SYSCALL_LIMIT] = {0};

    for (size_t i = 0; i < filter_set_count; i++) {
        for (const char *const *name = filter_sets[i].calls; *name; name++) {
            unsigned number = 0;
            int result = syscall_number(*name, &number);

            cr_expect_neq(result, -ENOENT, "%s is misspelt", *name);
            if (result == 0)
                cr_expect_eq(++sets[number], 1, "%s is in two sets", *name);
        }
    }
    for (unsigned number = 0; number < SYSCALL_LIMIT; number++) {
        char *name = syscall_name(number);

        if (name)
            cr_expect_eq(sets[number], 1, "%u %s is in no set", number, name);
        free(name);
    }
}

Test(filter, names_and_numbers_agree)
{
    for (unsigned number = 0; number < SYSCALL_LIMIT; number++) {
        char *name = syscall_name(number);

        if (name)
            cr_expect_eq(call_number(name), number, "%s", name);
        free(name);
    }
    cr_expect_eq(call_number("file_setattr"), 469);
    cr_expect_eq(call_number("fchmodat2"), 452);
}

Test(filter, notes_how_many_are_open)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_STRICT);
    const void *program = NULL;
    const char *note = NULL;
    size_t count = 0;

    cr_assert_eq(filter_make(&arena, &values, 0, &program, &count, &note, NULL), 0);
    cr_expect(str_glob("strict: 2?? system calls", note), "%s", note);
    arena_finish(&arena);
}

Test(filter, dump_names_calls_and_actions)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_OFF);
    struct program program = filter_program(&arena, &values);
    struct buf text = {0};

    filter_dump(program.insns, program.count, &text);
    cr_expect_not_null(strstr(text.data, "   0  load architecture\n"), "%s", text.data);
    cr_expect_not_null(strstr(text.data, " (ioctl) goto "), "%s", text.data);
    cr_expect_not_null(strstr(text.data, "load low half of argument 1\n"));
    cr_expect_not_null(strstr(text.data, "return kill the process\n"));
    cr_expect_not_null(strstr(text.data, "return EPERM\n"));
    buf_finish(&text);
    arena_finish(&arena);
}

/* The summary's answers are those of the program, number by number. */
Test(filter, answers_are_those_of_the_program)
{
    for (int profile = 0; profile < SYSCALLS__COUNT; profile++) {
        struct arena arena = {0};
        struct policy_values values = filter_values((enum policy_syscalls)profile);
        struct program program = filter_program(&arena, &values);
        size_t by_argument = 0;

        for (uint32_t number = 0; number < SYSCALL_LIMIT + 9; number++) {
            struct seccomp_data data = {.nr = (int)number, .arch = SYSCALL_ARCH};
            struct filter_answer answer = filter_answer(program.insns, program.count, number);

            by_argument += answer.by_argument;
            cr_expect(answer.by_argument || answer.action == bpf_run(program, &data), "number %u",
                      number);
        }
        /* Every profile has ioctl's rule at least. */
        cr_expect(filter_answer(program.insns, program.count, call_number("ioctl")).by_argument);
        cr_expect(profile == SYSCALLS_OFF ? by_argument <= 2 : by_argument > 20, "%zu",
                  by_argument);
        arena_finish(&arena);
    }
}

Test(filter, summary_sorts_calls_by_answer)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);
    struct program program = filter_program(&arena, &values);
    struct buf text = {0};
    const char *allow, *by_argument, *eperm, *enosys;

    filter_summary(program.insns, program.count, &text);
    allow = strstr(text.data, "allow:\n    ");
    by_argument = strstr(text.data, "by their arguments");
    eperm = strstr(text.data, "\nEPERM:\n");
    enosys = strstr(text.data, "\nENOSYS:\n");
    cr_assert(allow && by_argument && eperm && enosys, "%s", text.data);
    cr_expect(strstr(allow, " read") && strstr(allow, " read") < by_argument);
    cr_expect(strstr(by_argument, " ioctl(") && strstr(by_argument, " ioctl(") < eperm);
    cr_expect(strstr(eperm, " ptrace ") && strstr(eperm, " ptrace ") < enosys);
    cr_expect_not_null(strstr(enosys, " clone3 "));
    cr_expect_not_null(strstr(text.data, "\nevery other number: ENOSYS\n"));
    buf_finish(&text);
    arena_finish(&arena);
}
