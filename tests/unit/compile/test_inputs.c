/* The inputs that a plan was made from. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "facts-internal.h"
#include "inputs-internal.h"
#include "settle-internal.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/layers.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"

enum {
    TEXTS_MAX = 8
};

/* "path" for one that is compared whole, "path/" for a directory's identity, "path@" for a path
 * whose links are followed. */
static void expect(const struct plan_file *file, const char *const *want)
{
    size_t count = 0;

    for (; want[count]; count++) {
        const struct plan_input *input = NULL;
        auto_free char *got = NULL;

        cr_assert_lt(count, file->input_count, "'%s' is missing", want[count]);
        input = &file->inputs[count];
        got =
            xasprintf("%s%s%s", input->path, input->directory ? "/" : "", input->follow ? "@" : "");
        cr_expect(str_eq(got, want[count]), "input %zu is '%s', not '%s'", count, got, want[count]);
    }
    cr_expect_eq(file->input_count, count, "%zu inputs more", file->input_count - count);
}

Test(inputs, files_are_listed_once)
{
    static const char *const want[] = {
        "/venv/sandbox/policy.yaml@",   "/home/u/policy.yaml@", SVENV_CLI "@", SVENV_STUB "@",
        "/venv/sandbox/manifest.json@", "/venv/sandbox/etc/",   "/p/",         NULL};
    char policy[] = "/home/u/policy.yaml";
    const struct user user = {.policy = policy};
    const struct layers layers = {.venv_file = NULL};
    const struct venv venv = {.project = "/p"}, homeless = {.project = NULL};
    auto_plan_file struct plan_file file;

    plan_file_init(&file);
    for (int round = 0; round < 2; round++) {
        inputs_add_files(&file, "/venv", &user, &layers);
        inputs_add_manifest(&file, "/venv");
        inputs_add_etc(&file, "/venv");
        inputs_add_project(&file, &venv);
        inputs_add_project(&file, &homeless);
    }
    expect(&file, want);
}

Test(inputs, sides_are_as_they_were_in_step)
{
    static const char *const want[] = {"/venv/bin", "/venv/sandbox/bin", NULL};
    const struct venv_sides sides = {.bin = {.ino = 7, .mode = S_IFDIR},
                                     .sandbox_bin = {.ino = 8, .mode = S_IFDIR}};
    auto_plan_file struct plan_file file;

    plan_file_init(&file);
    inputs_add_sides(&file, "/venv", &sides);
    expect(&file, want);
    cr_expect_eq(file.inputs[0].id.ino, 7);
    cr_expect_eq(file.inputs[1].id.ino, 8);
}

Test(inputs, of_many_stubs_only_interpreters)
{
    static const struct {
        size_t entries;
        size_t inputs;
    } cases[] = {{0, 0}, {1, 1}, {64, 64}, {65, 2}, {300, 2}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct venv_entry entries[300];
        char names[300][16];
        const struct venv venv = {
            .path = "/venv", .entries = entries, .entry_count = cases[i].entries};
        auto_plan_file struct plan_file file;

        for (size_t j = 0; j < ARRAY_SIZE(entries); j++) {
            snprintf(names[j], sizeof(names[j]), "tool%zu", j);
            entries[j].name = j == 0 ? "python" : j == 40 ? "python3.13d" : names[j];
        }
        plan_file_init(&file);
        inputs_add_stubs(&file, &venv);
        cr_expect_eq(file.input_count, cases[i].inputs, "%zu of %zu", file.input_count,
                     cases[i].entries);
    }
}

/* Files of /etc are told by the directory, but for those that are written in place. */
Test(inputs, files_of_etc)
{
    static const char *const want[] = {"/etc", "/etc/resolv.conf@", "/etc/ssl/x@", "/run/x@", NULL};
    auto_plan_file struct plan_file file;

    plan_file_init(&file);
    inputs_note_etc(&file, "/etc/hosts", false);
    inputs_note_etc(&file, "/etc/passwd", false);
    inputs_note_etc(&file, "/etc/resolv.conf", true);
    inputs_note_etc(&file, "/etc/ssl/x", false);
    inputs_note_etc(&file, "/run/x", false);
    expect(&file, want);
}

/* An answer of the facts, and what becomes of it; NULL: nothing. `%` stands for the test's own
 * directory, in which "there" is a directory and "file" a file. */
static const struct {
    const char *asked;
    struct fact_path answer;
    const char *want;
} asked_cases[] = {
    {"%/there", {.kind = FACT_DIR}, "%/there/"},
    {"%/file", {.kind = FACT_FILE}, "%/file/"},
    {"%/link", {.kind = FACT_SYMLINK}, "%/link"},
    {"%/missing", {.kind = FACT_ABSENT}, "%/missing/"},
    {"%/missing/in/missing", {.kind = FACT_ABSENT}, "%/missing/"},
    {"%/there/in/missing", {.kind = FACT_ABSENT}, "%/there/in/"},
    {"/no-such-name-of-ours", {.kind = FACT_ABSENT}, "/"},
    {"/no-such-name-of-ours/x", {.kind = FACT_ABSENT}, "/"},
    {"/etc/no-such-name-of-ours", {.kind = FACT_ABSENT}, "/etc"},
    {"/proc/self/x", {.kind = FACT_ABSENT}, NULL},
    {"/sys", {.kind = FACT_DIR}, NULL},
    {"/system-of-ours", {.kind = FACT_ABSENT}, "/"},
    /* The project is %/there, of which the top is watched, with the guard ".vscode". */
    {"%/there/.vscode", {.kind = FACT_ABSENT}, NULL},
    {"%/there/.vscode", {.kind = FACT_DIR}, "%/there/.vscode/"},
    {"%/there/other", {.kind = FACT_ABSENT}, "%/there/other/"},
    {"%/there/sub/.vscode", {.kind = FACT_ABSENT}, "%/there/sub/"},
};

static char *spelled(const char *text, const char *dir)
{
    return text[0] == '%' ? xasprintf("%s%s", dir, text + 1) : xstrdup(text);
}

static void try_asked(size_t row, const char *dir)
{
    auto_free char *path = spelled(asked_cases[row].asked, dir);
    auto_free char *want = asked_cases[row].want ? spelled(asked_cases[row].want, dir) : NULL;
    auto_free char *project = path_join(dir, "there");
    struct asked_path asked = {.path = path,
                               .answer = asked_cases[row].answer,
                               .id = file_id_known(AT_FDCWD, path, false)};
    const struct host_facts host = {.asked = &asked, .asked_count = 1};
    struct plan_obeyed guard = {.pattern = ".vscode", .anywhere = true, .action = PLAN_OBEYED_TAKE};
    struct plan_seen place = {.rel = "", .kind = PLAN_SEEN_WATCHED};
    const char *const wants[] = {want, NULL};
    auto_plan_file struct plan_file file;

    plan_file_init(&file);
    file.project = project;
    file.obeyed = &guard;
    file.obeyed_count = 1;
    file.seen = &place;
    file.seen_count = 1;
    inputs_add_asked(&file, &host);
    expect(&file, wants);
}

static void make_tree(char *dir)
{
    auto_free char *there = NULL;
    auto_free char *name = NULL;
    auto_fd int fd = -1;

    cr_assert_not_null(mkdtemp(dir));
    there = path_join(dir, "there");
    name = path_join(dir, "file");
    cr_assert_eq(mkdir(there, 0755), 0);
    fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
}

static void drop_tree(const char *dir)
{
    int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    cr_expect_eq(tree_remove(tmp, path_basename(dir)), 0);
    close(tmp);
}

Test(inputs, what_the_planner_asked)
{
    char dir[] = "/tmp/svenv-unit-XXXXXX";

    make_tree(dir);
    for (size_t i = 0; i < ARRAY_SIZE(asked_cases); i++)
        try_asked(i, dir);
    drop_tree(dir);
}

/* The times of a directory that was listed tell of every name in it, but not of deeper ones. */
Test(inputs, listed_directories)
{
    char dir[] = "/tmp/svenv-unit-XXXXXX";
    auto_free char *in = NULL, *deeper = NULL, *deeper_want = NULL;
    struct asked_path asked[2] = {{.path = NULL}};
    struct listed_dir listed = {.path = dir, .id = {.ino = 9, .mode = S_IFDIR}};
    const struct host_facts host = {
        .asked = asked, .asked_count = 2, .listed = &listed, .listed_count = 1};
    const char *want[TEXTS_MAX] = {NULL};
    auto_plan_file struct plan_file file;

    make_tree(dir);
    in = path_join(dir, "file");
    deeper = path_join(dir, "there/x");
    deeper_want = xasprintf("%s/", deeper);
    asked[0] = (struct asked_path){.path = in, .answer = {.kind = FACT_FILE}};
    asked[1] = (struct asked_path){.path = deeper, .answer = {.kind = FACT_ABSENT}};
    want[0] = deeper_want;
    want[1] = dir;
    plan_file_init(&file);
    inputs_add_asked(&file, &host);
    expect(&file, want);
    cr_expect_eq(file.inputs[1].id.ino, 9, "not its identity from before it was read");
    drop_tree(dir);
}
