/* The filter in the kernel: loaded in a child, which then makes the calls. */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../child.h"
#include "bpf.h"

static int load(struct program program)
{
    struct sock_fprog prog = {(unsigned short)program.count,
                              (struct sock_filter *)(uintptr_t)program.insns};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* Every row is refused by the filter and, but for the last column, by nothing before it. */
static const struct {
    const char *name;
    long args[6];
    int expected; /* errno, 0 = works */
} calls[] = {
    {"unshare", {CLONE_NEWUSER}, EPERM},
    {"clone", {CLONE_NEWUSER | SIGCHLD}, EPERM},
    {"clone3", {0}, ENOSYS},
    {"setns", {-1}, EPERM},
    {"mount", {0}, EPERM},
    {"chroot", {0}, EPERM},
    {"fsopen", {0}, ENOSYS},
    {"statmount", {0}, ENOSYS},
    {"io_uring_setup", {1}, ENOSYS},
    {"ptrace", {0}, EPERM},
    {"keyctl", {0, -3}, EPERM},
    {"bpf", {0}, EPERM},
    {"userfaultfd", {0}, EPERM},
    {"name_to_handle_at", {-1}, EOPNOTSUPP},
    {"splice", {-1, 0, -1}, ENOSYS},
    {"memfd_secret", {0}, ENOSYS},
    {"personality", {0x40000}, EPERM},
    {"personality", {0xffffffff}, 0},
    {"socket", {AF_PACKET, SOCK_RAW, 0}, EAFNOSUPPORT},
    {"socket", {AF_NETLINK, SOCK_RAW, 12}, EPROTONOSUPPORT},
    {"socket", {AF_NETLINK, SOCK_RAW, 0}, 0},
    {"socket", {AF_INET, SOCK_RAW, 1}, EPERM},
    {"socket", {AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0}, 0},
    {"ioctl", {0, TIOCSTI}, EPERM},
    {"ioctl", {0, (1L << 32) | TIOCSTI}, EPERM},
    {"prctl", {PR_SET_PTRACER, -1}, EPERM},
    {"prctl", {99999}, EINVAL},
    {"prctl", {PR_GET_NO_NEW_PRIVS}, 0},
    {"fchmod", {-1, 04755}, EPERM},
    {"fchmod", {-1, 0755}, EBADF},
    {"fcntl", {0, F_SETLEASE, F_RDLCK}, EPERM},
    {"seccomp", {1, 8}, EPERM},
    {"getpid", {0}, 0},
    {"landlock_create_ruleset", {0, 0, 1}, 0},
};

static int make_calls(void *arg)
{
    struct program *program = arg;

    if (load(*program) < 0)
        return 2;
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        const long *args = calls[i].args;
        long result = syscall((long)call_number(calls[i].name), args[0], args[1], args[2], args[3],
                              args[4], args[5]);
        int got = result < 0 ? errno : 0;

        if (got != calls[i].expected) {
            fprintf(stderr, "%s: %d, not %d\n", calls[i].name, got, calls[i].expected);
            return 1;
        }
    }
    return syscall(470) == -1 && errno == ENOSYS && syscall(5000) == -1 && errno == ENOSYS ? 0 : 3;
}

static int lower_core(void *arg)
{
    struct program *program = arg;
    struct rlimit one = {1, 1};
    struct rlimit none = {0, 0};
    struct rlimit now = {0, 0};

    if (setrlimit(RLIMIT_CORE, &one) < 0 || load(*program) < 0)
        return 2;
    if (setrlimit(RLIMIT_CORE, &none) < 0 || prlimit(0, RLIMIT_CORE, &none, NULL) < 0)
        return 3;
    return getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_cur == 1 && now.rlim_max == 1 ? 0 : 4;
}

static int run_true(void *arg)
{
    struct program *program = arg;
    int status = 0;

    if (load(*program) < 0)
        return 2;

    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

static const char script[] =
    "import threading, socket, subprocess, tempfile, os, asyncio, select, shutil, resource, sys\n"
    "import multiprocessing\n"
    "out = []\n"
    "ts = [threading.Thread(target=out.append, args=(i,)) for i in range(8)]\n"
    "[t.start() for t in ts]; [t.join() for t in ts]; assert len(out) == 8\n"
    "s = socket.create_server(('127.0.0.1', 0))\n"
    "c = socket.create_connection(s.getsockname()); p, _ = s.accept()\n"
    "c.sendall(b'x'); assert p.recv(1) == b'x'\n"
    "a, b = socket.socketpair(); a.sendmsg([b'hi']); assert b.recv(2) == b'hi'\n"
    "socket.getaddrinfo('localhost', 80)\n"
    "assert subprocess.run(['/bin/echo', 'hi'], capture_output=True).stdout == b'hi\\n'\n"
    "async def go():\n"
    "    q = await asyncio.create_subprocess_exec('/bin/true')\n"
    "    assert await q.wait() == 0\n"
    "asyncio.run(go())\n"
    "d = tempfile.mkdtemp(); f = os.path.join(d, 'f'); open(f, 'w').write('x' * 9999)\n"
    "shutil.copy2(f, f + '2'); assert os.path.getsize(f + '2') == 9999\n"
    "os.mkfifo(os.path.join(d, 'p')); select.epoll().close(); os.close(os.memfd_create('m'))\n"
    "try: os.chmod(f, 0o4755)\n"
    "except PermissionError: pass\n"
    "else: sys.exit('set-user-id worked')\n"
    "assert not os.stat(f).st_mode & 0o6000\n"
    "shutil.rmtree(d); os.sched_setaffinity(0, os.sched_getaffinity(0))\n"
    "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
    "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
    "    assert pool.map(abs, [-1, -2]) == [1, 2]\n";

static int run_python(void *arg)
{
    struct program *program = arg;

    if (load(*program) < 0)
        return 2;
    execl("/usr/bin/python3", "python3", "-c", script, NULL);
    return 127;
}

/* The second table's getpid, or the same call through the 32-bit gate. */
static int call_second_table(void *arg)
{
    struct program *program = arg;

    if (load(*program) < 0)
        return 2;
    syscall((long)SYSCALL_SECOND_TABLE + SYS_getpid);
    return 0;
}

#ifdef __x86_64__
static int call_32_bit_gate(void *arg)
{
    struct program *program = arg;
    long number = 20; /* getpid there */

    if (load(*program) < 0)
        return 2;
    __asm__ volatile("int $0x80" : "+a"(number) : : "memory");
    return 0;
}
#endif

static int in_filtered_child(enum policy_syscalls profile, int (*fn)(void *))
{
    struct arena arena = {0};
    struct policy_values values = filter_values(profile);
    struct program program = filter_program(&arena, &values);
    int result = in_child(fn, &program);

    arena_finish(&arena);
    return result;
}

Test(filter_live, the_kernel_answers_as_planned)
{
    cr_expect_eq(in_filtered_child(SYSCALLS_DEFAULT, make_calls), 0);
}

Test(filter_live, lowering_the_core_limit_is_ignored)
{
    cr_expect_eq(in_filtered_child(SYSCALLS_DEFAULT, lower_core), 0);
}

Test(filter_live, programs_run)
{
    for (int profile = 0; profile < SYSCALLS__COUNT; profile++)
        cr_expect_eq(in_filtered_child((enum policy_syscalls)profile, run_true), 0);
}

Test(filter_live, python_runs)
{
    if (access("/usr/bin/python3", X_OK) < 0)
        cr_skip_test("needs /usr/bin/python3");
    cr_expect_eq(in_filtered_child(SYSCALLS_DEFAULT, run_python), 0);
    cr_expect_eq(in_filtered_child(SYSCALLS_STRICT, run_python), 0);
    cr_expect_eq(in_filtered_child(SYSCALLS_DEBUG, run_python), 0);
}

Test(filter_live, other_tables_are_fatal)
{
    if (SYSCALL_SECOND_TABLE != 0) {
        cr_expect_eq(in_filtered_child(SYSCALLS_DEFAULT, call_second_table), 256 + SIGSYS);
        cr_expect_eq(in_filtered_child(SYSCALLS_OFF, call_second_table), 256 + SIGSYS);
    }
#ifdef __x86_64__
    int result = in_filtered_child(SYSCALLS_DEFAULT, call_32_bit_gate);

    /* SIGSEGV: a kernel without the 32-bit gate. */
    cr_expect(result == 256 + SIGSYS || result == 256 + SIGSEGV, "%d", result);
#endif
}
