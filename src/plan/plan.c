#include "svenv/plan/plan.h"

void plan_file_init(struct plan_file *file)
{
    *file = (struct plan_file){.tool = NULL};
}

void plan_file_finish(struct plan_file *file)
{
    arena_finish(&file->arena);
    plan_file_init(file);
}

struct plan_op *plan_add(struct arena *arena, struct plan *plan, enum plan_op_kind kind,
                         const char *src, const char *dest, const char *origin)
{
    struct plan_op *op = arena_push(arena, &plan->ops, &plan->op_count, sizeof(*op));

    *op = (struct plan_op){.kind = kind, .src = src, .dest = dest, .origin = origin};
    return op;
}
