#include <criterion/criterion.h>
#include <errno.h>

#include "svenv/base/err.h"

#include "host.h"

static const struct host_file files[] = {
    {PROJECT "/pyproject.toml", PATH_FILE, NULL, false},
    {PROJECT "/pkg/setup.py", PATH_FILE, NULL, false},
    {PROJECT "/requests/setup.py", PATH_FILE, NULL, false},
    {PROJECT "/dist/x-1.whl", PATH_FILE, NULL, false},
    {PROJECT "/plain.txt", PATH_FILE, "requests\nflask>=2 # web\n--index-url https://h/\n", false},
    {PROJECT "/nested.txt", PATH_FILE, "-r plain.txt\n", false},
    {PROJECT "/deep.txt", PATH_FILE, "-r req/editable.txt\n", false},
    {PROJECT "/req/editable.txt", PATH_FILE, "  -e ./pkg \t # mine\n", false},
    {PROJECT "/direct.txt", PATH_FILE, "x\nproj @ file://" PROJECT "/pkg ; extra == 'y'\n", false},
    {PROJECT "/loop.txt", PATH_FILE, "-r loop.txt\n-c loop.txt\n", false},
    {PROJECT "/thief.txt", PATH_FILE,
     "-r ../.ssh/id_rsa\n-r secrets/key.txt\n-r ../documents/notes.txt\n-r /data/other.txt\n"
     "../documents\n-f /data/set\n",
     false},
    {PROJECT "/link.txt", PATH_FILE, HOME "/documents/notes.txt", true},
    {PROJECT "/secrets/key.txt", PATH_FILE, "x", false},
    {VENV "/lib/x", PATH_FILE, NULL, false},
    {HOME "/documents/notes.txt", PATH_FILE, "x", false},
    {HOME "/.ssh/id_rsa", PATH_FILE, "x", false},
    {"/data/reqs.txt", PATH_FILE, "-r sub/more.txt\n-r /opt/away.txt\n", false},
    {"/data/sub/more.txt", PATH_FILE, "flask\n", false},
    {"/opt/away.txt", PATH_FILE, "flask\n", false},
    {"/data/other.txt", PATH_FILE, "flask\n", false},
    {"/data/set/y-1.tar.gz", PATH_FILE, NULL, false},
    {"/data/a b/setup.py", PATH_FILE, NULL, false},
    {"/data/out/x", PATH_FILE, NULL, false},
    {HOME "/bin/tool", PATH_FILE, NULL, false},
    {HOME "/.profile", PATH_FILE, NULL, false},
    {NULL, PATH_ABSENT, NULL, false},
};

struct fixture {
    struct arena arena;
    struct host host;
    struct plan_file file;
    struct plan_variant variant;
    struct start start;
    struct plan plan;
};

static const char *const no_env[] = {NULL};

static int start(struct fixture *f, const char *entry, const char *const *argv, const char *cwd,
                 struct err *err)
{
    *f = (struct fixture){.host = {.files = files}};
    host_plan(&f->file, &f->variant.plan, PLAN_INSTALLER | PLAN_PROJECT_ARGUMENTS);
    f->start = (struct start){.entry = entry,
                              .argv = argv,
                              .env = no_env,
                              .cwd = cwd,
                              .host = {&f->host, host_kind, host_link, host_text}};
    while (argv[f->start.argc] != NULL)
        f->start.argc++;
    return plan_start(&f->arena, &f->file, &f->variant, &f->start, &f->plan, err);
}

static void run(struct fixture *f, const char *entry, const char *const *argv, const char *cwd)
{
    struct err err = {0};

    cr_assert_eq(start(f, entry, argv, cwd, &err), 0, "%s", err.msg);
}

static void teardown(struct fixture *f)
{
    arena_finish(&f->arena);
    plan_file_finish(&f->file);
}

static bool has_project(const struct fixture *f)
{
    return host_op(&f->plan, PLAN_BIND, PROJECT) != NULL;
}

/* Binds that the compiled plan has not, the project's left aside. */
static size_t added_binds(const struct fixture *f)
{
    size_t count = 0;

    for (size_t i = 0; i < f->plan.op_count; i++)
        count += f->plan.ops[i].kind == PLAN_BIND &&
                 host_op(&f->variant.plan, PLAN_BIND, f->plan.ops[i].dest) == NULL;
    return count;
}

struct grant_case {
    const char *entry;
    const char *argv[8];
    bool granted;
    const char *shown[3];
};

static const struct grant_case cases[] = {
    {"pip", {"pip", "install", "requests"}, false, {NULL}},
    {"pip", {"pip", "install", "pkg"}, false, {NULL}}, /* a name, not the directory */
    {"pip", {"pip", "install", "."}, true, {NULL}},
    {"pip", {"pip", "install", ".[dev,test]"}, true, {NULL}},
    {"pip", {"pip", "install", "-e", "."}, true, {NULL}},
    {"pip", {"pip", "install", "-e."}, true, {NULL}},
    {"pip", {"pip", "install", "--editable=."}, true, {NULL}},
    {"pip", {"pip", "install", "./pkg"}, true, {NULL}},
    {"pip", {"pip", "install", "pkg/"}, true, {NULL}},
    {"pip", {"pip", "install", PROJECT}, true, {NULL}},
    {"pip", {"pip", "install", "file://" PROJECT "/pkg#egg=x"}, true, {NULL}},
    {"pip", {"pip", "install", "file://localhost" PROJECT "/%70kg"}, true, {NULL}},
    {"pip", {"pip", "install", "x @ file://" PROJECT}, true, {NULL}},
    {"pip", {"pip", "install", "git+file://" PROJECT}, true, {NULL}},
    {"pip", {"pip", "install", "file://otherhost" PROJECT}, false, {NULL}},
    {"pip", {"pip", "install", "https://h" PROJECT}, false, {NULL}},
    {"pip", {"pip", "install", "--python", ".", "x"}, false, {NULL}},
    {"pip", {"pip", "install", VENV "/lib"}, false, {NULL}},
    {"pip", {"pip", "install", "-t", "./vendor", "x"}, true, {NULL}},
    {"python", {"python", "-m", "pip", "install", "-e", "."}, true, {NULL}},
    {"python", {"python", "-Im", "pip", "install", "x"}, false, {NULL}},
    /* files alone */
    {"pip", {"pip", "install", "dist/x-1.whl"}, false, {PROJECT "/dist/x-1.whl"}},
    {"pip", {"pip", "install", "/data/set/y-1.tar.gz"}, false, {"/data/set/y-1.tar.gz"}},
    {"pip", {"pip", "install", "-r", "plain.txt"}, false, {PROJECT "/plain.txt"}},
    {"pip", {"pip", "install", "-rplain.txt"}, false, {PROJECT "/plain.txt"}},
    {"pip", {"pip", "install", "-qr", "plain.txt"}, false, {PROJECT "/plain.txt"}},
    {"pip", {"pip", "install", "--constraint=plain.txt", "x"}, false, {PROJECT "/plain.txt"}},
    {"pip",
     {"pip", "install", "-r", "nested.txt"},
     false,
     {PROJECT "/nested.txt", PROJECT "/plain.txt"}},
    {"pip", {"pip", "install", "-r", "loop.txt"}, false, {PROJECT "/loop.txt"}},
    /* lines that name the project */
    {"pip", {"pip", "install", "-r", "req/editable.txt"}, true, {NULL}},
    {"pip", {"pip", "install", "-r", "deep.txt"}, true, {NULL}},
    {"pip", {"pip", "install", "-r", "direct.txt"}, true, {NULL}},
    /* lines that name what their writer should not choose */
    {"pip", {"pip", "install", "-r", "thief.txt"}, false, {PROJECT "/thief.txt"}},
    {"pip", {"pip", "install", "-r", "link.txt"}, false, {NULL}},
    {"pip", {"pip", "install", "-r", "secrets/key.txt"}, false, {NULL}},
    {"pip",
     {"pip", "install", "-r", "/data/reqs.txt"},
     false,
     {"/data/reqs.txt", "/data/sub/more.txt"}},
    /* elsewhere */
    {"pip", {"pip", "install", "--find-links", "/data/set", "x"}, false, {"/data/set"}},
    {"pip", {"pip", "install", "file:///data/a%20b"}, false, {"/data/a b"}},
    {"pip", {"pip", "install", "/data/a b"}, false, {"/data/a b"}},
    {"pip", {"pip", "install", "--target", "/data/out", "x"}, false, {"/data/out"}},
    {"pip", {"pip", "install", "--target", "/data/new/deep", "x"}, false, {"/data/new/deep"}},
    {"pip", {"pip", "install", "--log", "/data/log", "x"}, false, {"/data/log"}},
    {"pip", {"pip", "install", "--report", "-", "x"}, false, {NULL}},
    {"pdm", {"pdm", "add", "-d", "/data/new"}, true, {NULL}}, /* --dev, no directory */
    {"pip", {"pip", "install", "-f", HOME "/.ssh", "x"}, false, {NULL}},
    /* managers of projects */
    {"uv", {"uv", "sync"}, true, {NULL}},
    {"uv", {"uv", "--offline", "add", "x"}, true, {NULL}},
    {"uv", {"uv", "pip", "install", "x"}, false, {NULL}},
    {"poetry", {"poetry", "install"}, true, {NULL}},
};

Test(installer, arguments)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct grant_case *one = &cases[i];
        struct fixture f;
        size_t shown = 0;

        run(&f, one->entry, one->argv, PROJECT);
        cr_expect_eq(has_project(&f), one->granted, "case %zu (%s)", i, one->argv[2]);
        for (; shown < ARRAY_SIZE(one->shown) && one->shown[shown] != NULL; shown++)
            cr_expect_not_null(host_op(&f.plan, PLAN_BIND, one->shown[shown]), "case %zu: %s", i,
                               one->shown[shown]);
        cr_expect_eq(added_binds(&f), shown, "case %zu: %zu binds", i, added_binds(&f));
        teardown(&f);
    }
}

Test(installer, project_commands_need_their_directory)
{
    static const char *const argv[] = {"uv", "sync", NULL};
    struct fixture f;

    run(&f, "uv", argv, "/data/out");
    cr_expect(!has_project(&f));
    teardown(&f);
}

Test(installer, without_the_project_its_parts_are_gone)
{
    static const char *const argv[] = {"pip", "install", "x", NULL};
    struct fixture f;

    run(&f, "pip", argv, PROJECT);
    cr_expect_null(host_op(&f.plan, PLAN_MASK, PROJECT "/secrets"));
    cr_expect_not_null(host_op(&f.plan, PLAN_BIND, VENV));
    cr_expect_eq(f.plan.landlock_count, 0);
    /* The venv's mount point makes the directory; it is there, and empty but for that. */
    cr_expect_null(host_node(&f.plan, VENV "/home", "proj"));
    teardown(&f);
}

Test(installer, with_the_project_its_flag_is_taken_off)
{
    static const char *const argv[] = {"pip", "install", "-e", ".", NULL};
    struct fixture f;

    run(&f, "pip", argv, PROJECT);
    for (size_t i = 0; i < f.plan.op_count; i++)
        cr_expect_eq(f.plan.ops[i].flags & PLAN_PROJECT, 0);
    cr_expect_eq(f.plan.landlock_count, 1);
    teardown(&f);
}

Test(installer, files_of_the_project_are_opened_with_care)
{
    static const char *const argv[] = {"pip", "install", "-r", "plain.txt", NULL};
    const struct plan_op *op = NULL;
    struct fixture f;

    run(&f, "pip", argv, PROJECT);
    op = host_op(&f.plan, PLAN_BIND, PROJECT "/plain.txt");
    cr_assert_not_null(op);
    cr_expect(op->flags & PLAN_HOSTILE);
    cr_expect(!(op->flags & PLAN_RW));
    cr_expect_not_null(host_node(&f.plan, VENV "/home", "proj/plain.txt"));
    teardown(&f);
}

Test(installer, targets_are_writable)
{
    static const char *const argv[] = {"pip", "install", "--target=/data/out", "x", NULL};
    const struct plan_op *op = NULL;
    struct fixture f;

    run(&f, "pip", argv, PROJECT);
    op = host_op(&f.plan, PLAN_BIND, "/data/out");
    cr_assert_not_null(op);
    cr_expect(op->flags & PLAN_RW);
    teardown(&f);
}

/* A place that is not there is made as the installer would make it, below the directories that are.
 */
Test(installer, places_that_are_not_there_are_made)
{
    static const struct {
        const char *argv[6];
        enum plan_node_kind kind;
        const char *base;
        const char *rel;
    } rows[] = {
        {{"pip", "install", "-t", "/data/new/deep", "x"}, PLAN_NODE_DIR, "/data", "new/deep"},
        {{"pip", "download", "-d../../../../data/new", "x"}, PLAN_NODE_DIR, "/data", "new"},
        {{"pip", "wheel", "--wheel-dir=/data/out/w", "x"}, PLAN_NODE_DIR, "/data/out", "w"},
        {{"pip", "install", "--log", HOME "/pip.log", "x"}, PLAN_NODE_FILE, HOME, "pip.log"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct plan_node *made = NULL;
        struct fixture f;

        run(&f, "pip", rows[i].argv, PROJECT "/pkg");
        for (size_t k = 0; k < f.plan.node_count; k++) {
            if (f.plan.nodes[k].shared)
                made = &f.plan.nodes[k];
        }
        cr_assert_not_null(made, "%zu", i);
        cr_expect_eq(made->kind, rows[i].kind, "%zu", i);
        cr_expect_str_eq(made->base, rows[i].base, "%zu", i);
        cr_expect_str_eq(made->rel, rows[i].rel, "%zu", i);
        teardown(&f);
    }
}

Test(installer, what_would_be_lost_is_refused)
{
    static const struct {
        const char *cwd;
        const char *argv[6];
    } rows[] = {
        {PROJECT, {"pip", "install", "--target", HOME, "x"}},
        {PROJECT, {"pip", "install", "--target", HOME "/.ssh/new", "x"}},
        {PROJECT, {"pip", "download", "-d", "/tmp", "x"}},
        {PROJECT, {"pip", "install", "--prefix=/new", "x"}},
        {"/data/set", {"pip", "download", "x"}},
        {"/data/set", {"pip", "wheel", "x"}},
        /* what programs outside run or obey, as for filesystem.write; beside it is fine */
        {PROJECT, {"pip", "install", "--target", HOME "/bin", "x"}},
        {PROJECT, {"pip", "install", "--target", HOME "/bin/new", "x"}},
        {PROJECT, {"pip", "install", "--log", HOME "/.profile", "x"}},
    };
    static const char *const beside[] = {"pip", "install", "--log", HOME "/profile.log", "x", NULL};
    static const char *const good[] = {"pip", "download", "-d.", "x", NULL};
    struct fixture f;
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_expect_eq(start(&f, "pip", rows[i].argv, rows[i].cwd, &err), -EPERM, "%zu", i);
        teardown(&f);
    }
    run(&f, "pip", good, "/data/set");
    cr_expect_not_null(host_op(&f.plan, PLAN_BIND, "/data/set"));
    teardown(&f);
    run(&f, "pip", beside, PROJECT);
    cr_expect_not_null(host_op(&f.plan, PLAN_BIND, HOME "/profile.log"));
    teardown(&f);
}
