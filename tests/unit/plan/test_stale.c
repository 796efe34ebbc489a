#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"
#include "svenv/plan/stale.h"

enum {
    ABI = 6
};

/* The files on the host of these tests; a case changes one of them. */
static struct host_file {
    const char *path;
    bool follow;
    struct file_id id;
    int looks;
} host[8];
static size_t host_count;

static struct file_id look(int dir, const char *path, bool follow)
{
    (void)dir;
    for (size_t i = 0; i < host_count; i++) {
        if (host[i].follow != follow || !str_eq(host[i].path, path))
            continue;
        host[i].looks++;
        return host[i].id;
    }
    return (struct file_id){.mode = 0};
}

static void put(const char *path, bool follow)
{
    uint64_t ino = 10 + host_count;

    host[host_count++] = (struct host_file){
        path,
        follow,
        {.dev = 1, .ino = ino, .mtime_ns = 5, .ctime_ns = 6, .size = 7, .mode = 0100644},
        0};
}

static void fill_host(void)
{
    host_count = 0;
    put("/p/.venv/bin", false);
    put("/p/.venv/sandbox/bin", false);
    put("/p/.venv/sandbox/policy.yaml", true);
    put("/etc", false);
    put("/p/src", false);
}

static void add_input(struct plan_file *file, const char *path, bool follow, bool directory)
{
    struct plan_input *input =
        arena_push(&file->arena, &file->inputs, &file->input_count, sizeof(*input));

    *input = (struct plan_input){
        .path = path, .follow = follow, .directory = directory, .id = look(0, path, follow)};
}

/* As it was made on that host. */
static void fill_plan(struct plan_file *file)
{
    struct plan_variant *variant = NULL;

    plan_file_init(file);
    file->tool = "0.1.0";
    file->venv = "/p/.venv";
    file->kernel = "6.1.0 #1";
    add_input(file, "/p/.venv/bin", false, false);
    add_input(file, "/p/.venv/sandbox/bin", false, false);
    add_input(file, "/p/.venv/sandbox/policy.yaml", true, false);
    add_input(file, "/etc", false, false);
    add_input(file, "/p/src", false, true);
    add_input(file, "/absent", false, false);
    variant = arena_push(&file->arena, &file->variants, &file->variant_count, sizeof(*variant));
    *variant = (struct plan_variant){.plan = {.variant = "default", .landlock_abi = ABI}};
}

static const struct plan_now as_then = {
    .tool = "0.1.0", .venv = "/p/.venv", .kernel = "6.1.0 #1", .landlock_abi = ABI, .look = look};

static const struct change_case {
    const char *what;
    /* Of the file at `path`: a number that is added to one of its fields, or its mode. */
    const char *path;
    enum {
        NOTHING,
        DEV,
        INO,
        MTIME,
        CTIME,
        SIZE,
        MODE,
        GONE,
        FAILS
    } field;
    const char *tool, *venv, *kernel; /* of whoever asks; NULL: as before */
    int abi_more;
    enum plan_change_kind kind;
    const char *changed;
} cases[] = {
    {"nothing", NULL, NOTHING, NULL, NULL, NULL, 0, PLAN_CHANGE_NONE, NULL},
    {"upgraded", NULL, NOTHING, "0.2.0", NULL, NULL, 0, PLAN_CHANGE_TOOL, NULL},
    {"moved", NULL, NOTHING, NULL, "/q/.venv", NULL, 0, PLAN_CHANGE_VENV, NULL},
    {"kernel of another build", NULL, NOTHING, NULL, NULL, "6.1.0 #2", 0, PLAN_CHANGE_KERNEL, NULL},
    {"more of Landlock", NULL, NOTHING, NULL, NULL, NULL, 1, PLAN_CHANGE_KERNEL, NULL},
    {"no Landlock", NULL, NOTHING, NULL, NULL, NULL, -ABI, PLAN_CHANGE_KERNEL, NULL},
    {"new entry", "/p/.venv/bin", MTIME, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/p/.venv/bin"},
    {"bin anew", "/p/.venv/bin", INO, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/p/.venv/bin"},
    {"bin cannot be seen", "/p/.venv/bin", FAILS, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT,
     "/p/.venv/bin"},
    {"new real entry", "/p/.venv/sandbox/bin", CTIME, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT,
     "/p/.venv/sandbox/bin"},
    {"policy edited", "/p/.venv/sandbox/policy.yaml", MTIME, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT,
     "/p/.venv/sandbox/policy.yaml"},
    {"times set back", "/p/.venv/sandbox/policy.yaml", CTIME, NULL, NULL, NULL, 0,
     PLAN_CHANGE_INPUT, "/p/.venv/sandbox/policy.yaml"},
    {"policy longer", "/p/.venv/sandbox/policy.yaml", SIZE, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT,
     "/p/.venv/sandbox/policy.yaml"},
    {"policy gone", "/p/.venv/sandbox/policy.yaml", GONE, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT,
     "/p/.venv/sandbox/policy.yaml"},
    {"name in /etc", "/etc", MTIME, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/etc"},
    {"name in a directory that counts by itself", "/p/src", MTIME, NULL, NULL, NULL, 0,
     PLAN_CHANGE_NONE, NULL},
    {"its size and ctime", "/p/src", CTIME, NULL, NULL, NULL, 0, PLAN_CHANGE_NONE, NULL},
    {"directory anew", "/p/src", INO, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/p/src"},
    {"other file system", "/p/src", DEV, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/p/src"},
    {"its mode", "/p/src", MODE, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/p/src"},
    {"cannot be seen", "/p/src", FAILS, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/p/src"},
    {"appeared", "/absent", NOTHING, NULL, NULL, NULL, 0, PLAN_CHANGE_INPUT, "/absent"},
};

static void change(struct host_file *file, int field)
{
    struct file_id *id = &file->id;
    const struct file_id unseen = file_id_known(-1, "x", false); /* EBADF: no answer */

    id->dev += field == DEV;
    id->ino += field == INO;
    id->mtime_ns += field == MTIME;
    id->ctime_ns += field == CTIME;
    id->size += field == SIZE;
    id->mode ^= field == MODE ? 0111u : 0u;
    if (field == GONE)
        *id = (struct file_id){.mode = 0};
    if (field == FAILS)
        *id = unseen;
}

static void apply(const struct change_case *row)
{
    for (size_t i = 0; row->path && i < host_count; i++) {
        if (str_eq(host[i].path, row->path)) {
            change(&host[i], row->field);
            return;
        }
    }
    if (row->path)
        put(row->path, false);
}

Test(stale, names_what_changed_first)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct change_case *row = &cases[i];
        const struct plan_now now = {.tool = row->tool ? row->tool : as_then.tool,
                                     .venv = row->venv ? row->venv : as_then.venv,
                                     .kernel = row->kernel ? row->kernel : as_then.kernel,
                                     .landlock_abi = (unsigned)(ABI + row->abi_more),
                                     .look = look};
        auto_plan_file struct plan_file file;
        struct plan_change first;

        fill_host();
        fill_plan(&file);
        apply(row);
        first = plan_first_change(&file, &now);
        cr_expect_eq(first.kind, row->kind, "%s: %d", row->what, (int)first.kind);
        cr_expect(str_eq(first.path, row->changed), "%s: %s", row->what, first.path);
    }
}

/* An id that could not be found out when the plan was made equals none. */
Test(stale, an_unknown_id_never_holds)
{
    for (size_t i = 0; i < 5; i++) {
        auto_plan_file struct plan_file file;

        fill_host();
        change(&host[i], FAILS);
        fill_plan(&file);
        cr_expect_eq(plan_first_change(&file, &as_then).kind, PLAN_CHANGE_INPUT, "%s",
                     host[i].path);
    }
}

/* A start looks at each input once, and at nothing else. */
Test(stale, one_look_each)
{
    auto_plan_file struct plan_file file;

    fill_host();
    fill_plan(&file);
    for (size_t i = 0; i < host_count; i++)
        host[i].looks = 0;
    cr_assert_eq(plan_first_change(&file, &as_then).kind, PLAN_CHANGE_NONE);
    for (size_t i = 0; i < host_count; i++)
        cr_expect_eq(host[i].looks, 1, "%s", host[i].path);
}

/* A plan that is still packed, as a start has it, and one whose first variant cannot be read. */
Test(stale, packed_plans)
{
    auto_plan_file struct plan_file file;
    auto_plan_file struct plan_file opened;
    auto_buf struct buf bytes = {0};
    struct plan_variant none = {.match_count = 0};

    plan_file_init(&opened);
    fill_host();
    fill_plan(&file);
    file.home = "/h";
    plan_encode(&file, &bytes);
    cr_assert_eq(plan_open(&opened, bytes.data, bytes.len, NULL), 0);
    cr_expect_eq(plan_first_change(&opened, &as_then).kind, PLAN_CHANGE_NONE);
    bytes.data[bytes.len - 1] ^= 1;
    cr_expect_eq(plan_first_change(&opened, &as_then).kind, PLAN_CHANGE_DAMAGE);
    bytes.data[bytes.len - 1] ^= 1;
    none.packed = bytes.data;
    opened.variants[0] = none;
    cr_expect_eq(plan_first_change(&opened, &as_then).kind, PLAN_CHANGE_KERNEL);
    opened.variant_count = 0;
    cr_expect_eq(plan_first_change(&opened, &as_then).kind, PLAN_CHANGE_KERNEL);
}
