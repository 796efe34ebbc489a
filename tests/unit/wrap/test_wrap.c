#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/manifest.h"
#include "svenv/find/venv.h"
#include "svenv/wrap/wrap.h"

#define BIN "proj/.venv/bin/"
#define REAL "proj/.venv/sandbox/bin/"

static void expect_text(const struct fixture *f, const char *path, const char *want)
{
    auto_free char *have = read_path(f, path);

    cr_expect_str_eq(have != NULL ? have : "(absent)", want, "%s", path);
}

Test(wrap, stubs_outside_and_the_real_ones_inside)
{
    static const char *const entries[] = {"pip",
                                          "pip3",
                                          "tool",
                                          "with space and \"quotes\" 'too'",
                                          "empty",
                                          "git",
                                          "python",
                                          "new\nline",
                                          "not-utf8-\377\376"};
    struct fixture f = fixture_new(NULL);
    struct sync_result result = do_wrap(&f);

    cr_expect_eq(result.adopted, 11);
    cr_expect_eq(result.skipped, 2, "the FIFO and the directory");
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        auto_free char *bin = xasprintf(BIN "%s", entries[i]);
        auto_free char *real = xasprintf(REAL "%s", entries[i]);

        cr_expect(is_stub(&f, bin), "%s", entries[i]);
        cr_expect(is_there(&f, real), "%s", entries[i]);
    }
    expect_text(&f, REAL "tool", "\177ELF tool");
    expect_text(&f, REAL "python3", "-> python");
    expect_text(&f, BIN "activate", "export VIRTUAL_ENV");
    expect_text(&f, REAL "activate", "export VIRTUAL_ENV");
    expect_text(&f, BIN "activate.fish", "set");
    expect_text(&f, BIN "dangling", "-> nowhere");
    expect_text(&f, BIN "data.txt", "data");
    expect_text(&f, REAL "data.txt", "data");
    cr_expect(is_stub(&f, BIN "shell"));
    cr_expect_not(is_there(&f, REAL "shell"));
    cr_expect_not(is_there(&f, REAL "fifo"));
    fixture_drop(&f);
}

Test(wrap, keeps_inode_mode_and_time)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *bin = path_join(f.root, BIN "tool");
    auto_free char *real = path_join(f.root, REAL "tool");
    auto_free char *sandbox = path_join(f.venv, "sandbox");
    struct stat before;
    struct stat after;

    cr_assert_eq(lstat(bin, &before), 0);
    do_wrap(&f);
    cr_assert_eq(lstat(real, &after), 0);
    cr_expect_eq(before.st_ino, after.st_ino);
    cr_expect_eq(before.st_mode, after.st_mode);
    cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    cr_expect_eq(after.st_nlink, 1);
    cr_assert_eq(lstat(sandbox, &after), 0);
    cr_expect_eq(after.st_mode & 07777, 0700);
    fixture_drop(&f);
}

Test(wrap, copies_what_shares_its_inode)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *cache = path_join(f.root, "cached");
    auto_free char *bin = path_join(f.root, BIN "tool");
    auto_free char *real = path_join(f.root, REAL "tool");
    struct stat a;
    struct stat b;

    cr_assert_eq(link(bin, cache), 0);
    do_wrap(&f);
    cr_assert_eq(lstat(cache, &a), 0);
    cr_assert_eq(lstat(real, &b), 0);
    cr_expect_neq(a.st_ino, b.st_ino);
    cr_expect_eq(a.st_nlink, 1);
    expect_text(&f, REAL "tool", "\177ELF tool");
    fixture_drop(&f);
}

Test(wrap, twice_changes_nothing)
{
    struct fixture f = fixture_new(NULL);
    struct sync_result again = {0};
    auto_free char *first = NULL;
    auto_free char *second = NULL;

    do_wrap(&f);
    first = snapshot(&f);
    again = do_wrap(&f);
    second = snapshot(&f);
    cr_expect_str_eq(first, second);
    cr_expect_eq(again.adopted + again.added + again.removed + again.repaired, 0);
    fixture_drop(&f);
}

/* Another account can take the name in /tmp, and no start could use it then. */
Test(wrap, again_takes_another_name_where_one_was_taken)
{
    struct fixture f = fixture_new(NULL);
    auto_venv struct venv first, second;
    auto_free char *taken = NULL;
    struct err err = {0};

    do_wrap(&f);
    venv_init(&first);
    venv_init(&second);
    cr_assert_eq(manifest_read(&first, f.venv, &err), 0, "%s", err.msg);
    taken = xasprintf("/tmp/sandbox-venv-%s", first.id);
    cr_assert_eq(symlink("/", taken), 0);
    do_wrap(&f);
    cr_assert_eq(unlink(taken), 0);
    cr_assert_eq(manifest_read(&second, f.venv, &err), 0, "%s", err.msg);
    cr_expect_str_neq(first.id, second.id);
    fixture_drop(&f);
}

Test(wrap, unwrap_gives_everything_back)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *before = snapshot(&f);
    auto_free char *after = NULL;
    struct stat st;

    do_wrap(&f);
    do_sync(&f);
    do_wrap(&f);
    do_unwrap(&f);
    after = snapshot(&f);
    cr_expect_str_eq(before, after);
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"));
    cr_expect_not(is_there(&f, "proj/.venv/home"));
    cr_assert_eq(stat(f.venv, &st), 0);
    cr_expect_eq(st.st_mtim.tv_sec, 1000000003);
    fixture_drop(&f);
}

Test(wrap, own_shell_of_the_venv_stays)
{
    struct fixture f = fixture_new(NULL);

    put_file(&f, BIN "shell", "mine", 0755);
    do_wrap(&f);
    expect_text(&f, REAL "shell", "mine");
    cr_expect(is_stub(&f, BIN "shell"));
    do_unwrap(&f);
    expect_text(&f, BIN "shell", "mine");
    fixture_drop(&f);
}

Test(wrap, read_only_bin)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *bin = path_join(f.venv, "bin");
    auto_free char *before = NULL;
    auto_free char *after = NULL;

    cr_assert_eq(chmod(bin, 0555), 0);
    before = snapshot(&f);
    do_wrap(&f);
    do_unwrap(&f);
    after = snapshot(&f);
    cr_expect_str_eq(before, after);
    fixture_drop(&f);
}

/* --- what must be refused -------------------------------------------------------------------- */

Test(wrap, refuses_links_in_the_place_of_directories)
{
    static const char *const seen[] = {"proj/.venv/sandbox", "proj/.venv/home", "proj/.venv/cache"};

    for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
        struct fixture f = fixture_new(NULL);
        auto_free char *before = NULL;
        auto_free char *after = NULL;
        struct err err = {0};

        make_dirs(&f, "elsewhere");
        put_link(&f, seen[i], "../../elsewhere");
        before = snapshot(&f);
        cr_expect_lt(try_wrap(&f, &err), 0);
        after = snapshot(&f);
        cr_expect_str_eq(before, after, "%s", seen[i]);
        cr_expect_not(is_there(&f, "elsewhere/bin"));
        fixture_drop(&f);
    }
}

Test(wrap, refuses_a_sandbox_that_others_can_write)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *sandbox = path_join(f.venv, "sandbox");
    struct err err = {0};

    make_dirs(&f, "proj/.venv/sandbox");
    cr_assert_eq(chmod(sandbox, 0777), 0);
    cr_expect_eq(try_wrap(&f, &err), -EPERM);
    cr_expect(strstr(err.msg, "other users could have written it") != NULL, "%s", err.msg);
    fixture_drop(&f);
}

Test(wrap, without_a_stub_changes_nothing)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *before = snapshot(&f);
    auto_free char *after = NULL;
    struct err err = {0};

    drop_file(&f, "stub");
    cr_expect_lt(try_wrap(&f, &err), 0);
    after = snapshot(&f);
    cr_expect_str_eq(before, after);
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"));
    fixture_drop(&f);
}

/* --- a disk that fills up -------------------------------------------------------------------- */

static int wrap_with_small_files(const struct fixture *f)
{
    const struct rlimit limit = {8192, 8192};
    struct err err = {0};

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    return try_wrap(f, &err) == -EFBIG ? 0 : 1;
}

Test(wrap, file_size_limit_takes_everything_back)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *before = snapshot(&f);
    auto_free char *after = NULL;

    cr_expect_eq(in_child(wrap_with_small_files, &f), 0);
    after = snapshot(&f);
    cr_expect_str_eq(before, after);
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"));
    fixture_drop(&f);
}

static bool write_text(const char *path, const char *text)
{
    auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0;
}

/* A private tmpfs with so many bytes and inodes. Return: 0, or -1 where namespaces are refused. */
static int enter_tmpfs(const char *where, const char *options)
{
    auto_free char *uid = xasprintf("0 %u 1", (unsigned)geteuid());
    auto_free char *gid = xasprintf("0 %u 1", (unsigned)getegid());

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !write_text("/proc/self/setgroups", "deny") ||
        !write_text("/proc/self/uid_map", uid) || !write_text("/proc/self/gid_map", gid))
        return -1;
    return mount("tmpfs", where, "tmpfs", 0, options);
}

enum {
    CHILD_SKIP = 77
};

static int wrap_on_full_disk(const struct fixture *f)
{
    struct fixture tiny = fixture_new(f->home);
    auto_free char *before = snapshot(&tiny);
    auto_free char *after = NULL;
    struct err err = {0};
    int rc = try_wrap(&tiny, &err);

    after = snapshot(&tiny);
    if (rc == 0)
        return 0;
    if (rc != -ENOSPC)
        return 1;
    return str_eq(before, after) && !is_there(&tiny, "proj/.venv/sandbox") ? 3 : 2;
}

static int no_blocks(const struct fixture *f)
{
    if (enter_tmpfs(f->home, "size=256k") < 0)
        return CHILD_SKIP;
    return wrap_on_full_disk(f) == 3 ? 0 : 1;
}

/* More inodes each time: too few for the first directory, for some of the stubs, enough for all. */
static int no_inodes(const struct fixture *f)
{
    int failures = 0;

    if (enter_tmpfs(f->home, "size=16m") < 0)
        return CHILD_SKIP;
    for (int inodes = 42; inodes < 100; inodes++) {
        auto_free char *options = xasprintf("size=16m,nr_inodes=%d", inodes);
        int rc = mount("tmpfs", f->home, "tmpfs", 0, options);

        if (rc == 0)
            rc = wrap_on_full_disk(f);
        umount2(f->home, MNT_DETACH);
        if (rc == 0)
            return failures > 10 ? 0 : 4;
        if (rc != 3)
            return 5;
        failures++;
    }
    return 6;
}

static void expect_child(int (*body)(const struct fixture *))
{
    struct fixture f = fixture_new(NULL);
    int status = in_child(body, &f);

    fixture_drop(&f);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIP && getenv("SVENV_MUST_WORK") == NULL)
        cr_skip_test("user namespaces are refused here");
    cr_expect_eq(status, 0, "status %x", (unsigned)status);
}

Test(wrap, full_disk_is_noticed_before_the_first_change)
{
    expect_child(no_blocks);
}

Test(wrap, disk_full_half_way_takes_everything_back)
{
    expect_child(no_inodes);
}

/* --- others at the same time ----------------------------------------------------------------- */

Test(wrap, concurrent_wraps_wait_for_each_other)
{
    enum {
        CHILDREN = 8
    };
    struct fixture f = fixture_new(NULL);
    auto_free char *before = snapshot(&f);
    auto_free char *after = NULL;
    pid_t pids[CHILDREN];

    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct err err = {0};
            int rc = try_wrap(&f, &err);

            _exit(rc == 0 ? 0 : 1);
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status = 0;

        waitpid(pids[i], &status, 0);
        cr_expect_eq(status, 0);
    }
    do_unwrap(&f);
    after = snapshot(&f);
    cr_expect_str_eq(before, after);
    fixture_drop(&f);
}

Test(wrap, a_thousand_entries_within_a_second)
{
    struct fixture f = fixture_new(NULL);
    struct timespec start;
    struct timespec end;
    struct sync_result result = {0};

    /* Processor time: other tests run beside this one. */
    for (int i = 0; i < 1000; i++) {
        auto_free char *path = xasprintf(BIN "cmd%d", i);

        put_file(&f, path, "#!/bin/sh\n", 0755);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    result = do_wrap(&f);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    cr_expect_eq(result.adopted, 1011);
    cr_expect_lt((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000,
                 1000);
    fixture_drop(&f);
}
