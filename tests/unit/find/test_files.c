#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/find/files.h"
#include "svenv/plan/plan.h"

#define SITE "proj/.venv/lib/python3.11/site-packages/"
#define LEFT "lib/python3.11/site-packages/"

static const struct plan_obeyed obeyed[] = {
    {.pattern = ".envrc", .anywhere = true},
    {.pattern = "lefthook.*", .anywhere = true},
    {.pattern = ".secret", .anywhere = true, .action = PLAN_OBEYED_HIDE},
    {.pattern = ".top"},
};

static struct fixture f;
static struct venv_files before;
static struct venv_left left;
static struct err err;

/* A list that has been through its bytes. */
static void note_files(void)
{
    auto_venv_files struct venv_files listed = {.count = 0};
    auto_buf struct buf bytes = {0};

    cr_assert_eq(venv_files_list(f.venv, &listed, &err), 0, "%s", err.msg);
    cr_assert_not(listed.incomplete);
    venv_files_encode(&listed, &bytes);
    cr_assert_eq(venv_files_decode(bytes.data, bytes.len, &before, &err), 0, "%s", err.msg);
    cr_assert_eq(before.count, listed.count);
}

static void begin(void)
{
    f = fixture_new(NULL);
    make_dirs(&f, SITE "pkg");
    put_file(&f, SITE "old.pth", "import old\n", 0644);
    put_file(&f, SITE "old.so", "\177ELF old", 0644);
    do_wrap(&f);
    note_files();
}

static void end(void)
{
    venv_left_finish(&left);
    venv_files_finish(&before);
    fixture_drop(&f);
}

TestSuite(files, .init = begin, .fini = end);

static void look(void)
{
    cr_assert_eq(venv_left_since(f.venv, &before, obeyed, ARRAY_SIZE(obeyed), &left, &err), 0, "%s",
                 err.msg);
}

Test(files, nothing_came)
{
    look();
    cr_expect_eq(left.start_up.count + left.entries.count + left.elf.count + left.setuid.count, 0);
    cr_expect_eq(left.obeyed.count, 0);
    cr_expect_not(left.incomplete);
}

Test(files, what_runs_unasked_is_found)
{
    static const char *const start_up[] = {
        LEFT "bom.pth",          LEFT "cr.pth",  LEFT "link.pth",
        LEFT "sitecustomize.py", LEFT "tab.pth", LEFT "usercustomize/__init__.py",
    };

    make_dirs(&f, SITE "usercustomize");
    put_file(&f, SITE "path.pth", "/somewhere\n# import x\nimportant\n  import y\n", 0644);
    put_file(&f, SITE "tab.pth", "/x\nimport\tos\n", 0644);
    put_file(&f, SITE "bom.pth", "\xef\xbb\xbfimport os\n", 0644);
    put_file(&f, SITE "cr.pth", "x\rimport os", 0644);
    put_link(&f, SITE "link.pth", "/etc/passwd");
    put_file(&f, SITE "pkg/deep.pth", "import os\n", 0644);
    put_file(&f, SITE "sitecustomize.py", "", 0644);
    put_file(&f, SITE "sitecustomizer.py", "", 0644);
    put_file(&f, SITE "usercustomize/__init__.py", "", 0644);
    put_file(&f, SITE "pkg/x.bin", "\177ELF new", 0644);
    put_file(&f, SITE "pkg/set", "x", 0644);
    {
        auto_free char *path = path_join(f.root, SITE "pkg/set");

        cr_assert_eq(chmod(path, 04755), 0);
    }
    put_file(&f, "proj/.venv/sandbox/bin/newtool", "#!/x\n", 0755);
    put_file(&f, "proj/.venv/sandbox/bin/data", "x", 0644);
    look();
    cr_expect_eq(left.start_up.count, 6);
    for (size_t i = 0; i < 6 && i < left.start_up.count; i++)
        cr_expect_str_eq(left.start_up.items[i], start_up[i]);
    cr_expect_eq(left.unknown.count, 6);
    cr_expect(left.elf.count == 1 && str_eq(left.elf.items[0], LEFT "pkg/x.bin"));
    cr_expect(left.setuid.count == 1 && str_eq(left.setuid.items[0], LEFT "pkg/set"));
    cr_expect(left.entries.count == 1 && str_eq(left.entries.items[0], "newtool"));
}

/* Repositories are obeyed anywhere, other names where people work: not deep in a package, which may
 * bring templates. */
Test(files, names_that_the_host_obeys_are_found)
{
    static const char *const there[] = {
        ".envrc",          ".git/HEAD",       ".git/config",         ".secret",
        ".top/x",          "bare/HEAD",       "bare/objects/x",      "bare/refs/x",
        "bare/config",     "share/HEAD",      LEFT ".envrc",         LEFT "lefthook.py",
        LEFT "pkg/.envrc", LEFT "pkg/.git/x", LEFT "pkg/.gitignore",
    };
    static const char *const want[] = {".envrc", ".git", "bare/HEAD", LEFT ".envrc",
                                       LEFT "pkg/.git"};

    for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
        auto_free char *path = xasprintf("proj/.venv/%s", there[i]);
        auto_free char *dir = path_dirname(path);

        make_dirs(&f, dir);
        put_file(&f, path, "x", 0644);
    }
    put_link(&f, "proj/.venv/share/.git", "../x");
    look();
    cr_expect_eq(left.obeyed.count, ARRAY_SIZE(want) + 1);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        cr_expect(strv_has(&left.obeyed, want[i]), "%s", want[i]);
    cr_expect(strv_has(&left.obeyed, "share/.git"));
    cr_expect_not(left.incomplete);
}

/* The same size and time do not hide a change: the kernel sets the time of the inode's change. */
Test(files, what_was_replaced_is_found)
{
    struct timespec times[2] = {{0}, {0}};
    auto_free char *path = path_join(f.root, SITE "old.pth");
    struct stat st;

    cr_assert_eq(stat(path, &st), 0);
    usleep(20000);
    put_file(&f, SITE "old.pth", "import bad\n", 0644);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    cr_assert_eq(utimensat(-100, path, times, 0), 0);
    look();
    cr_expect(left.start_up.count == 1 && str_eq(left.start_up.items[0], LEFT "old.pth"));
    cr_expect_eq(left.unknown.count, 0);
    cr_expect_eq(left.elf.count, 0);
}

Test(files, what_cannot_be_read_is_said)
{
    auto_free char *path = path_join(f.root, SITE "pkg");

    if (geteuid() == 0) {
        end(); /* a skipped test does not come to its own */
        cr_skip_test("root reads everything");
    }
    cr_assert_eq(chmod(path, 0), 0);
    look();
    cr_expect(left.incomplete);
    cr_assert_eq(chmod(path, 0755), 0);
}

Test(files, hostile_names_and_kinds, .timeout = 20)
{
    auto_free char *fifo = path_join(f.root, SITE "x.pth");
    auto_free char *loop = path_join(f.root, SITE "loop");

    cr_assert_eq(mkfifo(fifo, 0644), 0);
    cr_assert_eq(symlink(".", loop), 0);
    put_file(&f, SITE "a\nb.pth", "import os\n", 0644);
    look();
    cr_expect(left.start_up.count == 1 && str_eq(left.start_up.items[0], LEFT "a\nb.pth"));
}

Test(files, half_a_list_is_refused)
{
    auto_buf struct buf bytes = {0};

    venv_files_encode(&before, &bytes);
    for (size_t len = 0; len < bytes.len && len < 300; len++) {
        auto_venv_files struct venv_files out = {.count = 0};
        int rc = venv_files_decode(bytes.data, len, &out, &err);

        cr_expect(rc == -EINVAL || out.count <= before.count);
    }
}
