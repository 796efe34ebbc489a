/* SIGKILL at every system call of wrap, sync and unwrap: each name is either the untouched original
 * or wholly wrapped at that instant, and the next command heals it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/wrap/wrap.h"

#define BIN "proj/.venv/bin/"
#define REAL "proj/.venv/sandbox/bin/"
/* Only a guard: the longest of the three makes a few thousand system calls. */
#define STOPS_MAX 100000

typedef int operation(const struct fixture *f, struct err *err);

static int unwrap(const struct fixture *f, struct err *err)
{
    return venv_unwrap(f->venv, false, err);
}

static pid_t start_traced(operation *run, const struct fixture *f)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct err err = {0};

        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(77);
        raise(SIGSTOP);
        _exit(run(f, &err) == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    if (!WIFSTOPPED(status))
        cr_skip_test("tracing is refused here");
    /* Without this the kernel does not say whether a stop is an entry into a call. */
    cr_assert_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD), 0);
    return pid;
}

/* The state is a new one only before a call that changes something. */
static bool is_change(pid_t pid)
{
    static const unsigned long long changes[] = {
        SYS_openat, SYS_write,     SYS_renameat,   SYS_renameat2,
        SYS_linkat, SYS_unlinkat,  SYS_symlinkat,  SYS_mkdirat,
        SYS_fchmod, SYS_utimensat, SYS_exit_group, SYS_copy_file_range,
    };
    struct __ptrace_syscall_info info = {0};

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        if (changes[i] != info.entry.nr)
            continue;
        return info.entry.nr != SYS_openat || (info.entry.args[2] & O_CREAT);
    }
    return false;
}

/* Kills the child just before its `nth` call that changes something. Return: had it ended before?
 */
static bool kill_before(operation *run, const struct fixture *f, int nth)
{
    pid_t pid = start_traced(run, f);
    int status = 0;

    for (int i = 0; i < STOPS_MAX; i++) {
        ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) {
            cr_expect_eq(WEXITSTATUS(status), 0);
            return true;
        }
        if (is_change(pid) && nth-- == 0)
            break;
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return false;
}

static const struct {
    const char *name;
    const char *text;
} originals[] = {
    {"pip", "#!python\nimport pip\n"},
    {"tool", "\177ELF tool"},
    {"python3", "-> python"},
    {"new\nline", "n"},
    {"git", "#!/bin/sh\n"},
};

static bool has_text(const struct fixture *f, const char *dir, const char *name, const char *want)
{
    auto_free char *path = xasprintf("%s%s", dir, name);
    auto_free char *have = read_path(f, path);

    return have != NULL && str_eq(have, want);
}

static void expect_whole(const struct fixture *f, int nth)
{
    for (size_t i = 0; i < ARRAY_SIZE(originals); i++) {
        auto_free char *bin = xasprintf(BIN "%s", originals[i].name);
        bool is_raw = has_text(f, BIN, originals[i].name, originals[i].text);
        bool is_wrapped =
            is_stub(f, bin) && has_text(f, REAL, originals[i].name, originals[i].text);

        cr_expect(is_raw || is_wrapped, "%s before change %d", originals[i].name, nth);
    }
}

static void prepare(const struct fixture *f, operation *run)
{
    if (run == try_wrap)
        return;
    do_wrap(f);
    if (run != try_sync)
        return;
    put_file(f, REAL "black", "#!python", 0755);
    put_file(f, BIN "ruff", "\177ELF", 0755);
    drop_file(f, REAL "pip3");
    put_file(f, BIN "tool", "\177ELF tool", 0700);
}

/* The snapshot that unwrapping must end with, whatever was killed before. */
static char *expected_end(operation *run)
{
    struct fixture f = fixture_new(NULL);
    char *end = NULL;

    prepare(&f, run);
    if (run == try_sync)
        do_sync(&f);
    if (run != try_wrap)
        do_unwrap(&f);
    end = snapshot(&f);
    fixture_drop(&f);
    return end;
}

/* Paths and times of files made during the test differ from run to run. */
static void expect_same_names(const char *want, const char *have, int nth)
{
    size_t lines[2] = {0};

    for (const char *at = want; *at != '\0'; at++)
        lines[0] += *at == '\n';
    for (const char *at = have; *at != '\0'; at++)
        lines[1] += *at == '\n';
    cr_expect_eq(lines[0], lines[1], "before change %d:\n%s\nwanted\n%s", nth, have, want);
}

static void kill_everywhere(operation *run, operation *heal)
{
    auto_free char *end = expected_end(run);
    bool has_ended = false;
    int nth = 0;

    for (; !has_ended; nth++) {
        struct fixture f = fixture_new(NULL);
        auto_free char *before = snapshot(&f);
        auto_free char *after = NULL;
        struct err err = {0};
        int rc = 0;

        prepare(&f, run);
        has_ended = kill_before(run, &f, nth);
        expect_whole(&f, nth);
        if (heal != NULL) {
            cr_expect_eq(heal(&f, &err), 0, "before change %d: %s", nth, err.msg);
            cr_expect(is_stub(&f, BIN "tool") && is_stub(&f, BIN "python"), "%d", nth);
        }
        rc = venv_unwrap(f.venv, false, &err);
        cr_expect(rc == 0 || (rc == -ENOENT && heal == NULL), "%d: %s", nth, err.msg);
        after = snapshot(&f);
        if (run == try_sync)
            expect_same_names(end, after, nth);
        else
            cr_expect_str_eq(before, after, "before change %d", nth);
        cr_expect_not(is_there(&f, "proj/.venv/sandbox/manifest.json"));
        fixture_drop(&f);
    }
    cr_expect_gt(nth, 20, "there was nothing to interrupt");
}

Test(kill, wrap_then_wrap_again)
{
    kill_everywhere(try_wrap, try_wrap);
}

Test(kill, wrap_then_unwrap)
{
    kill_everywhere(try_wrap, NULL);
}

Test(kill, sync_then_sync_again)
{
    kill_everywhere(try_sync, try_sync);
}

Test(kill, sync_then_unwrap)
{
    kill_everywhere(try_sync, NULL);
}

Test(kill, unwrap_then_wrap_again)
{
    kill_everywhere(unwrap, try_wrap);
}

Test(kill, unwrap_then_unwrap_again)
{
    kill_everywhere(unwrap, NULL);
}
