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
#include "svenv/find/manifest.h"

static struct venv sample(void)
{
    static struct venv_entry entries[] = {{.name = "a\nb"}, {.name = "pip"}, {.name = "\xff%\""}};
    static struct venv_need needs[] = {
        {VENV_NEED_DIR, "/opt/py\xe9", NULL},
        {VENV_NEED_FILE, "/opt/x", NULL},
        {VENV_NEED_SYMLINK, "/opt/y", "py"},
    };

    return (struct venv){
        .path = "/p/\xc3\xa9/.venv",
        .named = "/n/new\nline",
        .id = "0123456789abcdef0123456789abcdef",
        .project_reason = "'/p' is your \"home\": yes",
        .python = "python3",
        .home = "/opt/bin",
        .base_python = "/opt/bin/python3",
        .base_prefix = "/opt",
        .needs = needs,
        .need_count = 3,
        .entries = entries,
        .entry_count = 3,
        .index_url = "https://index.example/",
        .tool_version = "0.1.0",
        .bin_mode = 0755,
        .bin_mtime_ns = -5,
        .root_mtime_ns = INT64_MAX,
        .unfinished = true,
    };
}

/* Writes the sample into a fixture's sandbox. */
static struct fixture written(void)
{
    struct fixture f = fixture_new(NULL);
    auto_free char *sandbox = path_join(f.venv, "sandbox");
    struct venv venv = sample();
    struct err err = {0};
    auto_fd int dir = -1;

    cr_assert_eq(mkdir(sandbox, 0700), 0);
    dir = open(sandbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(manifest_write(&venv, dir, &err), 0, "%s", err.msg);
    return f;
}

static void expect_text_eq(const char *have, const char *want)
{
    cr_expect((have == NULL) == (want == NULL));
    if (have != NULL && want != NULL)
        cr_expect_str_eq(have, want);
}

Test(manifest, comes_back_as_it_went)
{
    struct fixture f = written();
    struct venv want = sample();
    auto_venv struct venv have;
    struct err err = {0};

    venv_init(&have);
    cr_assert_eq(manifest_read(&have, f.venv, &err), 0, "%s:%u %s", err.pos.file, err.pos.line,
                 err.msg);
    expect_text_eq(have.path, want.path);
    expect_text_eq(have.named, want.named);
    expect_text_eq(have.project, NULL);
    expect_text_eq(have.project_reason, want.project_reason);
    expect_text_eq(have.version, NULL);
    expect_text_eq(have.index_url, want.index_url);
    cr_expect_eq(have.bin_mode, 0755);
    cr_expect_eq(have.bin_mtime_ns, -5);
    cr_expect_eq(have.root_mtime_ns, INT64_MAX);
    cr_expect(have.unfinished);
    cr_expect_not(have.own_shell);
    cr_assert_eq(have.entry_count, 3);
    cr_assert_eq(have.need_count, 3);
    for (size_t i = 0; i < 3; i++) {
        expect_text_eq(have.entries[i].name, want.entries[i].name);
        cr_expect_eq(have.needs[i].kind, want.needs[i].kind);
        expect_text_eq(have.needs[i].path, want.needs[i].path);
        expect_text_eq(have.needs[i].target, want.needs[i].target);
    }
    fixture_drop(&f);
}

Test(manifest, written_by_others_is_refused)
{
    struct fixture f = written();
    auto_free char *path = path_join(f.venv, "sandbox/manifest.json");
    auto_free char *sandbox = path_join(f.venv, "sandbox");
    auto_free char *second = path_join(f.root, "second");
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    cr_assert_eq(chmod(path, 0622), 0);
    cr_expect_eq(manifest_read(&venv, f.venv, &err), -EPERM);
    cr_assert_eq(chmod(path, 0600), 0);
    cr_assert_eq(link(path, second), 0);
    cr_expect_eq(manifest_read(&venv, f.venv, &err), -EPERM, "two names");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink(second, path), 0);
    cr_expect_lt(manifest_read(&venv, f.venv, &err), 0, "a link");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_lt(manifest_read(&venv, f.venv, &err), 0, "a FIFO");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rename(second, path), 0);
    cr_expect_eq(manifest_read(&venv, f.venv, &err), 0, "%s", err.msg);
    cr_assert_eq(chmod(sandbox, 0770), 0);
    cr_expect_eq(manifest_read(&venv, f.venv, &err), -EPERM, "the directory");
    fixture_drop(&f);
}

Test(manifest, another_users_is_refused)
{
    struct fixture f = written();
    auto_free char *path = path_join(f.venv, "sandbox/manifest.json");
    auto_venv struct venv venv;
    struct err err = {0};

    if (geteuid() != 0) {
        fixture_drop(&f);
        cr_skip_test("needs root, to give a file away");
    }
    venv_init(&venv);
    cr_assert_eq(chown(path, 12345, 12345), 0);
    cr_expect_eq(manifest_read(&venv, f.venv, &err), -EPERM);
    cr_expect(strstr(err.msg, "12345") != NULL, "%s", err.msg);
    fixture_drop(&f);
}

Test(manifest, absent)
{
    struct fixture f = fixture_new(NULL);
    auto_venv struct venv venv;
    struct err err = {0};

    venv_init(&venv);
    cr_expect_eq(venv_is_wrapped(f.venv, NULL), 0);
    cr_expect_eq(manifest_read(&venv, f.venv, &err), -ENOENT);
    cr_expect(strstr(err.msg, "not wrapped") != NULL, "%s", err.msg);
    do_wrap(&f);
    cr_expect_eq(venv_is_wrapped(f.venv, NULL), 1);
    fixture_drop(&f);
}

/* Replaces the first `from` in a good manifest by `to`. */
static int parse_changed(const char *from, const char *to, struct err *err)
{
    struct fixture f = written();
    auto_free char *text = read_path(&f, "proj/.venv/sandbox/manifest.json");
    auto_free char *changed = NULL;
    auto_venv struct venv venv;
    char *at = strstr(text, from);

    fixture_drop(&f);
    cr_assert_not_null(at, "%s", from);
    changed = xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    venv_init(&venv);
    return manifest_parse(&venv, "m.json", changed, strlen(changed), err);
}

Test(manifest, malformed_ones_are_refused)
{
    static const struct {
        const char *from;
        const char *to;
    } changes[] = {
        {"\"version\": 1", "\"version\": 2"},
        {"\"version\": 1", "\"version\": \"1\""},
        {"\"version\": 1,", ""},
        {"\"python\": \"python3\"", "\"python\": \"../python3\""},
        {"\"python\": \"python3\"", "\"python\": null"},
        {"\"python\": \"python3\"", "\"python\": python3"},
        {"0123456789abcdef", "0123456789ABCDEF"},
        {"0123456789abcdef", "../.."},
        {"\"/opt/bin\"", "\"opt/bin\""},
        {"\"pip\"", "\"p/ip\""},
        {"\"pip\"", "\"..\""},
        {"\"pip\"", "\"\""},
        {"\"pip\"", "\"a%00b\""},
        {"\"pip\"", "\"a%zz\""},
        {"\"pip\"", "\"a%0\""},
        {"\"pip\"", "\"A\""},
        {"\"pip\"", "{\"a\": \"b\"}"},
        {"\"kind\": \"dir\"", "\"kind\": \"device\""},
        {"\"kind\": \"symlink\"", "\"kind\": \"file\""},
        {"\"bin-mode\": 493", "\"bin-mode\": 4096"},
        {"\"bin-mode\": 493", "\"bin-mode\": -1"},
        {"\"unfinished\": true", "\"unfinished\": 1"},
        {"\"unfinished\": true", "\"unfinished\": true, \"surprise\": true"},
        {"\"own-shell\"", "\"tool\""},
        {"\"entries\": [", "\"entries\": [["},
        {"\"withheld\": [", "\"withheld\": [\"a/b\""},
        {"\"withheld\": [", "\"withheld\": [["},
        {"\"unfinished\": true", "unfinished: true"},
        {"\"unfinished\": true", "\"unfinished\": \"true\""},
        {"\"project\": null", "\"project\": \"null\""},
        {"\"needs\": [", "# a comment of YAML\n  \"needs\": ["},
    };

    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        err = (struct err){0};
        cr_expect_lt(parse_changed(changes[i].from, changes[i].to, &err), 0, "%s", changes[i].to);
        cr_expect_str_eq(err.pos.file, "m.json");
    }
    cr_expect_eq(parse_changed("\"python3\"", "\"python%33\"", NULL), 0, "the control");
    cr_expect_eq(parse_changed("\"pip\"", "\"a%zz\"", &err), -EINVAL);
    cr_expect(err.pos.line > 20 && err.pos.col == 5, "%u:%u", err.pos.line, err.pos.col);
}
