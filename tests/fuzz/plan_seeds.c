/* The seeds of the plan's fuzzer, as the codec writes them now.
 *
 *   fuzz-plan-seeds DIRECTORY [--write]
 *
 * Compares, or makes anew, `full` and `small` in DIRECTORY. A seed in a format of before ends at
 * the version, and the fuzzer never gets further. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#include "fuzz.h"

#define PUSH(list, count) arena_push(arena, &(list), &(count), sizeof(*(list)))

static const uint64_t filter[2] = {0x0000000000000006, 0x7fff000000000015};

static const struct plan_op ops[] = {
    {.kind = PLAN_DIR, .dest = "/a", .mode = 0755},
    {.kind = PLAN_BIND, .src = "/v/home", .dest = "/h", .flags = PLAN_OWN | PLAN_RW, .base = 7},
    {.kind = PLAN_BIND, .src = "/b", .dest = "/a/b", .origin = "default"},
    {.kind = PLAN_TMPFS, .dest = "/a/c", .mode = 01777, .size = 65536},
    {.kind = PLAN_DIR, .dest = "/a/c/d", .mode = 0700},
    {.kind = PLAN_FILE, .src = "text", .dest = "/a/c/f", .mode = 0644},
    {.kind = PLAN_SYMLINK, .src = "../b", .dest = "/a/c/l"},
    {.kind = PLAN_BIND,
     .src = "/a/b/x",
     .dest = "/a/b/x",
     .flags = PLAN_HOSTILE | PLAN_IDENTITY | PLAN_PROJECT | PLAN_TRY,
     .dev = 1,
     .ino = 2,
     .origin = "policy.yaml:1:1"},
    {.kind = PLAN_MASK, .dest = "/a/b/y", .flags = PLAN_TRY},
    {.kind = PLAN_PROC, .dest = "/proc"},
    {.kind = PLAN_DEVPTS, .dest = "/dev/pts"},
    {.kind = PLAN_MQUEUE, .dest = "/dev/mqueue"},
    {.kind = PLAN_REMOUNT_RO, .dest = "/a/c"},
    {.kind = PLAN_CHMOD, .dest = "/a", .mode = 0555},
};
static_assert(ARRAY_SIZE(ops) >= PLAN_OP__COUNT, "each kind of operation has a seed");

static void fill_lists(struct arena *arena, struct plan *plan)
{
    struct plan_node *nodes = PUSH(plan->nodes, plan->node_count);
    struct plan_env_rule *rule = NULL;
    struct plan_env_set *set = NULL;
    struct plan_limit *limit = NULL;
    struct plan_landlock *landlock = NULL;
    struct plan_obeyed *guard = NULL;

    *nodes = (struct plan_node){PLAN_NODE_DIR, .base = "/tmp", .rel = "n/m"};
    nodes = PUSH(plan->nodes, plan->node_count);
    *nodes = (struct plan_node){PLAN_NODE_SYMLINK, .base = "/v/home", .rel = "l", .target = "x"};
    rule = PUSH(plan->env_rules, plan->env_rule_count);
    *rule = (struct plan_env_rule){.pattern = "LC_*", .action = PLAN_ENV_COMMAND};
    rule = PUSH(plan->env_rules, plan->env_rule_count);
    *rule = (struct plan_env_rule){.pattern = "*TOKEN*", .origin = "default", .any_case = true};
    set = PUSH(plan->env_set, plan->env_set_count);
    *set = (struct plan_env_set){.name = "A", .value = "b", .origin = "policy.yaml:1:1"};
    limit = PUSH(plan->limits, plan->limit_count);
    *limit = (struct plan_limit){.resource = RLIMIT_NOFILE, .value = 4096, .origin = "default"};
    landlock = PUSH(plan->landlock, plan->landlock_count);
    *landlock = (struct plan_landlock){.path = "/tmp", .write = true, .connect = true};
    guard = PUSH(plan->obeyed, plan->obeyed_count);
    *guard = (struct plan_obeyed){.pattern = ".git", .anywhere = true, .action = PLAN_OBEYED_TAKE};
    guard = PUSH(plan->obeyed, plan->obeyed_count);
    *guard = (struct plan_obeyed){.pattern = "a/*", .anywhere = false, .action = PLAN_OBEYED_HIDE};
}

static void fill_seed_plan(struct arena *arena, struct plan *plan, const char *variant)
{
    *plan = (struct plan){.variant = variant,
                          .flags = PLAN_OWN_NET,
                          .uid = 1000,
                          .gid = 1000,
                          .caps = 1,
                          .lifetime = PLAN_LIFETIME_PROGRAM,
                          .wall_time = 60,
                          .group = {{1 << 20, "policy.yaml:4:2"}},
                          .landlock_abi = 4,
                          .dotenv = "/p/.env",
                          .audit = PLAN_AUDIT_ALL,
                          .audit_log = "/h/.local/state/sandbox-venv/audit.jsonl",
                          .filter = filter,
                          .filter_count = ARRAY_SIZE(filter),
                          .filter_note = "note"};
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        *plan_add(arena, plan, ops[i].kind, NULL, ops[i].dest, NULL) = ops[i];
    fill_lists(arena, plan);
}

static struct plan_variant *add_variant(struct plan_file *file)
{
    return arena_push(&file->arena, &file->variants, &file->variant_count, sizeof(*file->variants));
}

static void fill_project_of(struct plan_file *file)
{
    struct arena *arena = &file->arena;
    struct plan_input *input = PUSH(file->inputs, file->input_count);
    struct plan_obeyed *guard = PUSH(file->obeyed, file->obeyed_count);
    struct plan_seen *place = PUSH(file->seen, file->seen_count);
    struct plan_present *present = PUSH(file->present, file->present_count);

    *input = (struct plan_input){
        .path = "/etc/passwd", .follow = true, .id = {1, 2, 3, 4, 5, S_IFREG | 0644}};
    *guard = (struct plan_obeyed){
        .pattern = "__pycache__", .anywhere = true, .action = PLAN_OBEYED_BYTECODE};
    *place = (struct plan_seen){.rel = "sub", .kind = PLAN_SEEN_VENV, .dev = 1, .ino = 2};
    *present = (struct plan_present){.rel = ".git", .link = true, .dev = 1, .ino = 3};
    file->project = "/p";
    file->python = "python3";
    file->policy_hash = "ab";
    file->temp_base = "/tmp/x";
    file->made_ns = 7;
}

static void make_full(struct plan_file *file)
{
    static const char *const patterns[] = {"pip install", "uv *"};
    struct arena *arena = &file->arena;
    struct plan_variant *variant = NULL;
    const char **pattern = NULL;

    fill_project_of(file);
    variant = add_variant(file);
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        pattern = PUSH(variant->match, variant->match_count);
        *pattern = patterns[i];
    }
    fill_seed_plan(arena, &variant->plan, "installer");
    variant = add_variant(file);
    fill_seed_plan(arena, &variant->plan, "default");
}

static void make_small(struct plan_file *file)
{
    add_variant(file)->plan.variant = "default";
}

static int compare_seed(int dir, const char *name, const struct buf *seed, struct err *err)
{
    auto_buf struct buf stored = {0};
    int rc = file_read(dir, name, FUZZ_SEED_MAX, &stored, err);

    if (rc < 0)
        return rc;
    if (stored.len == seed->len && memcmp(stored.data, seed->data, seed->len) == 0)
        return 0;
    return err_plain(err, EINVAL,
                     "the seed '%s' is not what the codec writes: run ninja fuzz-plan-seeds-write",
                     name);
}

/* A seed has to be read, and to be no longer than the fuzzer takes. */
static int check_seed(const char *name, const struct buf *seed, struct err *err)
{
    auto_plan_file struct plan_file file;

    plan_file_init(&file);
    if (seed->len > FUZZ_SEED_MAX)
        return err_plain(err, EFBIG, "the seed '%s' has %zu bytes", name, seed->len);
    return plan_decode(&file, seed->data, seed->len, err);
}

static int do_seed(int dir, const char *name, void (*make)(struct plan_file *file), bool writes,
                   struct err *err)
{
    auto_plan_file struct plan_file file;
    auto_buf struct buf seed = {0};
    int rc = 0;

    plan_file_init(&file);
    file.tool = "0.1.0";
    file.kernel = "6.1.0 #1";
    file.venv = "/v";
    file.home = "/h";
    make(&file);
    plan_encode(&file, &seed);
    rc = check_seed(name, &seed, err);
    if (rc < 0)
        return rc;
    return writes ? file_write_atomic(dir, name, seed.data, seed.len, 0644, err)
                  : compare_seed(dir, name, &seed, err);
}

int main(int argc, char **argv)
{
    bool writes = argc == 3 && str_eq(argv[2], "--write");
    auto_fd int dir = argc < 2 ? -1 : open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err err = {0};
    char text[1024];

    if (dir < 0 || argc != 2 + writes) {
        fprintf(stderr, "usage: fuzz-plan-seeds DIRECTORY [--write]\n");
        return 2;
    }
    if (do_seed(dir, "full", make_full, writes, &err) == 0 &&
        do_seed(dir, "small", make_small, writes, &err) == 0)
        return 0;
    fprintf(stderr, "fuzz-plan-seeds: %s\n", err_text(&err, text, sizeof(text)));
    return 1;
}
