#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "svenv/base/mem.h"

#include "../child.h"
#include "scratch.h"

static void make_dirs(int dir, const char *prefix, int count, bool filled)
{
    for (int i = 0; i < count; i++) {
        auto_free char *name = xasprintf("%s%d", prefix, i);
        auto_free char *inner = xasprintf("%s/f", name);

        cr_assert_eq(mkdirat(dir, name, 0755), 0);
        if (filled)
            close(openat(dir, inner, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
}

static const char *const bad_names[] = {"", ".", "..", "a/b", "/tmp"};

Test(tree, names)
{
    struct scratch s = scratch_new();

    for (size_t i = 0; i < ARRAY_SIZE(bad_names); i++)
        cr_expect_eq(tree_remove(s.fd, bad_names[i]), -EINVAL, "'%s'", bad_names[i]);
    cr_expect_eq(tree_remove(s.fd, "absent"), 0);
    scratch_drop(&s);
}

Test(tree, what_a_link_points_at_stays)
{
    struct scratch s = scratch_new();
    struct scratch other = scratch_new();

    scratch_write(&other, "keep", "x");
    cr_assert_eq(symlinkat(other.path, s.fd, "top"), 0);
    cr_assert_eq(mkdirat(s.fd, "d", 0755), 0);
    cr_assert_eq(symlinkat(other.path, s.fd, "d/inner"), 0);
    cr_expect_eq(tree_remove(s.fd, "top"), 0);
    cr_expect_eq(tree_remove(s.fd, "d"), 0);
    cr_expect_not(scratch_has(&s, "top"));
    cr_expect_not(scratch_has(&s, "d"));
    cr_expect(scratch_has(&other, "keep"));
    scratch_drop(&other);
    scratch_drop(&s);
}

Test(tree, every_kind_of_file)
{
    struct scratch s = scratch_new();

    cr_assert_eq(mkdirat(s.fd, "d", 0755), 0);
    scratch_write(&s, "d/f", "x");
    cr_assert_eq(mkfifoat(s.fd, "d/fifo", 0644), 0);
    scratch_write(&s, "d/-rf\n\x1b", "x");
    cr_expect_eq(tree_remove(s.fd, "d"), 0);
    scratch_write(&s, "f", "x");
    cr_expect_eq(tree_remove(s.fd, "f"), 0);
    cr_expect_not(scratch_has(&s, "d"));
    cr_expect_not(scratch_has(&s, "f"));
    scratch_drop(&s);
}

/* More sub-directories than one batch, empty and filled. */
Test(tree, wide)
{
    struct scratch s = scratch_new();
    int dir = fd_mkdir_beneath(s.fd, "d", 0755);

    make_dirs(dir, "empty", 300, false);
    make_dirs(dir, "full", 700, true);
    close(dir);
    cr_expect_eq(tree_remove(s.fd, "d"), 0);
    cr_expect_not(scratch_has(&s, "d"));
    scratch_drop(&s);
}

static int remove_deep(void *arg)
{
    const struct scratch *s = arg;
    struct rlimit files = {32, 32};
    struct rlimit stack = {256 * 1024, 256 * 1024};
    int here = dup(s->fd);

    for (int i = 0; i < 10000 && here >= 0; i++) {
        int next = -1;

        if (mkdirat(here, "d", 0755) == 0)
            next = openat(here, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(here);
        here = next;
    }
    if (here < 0)
        return 1;
    close(here);
    if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_STACK, &stack) < 0)
        return 2;
    return tree_remove(s->fd, "d") == 0 ? 0 : 3;
}

Test(tree, deep)
{
    struct scratch s = scratch_new();

    cr_expect_eq(in_child(remove_deep, &s), 0);
    cr_expect_not(scratch_has(&s, "d"));
    scratch_drop(&s);
}

static int as_ordinary_user(void *arg)
{
    struct scratch *s = arg;

    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        return 1;
    if (mkdirat(s->fd, "d", 0755) < 0)
        return 2;
    make_dirs(s->fd, "d/sub", 3, true);
    if (fchmodat(s->fd, "d/sub0", 0, 0) < 0 || fchmodat(s->fd, "d/sub1", 0500, 0) < 0 ||
        fchmodat(s->fd, "d/sub2", 0300, 0) < 0 || fchmodat(s->fd, "d", 0400, 0) < 0)
        return 3;
    return tree_remove(s->fd, "d") == 0 ? 0 : 4;
}

Test(tree, without_permissions)
{
    struct scratch s = scratch_new();

    cr_assert_eq(fchmod(s.fd, 0777), 0);
    cr_expect_eq(in_child(as_ordinary_user, &s), 0);
    cr_expect_not(scratch_has(&s, "d"));
    scratch_drop(&s);
}

static int with_a_mount(void *arg)
{
    const struct scratch *s = arg;
    auto_free char *from = xasprintf("%s/keep", s->path);
    auto_free char *to = xasprintf("%s/d/m", s->path);
    struct scratch inner = *s;
    int rc = 0;

    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 77;
    /* A bind mount of the same file system: the device number is the same on both sides. */
    if (mount(from, to, NULL, MS_BIND, NULL) < 0)
        return 77;
    /* The old descriptor still looks at the other namespace's mounts. */
    inner.fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = tree_remove(inner.fd, "d");
    if (rc != -EBUSY && rc != -EXDEV)
        return 1;
    return scratch_has(&inner, "keep/f") && scratch_has(&inner, "d/m/f") ? 0 : 2;
}

Test(tree, mounts_are_not_entered)
{
    struct scratch s = scratch_new();
    int rc = 0;

    cr_assert_eq(mkdirat(s.fd, "keep", 0755), 0);
    cr_assert_eq(mkdirat(s.fd, "d", 0755), 0);
    cr_assert_eq(mkdirat(s.fd, "d/m", 0755), 0);
    scratch_write(&s, "keep/f", "x");
    rc = in_child(with_a_mount, &s);
    if (rc == 77 && getenv("SVENV_MUST_WORK") == NULL) {
        scratch_drop(&s);
        cr_skip_test("no mount namespaces here");
    }
    cr_expect_eq(rc, 0);
    scratch_drop(&s);
}

/* A second process, which only a signal ends, keeps replacing a directory by a link to a precious
 * one. */
static void swap_forever(const struct scratch *s)
{
    for (;;) {
        renameat2(s->fd, "d/sub5", s->fd, "link", RENAME_EXCHANGE);
        mkdirat(s->fd, "d", 0755);
        mkdirat(s->fd, "d/sub5", 0755);
    }
}

static int remove_under_attack(void *arg)
{
    const struct scratch *s = arg;
    pid_t attacker = fork();

    if (attacker == 0)
        swap_forever(s);
    for (int i = 0; i < 100; i++) {
        make_dirs(s->fd, "x", 1, true);
        tree_remove(s->fd, "d");
        tree_remove(s->fd, "x0");
    }
    kill(attacker, SIGKILL);
    waitpid(attacker, NULL, 0);
    return 0;
}

Test(tree, swapped_directories_lead_nowhere, .timeout = 60)
{
    struct scratch s = scratch_new();
    struct scratch precious = scratch_new();

    cr_assert_eq(mkdirat(precious.fd, "keep", 0755), 0);
    scratch_write(&precious, "keep/f", "x");
    cr_assert_eq(mkdirat(s.fd, "d", 0755), 0);
    make_dirs(s.fd, "d/sub", 10, true);
    cr_assert_eq(symlinkat(precious.path, s.fd, "link"), 0);
    cr_expect_eq(in_child(remove_under_attack, &s), 0);
    cr_expect(scratch_has(&precious, "keep/f"));
    scratch_drop(&s);
    scratch_drop(&precious);
}
