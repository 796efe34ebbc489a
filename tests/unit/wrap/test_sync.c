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

static struct fixture wrapped(void)
{
    struct fixture f = fixture_new(NULL);

    do_wrap(&f);
    return f;
}

static void expect_counts(struct sync_result have, struct sync_result want)
{
    cr_expect_eq(have.added, want.added, "added %zu", have.added);
    cr_expect_eq(have.adopted, want.adopted, "adopted %zu", have.adopted);
    cr_expect_eq(have.removed, want.removed, "removed %zu", have.removed);
    cr_expect_eq(have.repaired, want.repaired, "repaired %zu", have.repaired);
    cr_expect_eq(have.skipped, want.skipped, "skipped %zu", have.skipped);
}

static void expect_text(const struct fixture *f, const char *path, const char *want)
{
    auto_free char *have = read_path(f, path);

    cr_expect_str_eq(have != NULL ? have : "(absent)", want, "%s", path);
}

static const size_t left_alone = 2; /* the fixture's FIFO and directory */

Test(sync, in_step_touches_nothing)
{
    struct fixture f = wrapped();
    auto_free char *bin = path_join(f.venv, "bin");
    auto_free char *real = path_join(f.venv, "sandbox/bin");
    auto_free char *manifest = path_join(f.venv, "sandbox/manifest.json");
    struct file_id before[] = {file_id_of(AT_FDCWD, bin, false), file_id_of(AT_FDCWD, real, false),
                               file_id_of(AT_FDCWD, manifest, false)};
    struct file_id after[3];

    expect_counts(do_sync(&f), (struct sync_result){.skipped = left_alone});
    after[0] = file_id_of(AT_FDCWD, bin, false);
    after[1] = file_id_of(AT_FDCWD, real, false);
    after[2] = file_id_of(AT_FDCWD, manifest, false);
    for (size_t i = 0; i < 3; i++)
        cr_expect(file_id_eq(&before[i], &after[i]), "%zu", i);
    fixture_drop(&f);
}

Test(sync, new_inside_gets_a_stub)
{
    struct fixture f = wrapped();

    put_file(&f, REAL "black", "#!python", 0755);
    put_link(&f, REAL "linked", "/nowhere/at/all");
    put_file(&f, REAL "notes.txt", "no entry", 0644);
    expect_counts(do_sync(&f), (struct sync_result){.added = 2, .skipped = left_alone});
    cr_expect(is_stub(&f, BIN "black"));
    cr_expect(is_stub(&f, BIN "linked"));
    cr_expect_not(is_there(&f, BIN "notes.txt"));
    expect_text(&f, REAL "black", "#!python");
    expect_counts(do_sync(&f), (struct sync_result){.skipped = left_alone});
    fixture_drop(&f);
}

Test(sync, hostile_names_and_types_inside_are_left_alone)
{
    static const char *const names[] = {"ls",  "sudo",    "evil\nname", "\xff",
                                        "-rf", ".hidden", "activate.nu"};
    struct fixture f = wrapped();
    auto_free char *fifo = path_join(f.root, REAL "pipe");

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = xasprintf(REAL "%s", names[i]);

        put_file(&f, path, "x", 0755);
    }
    cr_assert_eq(mkfifo(fifo, 0777), 0);
    make_dirs(&f, REAL "directory");
    expect_counts(do_sync(&f), (struct sync_result){.skipped = left_alone + 9});
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = xasprintf(BIN "%s", names[i]);

        cr_expect_not(is_there(&f, path), "%zu", i);
    }
    cr_expect_not(is_there(&f, BIN "pipe"));
    cr_expect_not(is_there(&f, BIN "directory"));
    fixture_drop(&f);
}

Test(sync, raw_on_the_host_is_adopted)
{
    struct fixture f = wrapped();

    put_file(&f, BIN "ruff", "\177ELF", 0755);
    put_file(&f, BIN "pip", "newer pip", 0755);
    expect_counts(do_sync(&f), (struct sync_result){.adopted = 2, .skipped = left_alone});
    cr_expect(is_stub(&f, BIN "ruff"));
    cr_expect(is_stub(&f, BIN "pip"));
    expect_text(&f, REAL "ruff", "\177ELF");
    expect_text(&f, REAL "pip", "newer pip");
    fixture_drop(&f);
}

Test(sync, written_in_place_over_a_stub)
{
    struct fixture f = wrapped();
    auto_free char *path = path_join(f.root, BIN "pip");
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    cr_assert_eq(write(fd, "#!poetry", 8), 8);
    do_sync(&f);
    cr_assert_eq(write(fd, " goes on", 8), 8, "the tool was not ready yet");
    close(fd);
    cr_expect(is_stub(&f, BIN "pip"));
    expect_text(&f, REAL "pip", "#!poetry goes on");
    fixture_drop(&f);
}

Test(sync, hard_link_to_a_cache_is_copied)
{
    struct fixture f = wrapped();
    auto_free char *cache = path_join(f.root, "cached");
    auto_free char *bin = path_join(f.root, BIN "ruff");
    auto_free char *real = path_join(f.root, REAL "ruff");
    struct stat a;
    struct stat b;

    put_file(&f, "cached", "\177ELF", 0755);
    cr_assert_eq(link(cache, bin), 0);
    do_sync(&f);
    cr_assert_eq(stat(cache, &a), 0);
    cr_assert_eq(stat(real, &b), 0);
    cr_expect_neq(a.st_ino, b.st_ino);
    fixture_drop(&f);
}

Test(sync, stub_with_a_second_name_is_replaced)
{
    struct fixture f = wrapped();
    auto_free char *other = path_join(f.root, "other");
    auto_free char *bin = path_join(f.root, BIN "pip");

    cr_assert_eq(link(bin, other), 0);
    expect_counts(do_sync(&f), (struct sync_result){.repaired = 1, .skipped = left_alone});
    cr_expect(is_stub(&f, BIN "pip"));
    fixture_drop(&f);
}

Test(sync, removed_on_the_host)
{
    struct fixture f = wrapped();

    drop_file(&f, BIN "tool");
    expect_counts(do_sync(&f), (struct sync_result){.removed = 1, .skipped = left_alone});
    cr_expect_not(is_there(&f, REAL "tool"));
    fixture_drop(&f);
}

Test(sync, removed_inside)
{
    struct fixture f = wrapped();

    drop_file(&f, REAL "tool");
    expect_counts(do_sync(&f), (struct sync_result){.removed = 1, .skipped = left_alone});
    cr_expect_not(is_there(&f, BIN "tool"));
    fixture_drop(&f);
}

Test(sync, interpreter_is_never_removed)
{
    struct fixture f = wrapped();

    drop_file(&f, BIN "python3");
    expect_counts(do_sync(&f), (struct sync_result){.repaired = 1, .skipped = left_alone});
    cr_expect(is_stub(&f, BIN "python3"));
    fixture_drop(&f);
}

Test(sync, shell_comes_back)
{
    struct fixture f = wrapped();

    drop_file(&f, BIN "shell");
    do_sync(&f);
    cr_expect(is_stub(&f, BIN "shell"));
    fixture_drop(&f);
}

Test(sync, activate_never_comes_out)
{
    struct fixture f = wrapped();

    put_file(&f, REAL "activate", "rm -rf ~", 0755);
    put_file(&f, REAL "activate.csh", "rm -rf ~", 0755);
    do_sync(&f);
    expect_text(&f, BIN "activate", "export VIRTUAL_ENV");
    expect_text(&f, REAL "activate", "export VIRTUAL_ENV");
    cr_expect_not(is_there(&f, BIN "activate.csh"));
    fixture_drop(&f);
}

Test(sync, plain_file_changed_on_the_host_is_shown)
{
    struct fixture f = wrapped();

    put_file(&f, BIN "data.txt", "newer data", 0644);
    do_sync(&f);
    expect_text(&f, REAL "data.txt", "newer data");
    fixture_drop(&f);
}

Test(sync, plain_file_that_becomes_an_entry_inside)
{
    struct fixture f = wrapped();

    put_file(&f, REAL "data.txt", "#!python", 0755);
    do_sync(&f);
    cr_expect(is_stub(&f, BIN "data.txt"));
    expect_text(&f, REAL "data.txt", "#!python");
    fixture_drop(&f);
}

Test(sync, directory_inside_gives_way_to_the_host)
{
    struct fixture f = wrapped();

    make_dirs(&f, REAL "ruff/deep/er");
    put_file(&f, BIN "ruff", "\177ELF", 0755);
    do_sync(&f);
    expect_text(&f, REAL "ruff", "\177ELF");
    cr_expect(is_stub(&f, BIN "ruff"));
    fixture_drop(&f);
}

Test(sync, what_a_power_cut_leaves_of_a_stub)
{
    struct fixture f = wrapped();
    auto_free char *path = path_join(f.root, BIN "pip");
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

    cr_assert_eq(truncate(path, 0), 0);
    cr_assert_eq(utimensat(AT_FDCWD, path, old, 0), 0);
    expect_counts(do_sync(&f), (struct sync_result){.repaired = 1, .skipped = left_alone});
    cr_expect(is_stub(&f, BIN "pip"));
    expect_text(&f, REAL "pip", "#!python\nimport pip\n");
    fixture_drop(&f);
}

/* Not even its owner may read it. It has a stub's size, so it is none of the host's own programs.
 */
Test(sync, stub_that_cannot_be_read)
{
    static const mode_t modes[] = {0000, 0111, 0311};
    struct fixture f = wrapped();
    auto_free char *path = path_join(f.root, BIN "pip");

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        cr_assert_eq(chmod(path, modes[i]), 0);
        do_sync(&f);
        cr_expect(is_stub(&f, BIN "pip"), "%o", modes[i]);
        expect_text(&f, REAL "pip", "#!python\nimport pip\n");
    }
    fixture_drop(&f);
}

Test(sync, new_release_of_the_stub)
{
    struct fixture f = wrapped();

    put_file(&f, "stub", "a newer stub", 0755);
    cr_expect_eq(do_sync(&f).repaired, 12, "eleven entries and the shell");
    cr_expect(is_stub(&f, BIN "pip"));
    cr_expect(is_stub(&f, BIN "shell"));
    expect_text(&f, "proj/.venv/sandbox/stub", "a newer stub");
    expect_text(&f, REAL "tool", "\177ELF tool");
    fixture_drop(&f);
}

Test(sync, moved_venv_is_refused)
{
    struct fixture f = wrapped();
    auto_free char *moved = path_join(f.root, "proj/other");
    struct err err = {0};

    cr_assert_eq(rename(f.venv, moved), 0);
    snprintf(f.venv, sizeof(f.venv), "%s", moved);
    cr_expect_eq(try_sync(&f, &err), -ESTALE);
    cr_expect(strstr(err.msg, "has moved") != NULL, "%s", err.msg);
    fixture_drop(&f);
}

Test(sync, needs_no_installed_stub)
{
    struct fixture f = wrapped();
    const struct wrap_options options = {.stub = NULL};
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    venv.path = f.venv;
    put_file(&f, REAL "black", "#!python", 0755);
    cr_expect_eq(venv_sync(&venv, &options, NULL, &err), 0, "%s", err.msg);
    cr_expect(is_stub(&f, BIN "black"));
    cr_expect_eq(venv.entry_count, 12);
    fixture_drop(&f);
}

struct told {
    size_t count;
    char last[32];
};

static void tell(void *context, const char *name)
{
    struct told *told = context;

    told->count++;
    (void)snprintf(told->last, sizeof(told->last), "%s", name);
}

static size_t sync_saying(const struct fixture *f, struct wrap_options *options)
{
    struct sync_result result = {0};
    struct told told = {.count = 0};
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    venv.path = f->venv;
    options->withheld = tell;
    options->context = &told;
    cr_assert_eq(venv_sync(&venv, options, &result, &err), 0, "%s", err.msg);
    cr_expect(told.count == 0 || str_eq(told.last, "ssh"), "%s", told.last);
    return told.count;
}

Test(sync, reserved_names_stay_inside_and_are_told_once)
{
    static const char *const publish[] = {"docker", "ssh"};
    struct fixture f = wrapped();
    struct wrap_options options = {.stub = NULL};

    put_file(&f, REAL "ssh", "#!python", 0755);
    put_file(&f, REAL "activate.evil", "#!python", 0755);
    expect_counts(do_sync(&f), (struct sync_result){.skipped = left_alone + 2});
    cr_expect_eq(sync_saying(&f, &options), 1, "nobody was told before");
    cr_expect_eq(sync_saying(&f, &options), 0);
    cr_expect_not(is_stub(&f, BIN "ssh"));
    drop_file(&f, REAL "ssh");
    cr_expect_eq(sync_saying(&f, &options), 0);
    put_file(&f, REAL "ssh", "#!python", 0755);
    cr_expect_eq(sync_saying(&f, &options), 1, "another one, later");
    options.publish = publish;
    options.publish_count = ARRAY_SIZE(publish);
    cr_expect_eq(sync_saying(&f, &options), 0);
    cr_expect(is_stub(&f, BIN "ssh"));
    options.publish_count = 0;
    cr_expect_eq(sync_saying(&f, &options), 0, "what has a stub keeps it");
    cr_expect(is_stub(&f, BIN "ssh"));
    fixture_drop(&f);
}

/* Wrapping again must not forget what the user knows. */
Test(sync, wrapping_again_keeps_what_was_told)
{
    struct fixture f = wrapped();
    struct wrap_options options = {.stub = NULL};

    put_file(&f, REAL "ssh", "#!python", 0755);
    cr_expect_eq(sync_saying(&f, &options), 1);
    do_wrap(&f);
    cr_expect_eq(sync_saying(&f, &options), 0);
    fixture_drop(&f);
}

Test(sync, states_of_entries)
{
    struct fixture f = wrapped();
    struct entry_status *rows = NULL;
    size_t count = 0;
    auto_venv struct venv venv;
    struct err err = {0};

    put_file(&f, BIN "raw", "\177ELF", 0755);
    put_file(&f, REAL "fresh", "#!", 0755);
    put_file(&f, REAL "git2", "#!", 0644);
    drop_file(&f, REAL "tool");
    venv_init(&venv);
    cr_assert_eq(manifest_read(&venv, f.venv, &err), 0, "%s", err.msg);
    cr_assert_eq(venv_entries(&venv, &rows, &count, &err), 0, "%s", err.msg);
    for (size_t i = 0; i < count; i++) {
        static const struct {
            const char *name;
            enum entry_state state;
        } want[] = {
            {"raw", ENTRY_BYPASS},       {"fresh", ENTRY_MISSING},  {"tool", ENTRY_ORPHAN},
            {"pip", ENTRY_WRAPPED},      {"shell", ENTRY_WRAPPED},  {"fifo", ENTRY_IGNORED},
            {"activate", ENTRY_IGNORED}, {"git2", ENTRY_IGNORED},   {"git", ENTRY_WRAPPED},
            {"data.txt", ENTRY_IGNORED}, {"python", ENTRY_WRAPPED},
        };

        for (size_t k = 0; k < ARRAY_SIZE(want); k++)
            cr_expect(!str_eq(rows[i].name, want[k].name) || rows[i].state == want[k].state, "%s",
                      rows[i].name);
    }
    cr_expect_eq(count, 24);
    fixture_drop(&f);
}
