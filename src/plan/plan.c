/* The model of a plan. */
#include "svenv/plan/plan.h"

#include "svenv/sys/cgroup.h"

void plan_file_init(struct plan_file *file)
{
    *file = (struct plan_file){.tool = NULL};
}

void plan_file_finish(struct plan_file *file)
{
    arena_finish(&file->arena);
    plan_file_init(file);
}

enum plan_group plan_group_needed(const struct plan *plan)
{
    if (plan->group[PLAN_GROUP_MEMORY].value)
        return PLAN_GROUP_MEMORY;
    return plan->group[PLAN_GROUP_CPUS].value ? PLAN_GROUP_CPUS : PLAN_GROUP__COUNT;
}

const char *plan_group_key(enum plan_group limit)
{
    static const char *const keys[] = {
        [PLAN_GROUP_MEMORY] = "limits.memory",
        [PLAN_GROUP_CPUS] = "limits.cpus",
        [PLAN_GROUP_PROCESSES] = "limits.processes",
        [PLAN_GROUP__COUNT] = "limits",
    };

    return keys[limit];
}

void plan_group_limits(const struct plan *plan, struct cgroup_limits *out)
{
    uint64_t processes = plan->group[PLAN_GROUP_PROCESSES].value;

    *out = (struct cgroup_limits){.memory = plan->group[PLAN_GROUP_MEMORY].value,
                                  .cpus = plan->group[PLAN_GROUP_CPUS].value,
                                  /* One more, for a process of ours that ends before the program
                                   * executes. */
                                  .processes = processes + (processes > 0)};
}

struct plan_op *plan_add(struct arena *arena, struct plan *plan, enum plan_op_kind kind,
                         const char *src, const char *dest, const char *origin)
{
    struct plan_op *op = arena_push(arena, &plan->ops, &plan->op_count, sizeof(*op));

    *op = (struct plan_op){.kind = kind, .src = src, .dest = dest, .origin = origin};
    return op;
}
