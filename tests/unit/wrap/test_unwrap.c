#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/wrap/wrap.h"

#define BIN "proj/.venv/bin/"
#define REAL "proj/.venv/sandbox/bin/"

static void expect_text(const struct fixture *f, const char *path, const char *want)
{
    auto_free char *have = read_path(f, path);

    cr_expect_str_eq(have != NULL ? have : "(absent)", want, "%s", path);
}

Test(unwrap, not_wrapped)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};

    cr_expect_eq(venv_unwrap(f.venv, false, &err), -ENOENT);
    make_dirs(&f, "proj/.venv/sandbox/somebody's own");
    cr_expect_eq(venv_unwrap(f.venv, true, &err), -ENOENT);
    cr_expect(is_there(&f, "proj/.venv/sandbox/somebody's own"));
    fixture_drop(&f);
}

/* An installer can put another one in the place of an interpreter, for programs inside. */
Test(unwrap, a_replaced_interpreter_is_not_given_back)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *real = path_join(f.root, REAL "python3");
    auto_free char *given = path_join(f.root, BIN "python3");
    auto_strv struct strv told = {0};
    struct err err = {0};
    char before[256] = "", after[256] = "";
    ssize_t len = readlink(given, before, sizeof(before) - 1);

    cr_assert_gt(len, 0);
    do_wrap(&f);
    cr_assert_eq(unlink(real), 0);
    put_file(&f, REAL "python3", "#!/bin/sh\n", 0755);
    cr_assert_eq(venv_unwrap_telling(f.venv, false, &told, &err), 0, "%s", err.msg);
    cr_assert_eq(readlink(given, after, sizeof(after) - 1), len);
    cr_expect_str_eq(after, before);
    cr_assert_eq(told.count, 1);
    cr_expect_str_eq(told.items[0], "python3");
    cr_expect(is_there(&f, "proj/.venv/sandbox/quarantine/unwrapped/python3"));
    fixture_drop(&f);
}

Test(unwrap, home_and_cache_stay_until_purged)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};

    do_wrap(&f);
    put_file(&f, "proj/.venv/home/notes", "precious", 0600);
    do_unwrap(&f);
    expect_text(&f, "proj/.venv/home/notes", "precious");
    cr_expect_not(is_there(&f, "proj/.venv/cache"));
    do_wrap(&f);
    cr_expect_eq(venv_unwrap(f.venv, true, &err), 0);
    cr_expect_not(is_there(&f, "proj/.venv/home"));
    fixture_drop(&f);
}

Test(unwrap, quarantined_files_stay_until_purged)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};

    do_wrap(&f);
    put_file(&f, "proj/.venv/sandbox/quarantine/hook", "x", 0600);
    do_unwrap(&f);
    expect_text(&f, "proj/.venv/sandbox/quarantine/hook", "x");
    cr_expect_not(is_there(&f, "proj/.venv/sandbox/manifest.json"));
    cr_expect_eq(venv_unwrap(f.venv, false, &err), -ENOENT);
    cr_expect_eq(venv_unwrap(f.venv, true, &err), 0);
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"));
    fixture_drop(&f);
}

Test(unwrap, installed_inside_since)
{
    struct fixture f = fixture_new(NULL);

    do_wrap(&f);
    put_file(&f, REAL "black", "#!python", 0755);
    put_file(&f, REAL "template.html", "data", 0644);
    put_file(&f, REAL "ls", "#!evil", 0755);
    put_file(&f, REAL "activate.nu", "#!evil", 0755);
    drop_file(&f, BIN "tool");
    do_unwrap(&f);
    expect_text(&f, BIN "black", "#!python");
    expect_text(&f, BIN "template.html", "data");
    cr_expect_not(is_there(&f, BIN "ls"));
    cr_expect_not(is_there(&f, BIN "activate.nu"));
    cr_expect_not(is_there(&f, BIN "tool"), "the host's tool had removed it");
    cr_expect_not(is_there(&f, BIN "shell"));
    fixture_drop(&f);
}

Test(unwrap, newer_one_on_the_host_wins)
{
    struct fixture f = fixture_new(NULL);

    do_wrap(&f);
    put_file(&f, BIN "pip", "newer", 0755);
    put_file(&f, BIN "activate", "newer", 0644);
    do_unwrap(&f);
    expect_text(&f, BIN "pip", "newer");
    expect_text(&f, BIN "activate", "newer");
    fixture_drop(&f);
}

Test(unwrap, without_a_manifest)
{
    struct fixture f = fixture_new(NULL);

    do_wrap(&f);
    drop_file(&f, "proj/.venv/sandbox/manifest.json");
    do_unwrap(&f);
    expect_text(&f, BIN "pip", "#!python\nimport pip\n");
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"));
    fixture_drop(&f);
}

Test(unwrap, without_any_stub_refuses)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};

    do_wrap(&f);
    drop_file(&f, "proj/.venv/sandbox/stub");
    cr_expect_eq(venv_unwrap(f.venv, false, &err), -ENOENT);
    expect_text(&f, REAL "pip", "#!python\nimport pip\n");
    fixture_drop(&f);
}

/* Taking the old stubs for files of the host's own would lose the real ones. */
Test(unwrap, wrap_with_another_stub_and_no_copy_refuses)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};

    do_wrap(&f);
    drop_file(&f, "proj/.venv/sandbox/stub");
    put_file(&f, "stub", "a newer stub", 0755);
    cr_expect_eq(try_sync(&f, &err), -ENOENT);
    cr_expect_lt(try_wrap(&f, &err), 0);
    expect_text(&f, REAL "pip", "#!python\nimport pip\n");
    fixture_drop(&f);
}

Test(unwrap, private_temporary_directories_go)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *temporary = NULL;
    auto_venv struct venv venv;
    struct stat st;

    do_wrap(&f);
    venv_init(&venv);
    cr_assert_eq(manifest_read(&venv, f.venv, NULL), 0);
    temporary = xasprintf("/tmp/sandbox-venv-%s", venv.id);
    cr_assert_eq(mkdir(temporary, 0700), 0);
    do_unwrap(&f);
    cr_expect_eq(stat(temporary, &st), -1);
    fixture_drop(&f);
}

Test(unwrap, removes_what_denies_us_permission)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *dir = path_join(f.venv, "sandbox/installer/home/deep");
    struct err err = {0};

    do_wrap(&f);
    make_dirs(&f, "proj/.venv/sandbox/installer/home/deep/er");
    cr_assert_eq(chmod(dir, 0), 0);
    cr_expect_eq(venv_unwrap(f.venv, false, &err), 0, "%s", err.msg);
    cr_expect_not(is_there(&f, "proj/.venv/sandbox"));
    fixture_drop(&f);
}
