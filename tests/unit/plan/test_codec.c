#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#define HEADER 32
#define SUM_AT 24
#define OPS 60
#define OWN_ORIGIN "own-origin"

static uint64_t filter[3] = {0x0706050403020100, 0xffffffffffffffff, 42};

static void fill_plan(struct arena *arena, struct plan *plan, const char *variant)
{
    struct plan_op *own = NULL;
    struct plan_node *node = NULL;
    struct plan_env_rule *rule = NULL;
    struct plan_env_set *set = NULL;
    struct plan_limit *limit = NULL;
    struct plan_landlock *landlock = NULL;
    struct plan_obeyed *guard = NULL;

    *plan = (struct plan){.variant = variant,
                          .flags = PLAN_OWN_NET | PLAN_PROJECT_ARGUMENTS,
                          .uid = 1000,
                          .gid = 0xfffffffe,
                          .caps = (uint64_t)1 << 40,
                          .lifetime = PLAN_LIFETIME_PROGRAM,
                          .wall_time = 3600,
                          .group = {{UINT64_MAX, "policy.yaml:4:10"}, {4096, NULL}, {0, NULL}},
                          .landlock_abi = 6,
                          .dotenv = "/p/.env",
                          .audit = PLAN_AUDIT_ALL,
                          .audit_log = "/s/audit.jsonl",
                          .filter = filter,
                          .filter_count = 3,
                          .filter_note = ""};
    for (int i = 0; i < OPS; i++) {
        struct plan_op *op = plan_add(arena, plan, (enum plan_op_kind)(i % PLAN_OP__COUNT), "/s\n",
                                      arena_printf(arena, "/d%d", i), i % 2 ? "default" : NULL);

        op->flags = i % 3 ? PLAN_RW | PLAN_PROJECT : 0;
        op->mode = 0755;
        op->size = (uint64_t)1 << 33;
        op->dev = 7;
        op->ino = UINT64_MAX;
    }
    own = plan_add(arena, plan, PLAN_BIND, "/own/src", "/own", OWN_ORIGIN);
    own->flags = PLAN_OWN;
    own->base = 4;
    node = arena_push(arena, &plan->nodes, &plan->node_count, sizeof(*node));
    *node = (struct plan_node){.kind = PLAN_NODE_SYMLINK, .base = "/b", .rel = "r", .target = "t"};
    rule = arena_push(arena, &plan->env_rules, &plan->env_rule_count, sizeof(*rule));
    *rule = (struct plan_env_rule){
        .pattern = "LC_*", .action = PLAN_ENV_COMMAND, .origin = "o", .any_case = true};
    set = arena_push(arena, &plan->env_set, &plan->env_set_count, sizeof(*set));
    *set = (struct plan_env_set){.name = "A", .value = NULL, .origin = "policy.yaml:1:1"};
    limit = arena_push(arena, &plan->limits, &plan->limit_count, sizeof(*limit));
    *limit = (struct plan_limit){.resource = RLIMIT_NOFILE, .value = 4096, .origin = "default"};
    landlock = arena_push(arena, &plan->landlock, &plan->landlock_count, sizeof(*landlock));
    *landlock = (struct plan_landlock){.path = "/usr", .write = true, .connect = true};
    guard = arena_push(arena, &plan->obeyed, &plan->obeyed_count, sizeof(*guard));
    *guard = (struct plan_obeyed){.pattern = "a/*", .action = PLAN_OBEYED_HIDE};
}

static void fill_project(struct plan_file *file)
{
    struct plan_obeyed *guard =
        arena_push(&file->arena, &file->obeyed, &file->obeyed_count, sizeof(*guard));
    struct plan_seen *place =
        arena_push(&file->arena, &file->seen, &file->seen_count, sizeof(*place));
    struct plan_present *present =
        arena_push(&file->arena, &file->present, &file->present_count, sizeof(*present));

    *guard = (struct plan_obeyed){
        .pattern = "__pycache__", .anywhere = true, .action = PLAN_OBEYED_BYTECODE};
    *place = (struct plan_seen){
        .rel = "sub", .kind = PLAN_SEEN_VENV, .dev = 1, .ino = 2, .ctime_ns = -5};
    *present =
        (struct plan_present){.rel = ".git", .link = true, .dev = 3, .ino = 4, .ctime_ns = 6};
    file->made_ns = 7;
}

static void fill_file(struct plan_file *file)
{
    struct plan_variant *variant = NULL;
    struct plan_input *input = NULL;
    const char **match = NULL;

    plan_file_init(file);
    file->tool = "0.1.0";
    file->venv = "/p/.venv";
    file->project = "/p";
    file->home = "/home/u";
    file->kernel = "6.1.0 #1";
    input = arena_push(&file->arena, &file->inputs, &file->input_count, sizeof(*input));
    *input = (struct plan_input){
        .path = "/etc/x", .directory = true, .id = {.mtime_ns = -3, .size = 9, .mode = 040755}};
    fill_project(file);
    variant = arena_push(&file->arena, &file->variants, &file->variant_count, sizeof(*variant));
    match = arena_push(&file->arena, &variant->match, &variant->match_count, sizeof(*match));
    *match = "pip install";
    fill_plan(&file->arena, &variant->plan, "installer");
    variant = arena_push(&file->arena, &file->variants, &file->variant_count, sizeof(*variant));
    fill_plan(&file->arena, &variant->plan, "default");
}

static void encode(struct buf *out)
{
    auto_plan_file struct plan_file file;

    fill_file(&file);
    plan_encode(&file, out);
}

Test(codec, round_trip_keeps_every_field)
{
    auto_buf struct buf bytes = {0};
    auto_buf struct buf again = {0};
    auto_plan_file struct plan_file file;
    struct err err = {0};
    const struct plan *plan = NULL;

    plan_file_init(&file);
    encode(&bytes);
    cr_assert_eq(plan_decode(&file, bytes.data, bytes.len, &err), 0, "%s", err.msg);
    cr_expect_str_eq(file.venv, "/p/.venv");
    cr_expect_null(file.python);
    cr_expect_str_eq(file.kernel, "6.1.0 #1");
    cr_expect_eq(file.inputs[0].id.mtime_ns, -3);
    cr_expect(file.inputs[0].directory && !file.inputs[0].follow);
    cr_expect_eq(file.made_ns, 7);
    cr_expect_eq(file.obeyed[0].action, PLAN_OBEYED_BYTECODE);
    cr_expect(file.obeyed[0].anywhere && file.present[0].link);
    cr_expect_str_eq(file.seen[0].rel, "sub");
    cr_expect_eq(file.seen[0].kind, PLAN_SEEN_VENV);
    cr_expect_eq(file.seen[0].ctime_ns, -5);
    cr_expect_eq(file.present[0].ctime_ns, 6);
    cr_assert_eq(file.variant_count, 2);
    cr_expect_str_eq(file.variants[1].plan.obeyed[0].pattern, "a/*");
    cr_expect_str_eq(file.variants[0].match[0], "pip install");
    plan = &file.variants[1].plan;
    cr_expect_eq(plan->gid, 0xfffffffe);
    cr_expect_eq(plan->lifetime, PLAN_LIFETIME_PROGRAM);
    cr_expect_eq(plan->group[PLAN_GROUP_MEMORY].value, UINT64_MAX);
    cr_expect_str_eq(plan->group[PLAN_GROUP_MEMORY].origin, "policy.yaml:4:10");
    cr_expect_eq(plan->group[PLAN_GROUP_CPUS].value, 4096);
    cr_expect_eq(plan->group[PLAN_GROUP_PROCESSES].value, 0);
    cr_assert_eq(plan->op_count, OPS + 1);
    cr_expect_eq(plan->ops[OPS].base, 4);
    cr_expect_eq(plan->ops[OPS - 1].base, 0);
    cr_expect_str_eq(plan->ops[59].dest, "/d59");
    cr_expect_str_eq(plan->ops[59].src, "/s\n");
    cr_expect_eq(plan->ops[59].ino, UINT64_MAX);
    cr_expect_null(plan->ops[58].origin);
    cr_expect_eq(plan->env_rules[0].action, PLAN_ENV_COMMAND);
    cr_expect(plan->env_rules[0].any_case);
    cr_expect_null(plan->env_set[0].value);
    cr_expect_eq(plan->limits[0].resource, RLIMIT_NOFILE);
    cr_expect(plan->landlock[0].write);
    cr_expect(plan->landlock[0].connect);
    cr_expect_eq((uintptr_t)plan->filter % 8, 0);
    cr_expect_eq(memcmp(plan->filter, filter, sizeof(filter)), 0);
    cr_expect_str_eq(plan->filter_note, "");
    /* Nothing is lost, in either direction. */
    plan_encode(&file, &again);
    cr_assert_eq(again.len, bytes.len);
    cr_expect_eq(memcmp(again.data, bytes.data, bytes.len), 0);
}

Test(codec, appends_to_a_buffer)
{
    auto_buf struct buf bytes = {0};
    auto_plan_file struct plan_file file;
    struct err err = {0};

    plan_file_init(&file);
    buf_add(&bytes, "12345678", 8);
    encode(&bytes);
    cr_assert_eq(plan_decode(&file, bytes.data + 8, bytes.len - 8, &err), 0, "%s", err.msg);
}

static void refuse(const char *data, size_t len, const char *what)
{
    struct plan_file file;
    struct err err = {0};

    plan_file_init(&file);
    cr_expect_eq(plan_decode(&file, data, len, &err), -EINVAL, "%s", what);
    cr_expect_eq(err.code, EINVAL);
    cr_expect_null(file.venv, "%s", what);
    cr_expect_null(file.arena.chunks, "%s", what);
}

Test(codec, every_truncation_is_refused)
{
    auto_buf struct buf bytes = {0};

    encode(&bytes);
    for (size_t len = 0; len < bytes.len; len++)
        refuse(bytes.data, len, "truncated");
}

/* The same with a length field that fits, so that the reader itself has to notice. */
Test(codec, every_truncation_with_a_fitting_length_is_refused)
{
    auto_buf struct buf bytes = {0};

    encode(&bytes);
    for (size_t len = HEADER; len < bytes.len; len++) {
        for (unsigned i = 0; i < 8; i++)
            bytes.data[16 + i] = (char)(len >> (8 * i));
        refuse(bytes.data, len, "truncated");
    }
}

static void patch(const char *what, size_t at, const char *with, size_t len)
{
    auto_buf struct buf bytes = {0};

    encode(&bytes);
    memcpy(bytes.data + at, with, len);
    refuse(bytes.data, bytes.len, what);
}

Test(codec, header_is_checked)
{
    patch("magic", 0, "X", 1);
    patch("version", 8, "\1", 1);
    patch("flags", 12, "\1", 1);
    patch("length", 16, "\0\0\0\0\0\0\0\1", 8);
    patch("a required string is NULL", HEADER + 4 + 6 + 4 + 9, "\xff\xff\xff\xff", 4);
    patch("string without its end", HEADER, "\4", 1);
    patch("NUL in a string", HEADER + 5, "\0", 1);
    patch("a length beyond everything", HEADER, "\xfe\xff\xff\xff", 4);
}

/* A start makes nodes below the base, so it must be a directory above the source, or the source. */
Test(codec, base_of_our_own_directories)
{
    static const struct {
        uint32_t base;
        bool fits;
    } rows[] = {{0, false},         {1, false}, {3, false},
                {4, true},          {5, false}, {7, false},
                {8, true},          {9, false}, {UINT32_MAX - 1, false},
                {UINT32_MAX, false}};
    auto_buf struct buf bytes = {0};
    char *at = NULL;

    encode(&bytes);
    at = memmem(bytes.data, bytes.len, OWN_ORIGIN, sizeof(OWN_ORIGIN));
    cr_assert_not_null(at);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_plan_file struct plan_file file;

        plan_file_init(&file);
        memcpy(at + sizeof(OWN_ORIGIN), &rows[i].base, sizeof(rows[i].base));
        cr_expect_eq(plan_decode(&file, bytes.data, bytes.len, NULL), rows[i].fits ? 0 : -EINVAL,
                     "base %u", rows[i].base);
    }
}

/* Mounts are looked for by "PLACE/..." */
Test(codec, places_of_mounts)
{
    static const struct {
        char place[5];
        bool fits;
    } rows[] = {{"/abc", true}, {"/a/b", true}, {"aown", false}, {"/ow/", false}, {"////", false}};
    auto_buf struct buf bytes = {0};
    char *at = NULL;

    encode(&bytes);
    at = memmem(bytes.data, bytes.len, "\4\0\0\0/own", 9);
    cr_assert_not_null(at);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_plan_file struct plan_file file;

        plan_file_init(&file);
        memcpy(at + 4, rows[i].place, 4);
        cr_expect_eq(plan_decode(&file, bytes.data, bytes.len, NULL), rows[i].fits ? 0 : -EINVAL,
                     "'%s'", rows[i].place);
    }
}

/* The lists about the project are read later, and checked then. */
Test(codec, lists_about_the_project)
{
    auto_buf struct buf bytes = {0};
    auto_plan_file struct plan_file file;
    const struct plan_seen *seen = NULL;
    struct err err = {0};
    char *text = NULL;

    plan_file_init(&file);
    encode(&bytes);
    text = memmem(bytes.data, bytes.len, "sub", sizeof("sub"));
    cr_assert_not_null(text);
    cr_assert_eq(plan_open(&file, bytes.data, bytes.len, &err), 0, "%s", err.msg);
    cr_expect_eq(file.seen_count, 0);
    text[1] = '\0';
    cr_expect_eq(plan_load_project(&file, &err), -EINVAL);
    cr_expect_eq(file.seen_count, 0);
    text[1] = 'u';
    cr_assert_eq(plan_load_project(&file, &err), 0, "%s", err.msg);
    cr_expect_eq(file.seen_count, 1);
    seen = file.seen;
    cr_expect_eq(plan_load_project(&file, &err), 0);
    cr_expect_eq(file.seen, seen, "read once");
    cr_expect_str_eq(seen->rel, "sub");
}

Test(codec, trailing_bytes_are_refused)
{
    auto_buf struct buf bytes = {0};
    size_t len = 0;

    encode(&bytes);
    buf_add(&bytes, "x", 1);
    len = bytes.len;
    for (unsigned i = 0; i < 8; i++)
        bytes.data[16 + i] = (char)(len >> (8 * i));
    refuse(bytes.data, bytes.len, "trailing");
}

Test(codec, last_variant_must_fit_all_commands)
{
    auto_buf struct buf bytes = {0};
    auto_plan_file struct plan_file file;

    fill_file(&file);
    file.variant_count = 1;
    plan_encode(&file, &bytes);
    refuse(bytes.data, bytes.len, "only a variant with patterns");
    file.variant_count = 0;
    bytes.len = 0;
    plan_encode(&file, &bytes);
    refuse(bytes.data, bytes.len, "no variant");
}

Test(codec, places_need_a_project)
{
    auto_buf struct buf bytes = {0};
    auto_plan_file struct plan_file file;

    fill_file(&file);
    file.project = NULL;
    plan_encode(&file, &bytes);
    refuse(bytes.data, bytes.len, "directories seen without a project");
}

/* No byte can be changed so that decoding and encoding again gives something else than the input,
 * but for the sum. */
Test(codec, any_changed_byte_is_refused_or_kept)
{
    auto_buf struct buf bytes = {0};

    encode(&bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        auto_plan_file struct plan_file file;
        auto_buf struct buf again = {0};
        struct err err = {0};

        plan_file_init(&file);
        bytes.data[i] = (char)(bytes.data[i] ^ 0x81);
        if (plan_decode(&file, bytes.data, bytes.len, &err) == 0) {
            plan_encode(&file, &again);
            cr_assert_eq(again.len, bytes.len);
            memcpy(again.data + SUM_AT, bytes.data + SUM_AT, HEADER - SUM_AT);
            cr_assert_eq(memcmp(again.data, bytes.data, again.len), 0, "byte %zu", i);
        }
        bytes.data[i] = (char)(bytes.data[i] ^ 0x81);
    }
}

/* Whether it can be read, and is whole. */
static bool is_as_written(const struct buf *bytes)
{
    auto_plan_file struct plan_file file;
    struct err err = {0};

    plan_file_init(&file);
    return plan_open(&file, bytes->data, bytes->len, &err) == 0 && plan_is_whole(&file);
}

Test(codec, any_damage_is_noticed)
{
    static const unsigned char flips[] = {0x01, 0x10, 0x80, 0xff};
    auto_buf struct buf bytes = {0};

    encode(&bytes);
    cr_assert(is_as_written(&bytes));
    for (size_t i = 0; i < bytes.len; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(flips); j++) {
            bytes.data[i] = (char)(bytes.data[i] ^ flips[j]);
            cr_assert_not(is_as_written(&bytes), "byte %zu, %02x", i, flips[j]);
            bytes.data[i] = (char)(bytes.data[i] ^ flips[j]);
        }
    }
    /* A block that a crash left empty, and two words that changed places. */
    for (size_t at = HEADER; at + 512 <= bytes.len; at += 64) {
        char block[512];

        memcpy(block, bytes.data + at, sizeof(block));
        memset(bytes.data + at, 0, sizeof(block));
        cr_assert_not(is_as_written(&bytes), "block at %zu", at);
        memcpy(bytes.data + at, block, sizeof(block));
        if (memcmp(block, block + 32, 8) == 0)
            continue;
        memcpy(bytes.data + at, block + 32, 8);
        memcpy(bytes.data + at + 32, block, 8);
        cr_assert_not(is_as_written(&bytes), "words at %zu", at);
        memcpy(bytes.data + at, block, sizeof(block));
    }
    cr_assert(is_as_written(&bytes));
}

Test(codec, what_was_computed_is_whole)
{
    auto_plan_file struct plan_file file;

    fill_file(&file);
    cr_expect(plan_is_whole(&file));
}

static void add_smallest_to_plan(struct arena *arena, struct plan *plan)
{
    struct plan_node *node = arena_push(arena, &plan->nodes, &plan->node_count, sizeof(*node));
    struct plan_env_rule *rule =
        arena_push(arena, &plan->env_rules, &plan->env_rule_count, sizeof(*rule));
    struct plan_env_set *set =
        arena_push(arena, &plan->env_set, &plan->env_set_count, sizeof(*set));
    struct plan_limit *limit = arena_push(arena, &plan->limits, &plan->limit_count, sizeof(*limit));
    struct plan_landlock *landlock =
        arena_push(arena, &plan->landlock, &plan->landlock_count, sizeof(*landlock));

    plan_add(arena, plan, PLAN_TMPFS, NULL, "/", NULL);
    *node = (struct plan_node){.base = "", .rel = ""};
    *rule = (struct plan_env_rule){.pattern = ""};
    *set = (struct plan_env_set){.name = ""};
    *limit = (struct plan_limit){.value = 0};
    *landlock = (struct plan_landlock){.path = ""};
}

static void add_smallest(struct plan_file *file)
{
    struct arena *arena = &file->arena;
    struct plan_variant *variant = &file->variants[0];
    struct plan_input *input = arena_push(arena, &file->inputs, &file->input_count, sizeof(*input));
    struct plan_obeyed *guard =
        arena_push(arena, &file->obeyed, &file->obeyed_count, sizeof(*guard));
    struct plan_seen *place = arena_push(arena, &file->seen, &file->seen_count, sizeof(*place));
    struct plan_present *present =
        arena_push(arena, &file->present, &file->present_count, sizeof(*present));
    const char **match = arena_push(arena, &variant->match, &variant->match_count, sizeof(*match));

    *input = (struct plan_input){.path = ""};
    *guard = (struct plan_obeyed){.pattern = ""};
    *place = (struct plan_seen){.rel = ""};
    *present = (struct plan_present){.rel = ""};
    *match = "";
    add_smallest_to_plan(arena, &variant->plan);
}

/* The bound on the memory that a wrong count can ask for lets every plan pass. */
Test(codec, many_smallest_items)
{
    auto_buf struct buf bytes = {0};
    auto_plan_file struct plan_file file, again;
    struct err err = {0};

    plan_file_init(&again);
    fill_file(&file);
    for (size_t i = 0; i < 1000; i++)
        add_smallest(&file);
    plan_encode(&file, &bytes);
    cr_assert_eq(plan_decode(&again, bytes.data, bytes.len, &err), 0, "%s", err.msg);
    cr_expect_eq(again.input_count, 1001);
}

Test(codec, decoding_is_fast)
{
    auto_buf struct buf bytes = {0};
    struct timespec begin, end;
    int64_t best = INT64_MAX;

    encode(&bytes);
    for (int i = 0; i < 200; i++) {
        auto_plan_file struct plan_file file;
        int64_t took = 0;

        plan_file_init(&file);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        cr_assert_eq(plan_decode(&file, bytes.data, bytes.len, NULL), 0);
        clock_gettime(CLOCK_MONOTONIC, &end);
        took = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
        best = took < best ? took : best;
    }
    cr_log_info("two plans of 60 operations: %lld ns", (long long)best);
    /* Generous, for sanitizers and busy machines: it is about 10 microseconds. */
    cr_expect_lt(best, 500000);
}
