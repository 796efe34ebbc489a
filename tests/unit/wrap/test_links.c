#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/wrap/wrap.h"

#define SITE "proj/.venv/lib/python3.11/site-packages/"

static void join(const struct fixture *f, const char *from, const char *to)
{
    auto_free char *a = path_join(f->root, from);
    auto_free char *b = path_join(f->root, to);

    cr_assert_eq(link(a, b), 0);
}

static struct stat look(const struct fixture *f, const char *path)
{
    auto_free char *whole = path_join(f->root, path);
    struct stat st;

    cr_assert_eq(lstat(whole, &st), 0);
    return st;
}

Test(links, each_file_gets_an_inode_of_its_own)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *text = NULL;
    struct stat before;
    struct stat after;
    struct err err = {0};
    size_t copied = 0;

    make_dirs(&f, SITE "pkg/deep");
    put_file(&f, "cached.so", "\177ELF", 0755);
    put_file(&f, "cached.py", "import os", 0644);
    put_file(&f, SITE "own.py", "own", 0644);
    join(&f, "cached.so", SITE "pkg/deep/x.so");
    join(&f, "cached.py", SITE "pkg/__init__.py");
    put_link(&f, SITE "link", "../../../../../cached.py");
    do_wrap(&f);
    before = look(&f, SITE "pkg/deep/x.so");
    cr_assert_eq(venv_break_links(f.venv, &copied, &err), 0, "%s", err.msg);
    after = look(&f, SITE "pkg/deep/x.so");
    cr_expect_eq(copied, 2);
    cr_expect_neq(before.st_ino, after.st_ino);
    cr_expect_eq(before.st_mode, after.st_mode);
    cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    cr_expect_eq(look(&f, "cached.so").st_nlink, 1);
    cr_expect_eq(look(&f, "cached.py").st_nlink, 1);
    text = read_path(&f, SITE "pkg/__init__.py");
    cr_expect_str_eq(text, "import os");
    cr_assert_eq(venv_break_links(f.venv, &copied, &err), 0);
    cr_expect_eq(copied, 0);
    fixture_drop(&f);
}

/* A package left them: three gigabytes that take no room must take none afterwards. */
Test(links, holes_stay_holes)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *path = NULL;
    struct err err = {0};
    size_t copied = 0;

    make_dirs(&f, SITE "pkg");
    put_file(&f, SITE "pkg/data.bin", "x", 0644);
    path = path_join(f.root, SITE "pkg/data.bin");
    cr_assert_eq(truncate(path, (off_t)3 << 30), 0);
    join(&f, SITE "pkg/data.bin", SITE "pkg/again.bin");
    do_wrap(&f);
    cr_assert_eq(venv_break_links(f.venv, &copied, &err), 0, "%s", err.msg);
    cr_expect_eq(copied, 1);
    cr_expect_eq(look(&f, SITE "pkg/data.bin").st_size, (off_t)3 << 30);
    cr_expect_eq(look(&f, SITE "pkg/again.bin").st_size, (off_t)3 << 30);
    cr_expect_lt(look(&f, SITE "pkg/data.bin").st_blocks, 1024);
    cr_expect_lt(look(&f, SITE "pkg/again.bin").st_blocks, 1024);
    fixture_drop(&f);
}

/* Programs that run beside a virtualenv that is about to be wrapped may have made the second name.
 */
Test(links, also_in_a_venv_that_is_not_wrapped)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};
    size_t copied = 0;

    join(&f, "proj/.venv/pyvenv.cfg", "second");
    cr_assert_eq(venv_break_links(f.venv, &copied, &err), 0);
    cr_expect_eq(copied, 1);
    fixture_drop(&f);
}
