/* The part of a plan that stays after the start: nothing of it may lie where the plan was read
 * from. */
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static uint64_t filter[2] = {6, 6};

static void fill(struct plan_file *file)
{
    struct arena *arena = &file->arena;
    struct plan_variant *variant =
        arena_push(arena, &file->variants, &file->variant_count, sizeof(*variant));
    struct plan *plan = &variant->plan;

    *file = (struct plan_file){.arena = file->arena,
                               .tool = "tool",
                               .venv = "/p/.venv",
                               .project = "/p",
                               .home = "/h",
                               .policy_hash = "hash",
                               .made_ns = 5,
                               .variants = file->variants,
                               .variant_count = 1};
    *plan = (struct plan){.variant = "default",
                          .flags = PLAN_INSTALLER,
                          .lifetime = PLAN_LIFETIME_PROGRAM,
                          .wall_time = 7,
                          .audit = PLAN_AUDIT_ALL,
                          .audit_log = "/log",
                          .filter = filter,
                          .filter_count = 2};
    for (unsigned i = 0; i < PLAN_OP__COUNT; i++)
        plan_add(arena, plan, (enum plan_op_kind)i, "/src", arena_printf(arena, "/dest%u", i),
                 "argument 1");
    plan->limits = arena_array(arena, 1, sizeof(*plan->limits));
    plan->limits[plan->limit_count++] = (struct plan_limit){RLIMIT_CPU, 3, "policy.yaml:1:1"};
    plan->obeyed = arena_array(arena, 1, sizeof(*plan->obeyed));
    plan->obeyed[plan->obeyed_count++] = (struct plan_obeyed){.pattern = ".git", .anywhere = true};
    file->obeyed = plan->obeyed;
    file->obeyed_count = 1;
    file->seen = arena_array(arena, 1, sizeof(*file->seen));
    file->seen[file->seen_count++] = (struct plan_seen){"sub", PLAN_SEEN_WATCHED, 1, 2, 3};
    file->present = arena_array(arena, 1, sizeof(*file->present));
    file->present[file->present_count++] = (struct plan_present){"sub/.git", false, 4, 5, 6};
}

/* Reads the file from a mapping that is gone afterwards. */
static void keep(struct arena *arena, struct plan_file *file, struct plan *plan)
{
    struct plan_file made = {0};
    auto_buf struct buf bytes = {0};
    struct arena start = {0};
    struct arena own;
    struct err err = {0};
    void *data = NULL;

    fill(&made);
    plan_encode(&made, &bytes);
    data = mmap(NULL, bytes.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(data, MAP_FAILED);
    memcpy(data, bytes.data, bytes.len);
    cr_assert_eq(plan_decode(file, data, bytes.len, &err), 0, "%s", err.msg);
    own = file->arena;
    *plan = file->variants[0].plan;
    plan->refusals =
        arena_push(&start, &plan->refusals, &plan->refusal_count, sizeof(*plan->refusals));
    plan->refusals[0] = (struct plan_refusal){arena_strdup(&start, "/x"), arena_strdup(&start, "o"),
                                              arena_strdup(&start, "why"), true};
    plan_keep(arena, file, plan);
    cr_assert_null(file->arena.chunks);
    cr_assert_eq(munmap(data, bytes.len), 0);
    arena_finish(&own);
    arena_finish(&start);
    plan_file_finish(&made);
}

Test(keep, what_is_asked_for_later_is_there)
{
    struct arena arena = {0};
    struct plan_file file = {0};
    struct plan plan = {0};
    const struct plan *also = NULL;

    keep(&arena, &file, &plan);
    cr_expect_str_eq(file.venv, "/p/.venv");
    cr_expect_str_eq(file.project, "/p");
    cr_expect_str_eq(file.policy_hash, "hash");
    cr_expect_eq(file.made_ns, 5);
    cr_expect_str_eq(plan_find_seen(&file, "sub")->rel, "sub");
    cr_expect_eq(plan_find_present(&file, "sub/.git")->ino, 5);
    cr_expect_str_eq(plan.variant, "default");
    cr_expect_eq(plan.flags, PLAN_INSTALLER);
    cr_expect_eq(plan.lifetime, PLAN_LIFETIME_PROGRAM);
    cr_expect_eq(plan.wall_time, 7);
    cr_expect_str_eq(plan.audit_log, "/log");
    cr_expect_eq(plan.limits[0].resource, RLIMIT_CPU);
    cr_expect_str_eq(plan.limits[0].origin, "policy.yaml:1:1");
    cr_expect_not_null(plan_obeyed_find(plan.obeyed, plan.obeyed_count, "x/.git", ".git"));
    cr_expect_eq(file.obeyed_count, 0);
    cr_expect_str_eq(plan.refusals[0].path, "/x");
    cr_expect_str_eq(plan.refusals[0].why, "why");
    /* As for a file that was just read. */
    cr_expect_eq(file.variant_count, 1);
    cr_expect_eq(plan_load(&file, &file.variants[0], NULL), 0);
    also = &file.variants[0].plan;
    cr_expect_str_eq(also->audit_log, "/log");
    arena_finish(&arena);
}

Test(keep, of_the_operations_the_mounts_remain)
{
    static const enum plan_op_kind mounts[] = {PLAN_BIND,   PLAN_TMPFS,      PLAN_PROC, PLAN_DEVPTS,
                                               PLAN_MQUEUE, PLAN_REMOUNT_RO, PLAN_MASK};
    struct arena arena = {0};
    struct plan_file file = {0};
    struct plan plan = {0};

    keep(&arena, &file, &plan);
    cr_assert_eq(plan.op_count, ARRAY_SIZE(mounts));
    for (size_t i = 0; i < plan.op_count; i++) {
        cr_expect_eq(plan.ops[i].kind, mounts[i]);
        cr_expect_str_eq(plan.ops[i].src, "/src");
        cr_expect(str_starts(plan.ops[i].dest, "/dest"));
        cr_expect_str_eq(plan.ops[i].origin, "argument 1");
    }
    cr_expect_null(plan.filter);
    cr_expect_eq(plan.filter_count, 2);
    arena_finish(&arena);
}
