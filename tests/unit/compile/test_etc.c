#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "svenv/base/err.h"
#include "svenv/base/etc_names.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/etc.h"

#define ETC "proj/.venv/sandbox/etc/"

static const char id[] = "0123456789abcdef0123456789abcdef";

static void count_note(void *context, const char *host_path, bool edited)
{
    bool in_place = str_eq(host_path, "/etc/hosts") || str_eq(host_path, "/etc/resolv.conf") ||
                    str_eq(host_path, "/etc/localtime");

    cr_expect(str_starts(host_path, "/etc/"));
    cr_expect_eq(edited, in_place, "%s", host_path);
    ++*(size_t *)context;
}

static size_t make(const struct fixture *f, const struct etc_identity *identity)
{
    struct err err = {0};
    size_t noted = 0;

    cr_assert_eq(etc_make(f->venv, id, identity, count_note, &noted, &err), 0, "%s", err.msg);
    return noted;
}

static struct fixture with_sandbox(void)
{
    struct fixture f = fixture_new(NULL);

    do_wrap(&f);
    return f;
}

/* Each name once, below /etc, and nothing that is never shown, in no kind. */
Test(etc, names)
{
    static const char *const never[] = {"shadow",        "gshadow",     "sudoers",    "ssh",
                                        "ld.so.preload", "krb5.keytab", "machine-id", "passwd"};

    for (size_t i = 0; i < etc_name_count; i++) {
        const char *name = etc_names[i].name;

        cr_expect(name[0] != '/' && name[0] != '.' && strstr(name, "..") == NULL, "%s", name);
        cr_expect_eq(strchr(name, '*') != NULL, etc_names[i].kind == ETC_TREES, "%s", name);
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(name, etc_names[j].name);
        for (size_t j = 0; j < ARRAY_SIZE(never); j++)
            cr_expect(!str_glob(name, never[j]), "%s", never[j]);
    }
}

Test(etc, what_programs_need_is_there)
{
    static const char *const names[] = {"passwd", "group",    "nsswitch.conf", "machine-id",
                                        "hosts",  "hostname", "mtab"};
    static const char *const never[] = {"shadow", "gshadow",       "sudoers",
                                        "ssh",    "ld.so.preload", "krb5.keytab"};
    struct fixture f = with_sandbox();

    cr_expect_gt(make(&f, &(struct etc_identity){"dev", "/home/dev", "/bin/bash", 1000, 1000}), 1);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = xasprintf(ETC "%s", names[i]);

        cr_expect(is_there(&f, path), "%s", names[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
        auto_free char *path = xasprintf(ETC "%s", never[i]);

        cr_expect_not(is_there(&f, path), "%s", never[i]);
    }
    fixture_drop(&f);
}

/* The system's sitecustomize lies below /etc, and its byte code says when it was changed. */
Test(etc, copies_keep_the_time)
{
    struct fixture f = with_sandbox();
    auto_free char *path = path_join(f.venv, "sandbox/etc/hosts");
    struct stat theirs, ours;

    if (stat("/etc/hosts", &theirs) < 0) {
        fixture_drop(&f);
        cr_skip_test("no /etc/hosts here");
    }
    make(&f, &(struct etc_identity){"dev", "/home/dev", "/bin/bash", 1000, 1000});
    cr_assert_eq(stat(path, &ours), 0);
    cr_expect_eq(ours.st_mtim.tv_sec, theirs.st_mtim.tv_sec);
    cr_expect_eq(ours.st_mtim.tv_nsec, theirs.st_mtim.tv_nsec);
    fixture_drop(&f);
}

Test(etc, second_time_replaces_nothing)
{
    const struct etc_identity identity = {"dev", "/home/dev", "/bin/bash", 1000, 1000};
    struct fixture f = with_sandbox();
    auto_free char *dir = path_join(f.venv, "sandbox/etc");
    auto_free char *hosts = path_join(f.venv, "sandbox/etc/hosts");
    struct file_id before[2];
    struct file_id after[2];

    make(&f, &identity);
    before[0] = file_id_of(AT_FDCWD, dir, false);
    before[1] = file_id_of(AT_FDCWD, hosts, false);
    make(&f, &identity);
    after[0] = file_id_of(AT_FDCWD, dir, false);
    after[1] = file_id_of(AT_FDCWD, hosts, false);
    cr_expect(file_id_eq(&before[0], &after[0]));
    cr_expect(file_id_eq(&before[1], &after[1]));
    put_file(&f, ETC "hosts", "tampered", 0644);
    make(&f, &identity);
    after[1] = file_id_of(AT_FDCWD, hosts, false);
    cr_expect_neq(after[1].size, 8);
    fixture_drop(&f);
}

Test(etc, identity)
{
    struct fixture f = with_sandbox();
    auto_free char *passwd = NULL;
    auto_free char *group = NULL;

    make(&f, &(struct etc_identity){"dev", "/home/dev", "/bin/zsh", 4321, 54321});
    passwd = read_path(&f, ETC "passwd");
    group = read_path(&f, ETC "group");
    cr_expect(strstr(passwd, "dev:x:4321:54321::/home/dev:/bin/zsh\n") != NULL, "%s", passwd);
    cr_expect(strstr(passwd, "nobody:x:65534:65534:") != NULL);
    cr_expect(strstr(group, ":x:54321:\n") != NULL, "%s", group);
    fixture_drop(&f);
}

Test(etc, fields_cannot_break_out)
{
    struct fixture f = with_sandbox();
    auto_free char *passwd = NULL;

    make(&f, &(struct etc_identity){"a:0:0", "/home\nroot::0:0", NULL, 1000, 1000});
    passwd = read_path(&f, ETC "passwd");
    cr_expect(strstr(passwd, "user:x:1000:1000::/:/bin/sh\n") != NULL, "%s", passwd);
    fixture_drop(&f);
}

Test(etc, root)
{
    struct fixture f = with_sandbox();
    auto_free char *passwd = NULL;

    make(&f, &(struct etc_identity){"root", "/root", "/bin/sh", 0, 0});
    passwd = read_path(&f, ETC "passwd");
    cr_expect(strstr(passwd, "root:x:0:0:root:/root:/bin/sh\n") == passwd, "%s", passwd);
    fixture_drop(&f);
}

Test(etc, machine_id_does_not_show_the_id)
{
    struct fixture f = with_sandbox();
    auto_free char *first = NULL;
    auto_free char *second = NULL;
    auto_free char *other = NULL;
    size_t noted = 0;

    make(&f, &(struct etc_identity){"dev", "/", "/", 1000, 1000});
    first = read_path(&f, ETC "machine-id");
    cr_expect_eq(strlen(first), 33);
    cr_expect_null(strstr(first, "89abcdef"));
    /* Another value would make every venv another machine to its programs. */
    cr_expect_str_eq(first, "bbfe5f07b1f3b8bba0e1775c0e13a5b5\n");
    drop_file(&f, ETC "machine-id");
    make(&f, &(struct etc_identity){"dev", "/", "/", 1000, 1000});
    second = read_path(&f, ETC "machine-id");
    cr_expect_str_eq(first, second);
    cr_assert_eq(etc_make(f.venv, "0123456789abcdef0123456789abcdee",
                          &(struct etc_identity){"dev", "/", "/", 1000, 1000}, count_note, &noted,
                          NULL),
                 0);
    other = read_path(&f, ETC "machine-id");
    cr_expect_str_neq(first, other);
    fixture_drop(&f);
}

Test(etc, link_in_its_place_is_not_followed)
{
    struct fixture f = fixture_new(NULL);
    struct err err = {0};

    make_dirs(&f, "elsewhere");
    make_dirs(&f, "proj/.venv/sandbox");
    put_link(&f, "proj/.venv/sandbox/etc", "../../../elsewhere");
    cr_expect_lt(
        etc_make(f.venv, id, &(struct etc_identity){"d", "/", "/", 1, 1}, NULL, NULL, &err), 0);
    cr_expect_not(is_there(&f, "elsewhere/passwd"));
    fixture_drop(&f);
}
