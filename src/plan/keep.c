/* Copies the small part of a plan that is needed after the program has executed. */
#include "svenv/plan/plan.h"

#include <string.h>

static const char *keep_string(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

static void *keep_array(struct arena *arena, const void *items, size_t count, size_t size)
{
    return count == 0 ? NULL : memcpy(arena_alloc(arena, count * size), items, count * size);
}

/* The other operations were for making the root. */
static bool is_mount(const struct plan_op *op)
{
    switch (op->kind) {
    case PLAN_BIND:
    case PLAN_TMPFS:
    case PLAN_PROC:
    case PLAN_DEVPTS:
    case PLAN_MQUEUE:
    case PLAN_REMOUNT_RO:
    case PLAN_MASK:
        return true;
    case PLAN_DIR:
    case PLAN_FILE:
    case PLAN_SYMLINK:
    case PLAN_CHMOD:
    case PLAN_OP__COUNT:
        return false;
    }
    return false;
}

static void keep_mounts(struct arena *arena, const struct plan *from, struct plan *out)
{
    size_t count = 0;

    for (size_t i = 0; i < from->op_count; i++)
        count += is_mount(&from->ops[i]);
    out->ops = arena_alloc(arena, count * sizeof(*out->ops));
    out->op_count = 0;
    for (size_t i = 0; i < from->op_count; i++) {
        struct plan_op *op = &out->ops[out->op_count];

        if (!is_mount(&from->ops[i]))
            continue;
        out->op_count++;
        *op = from->ops[i];
        op->src = keep_string(arena, op->src);
        op->dest = keep_string(arena, op->dest);
        op->origin = keep_string(arena, op->origin);
    }
}

static void keep_limits(struct arena *arena, struct plan *plan)
{
    plan->limits = keep_array(arena, plan->limits, plan->limit_count, sizeof(*plan->limits));
    for (size_t i = 0; i < plan->limit_count; i++)
        plan->limits[i].origin = keep_string(arena, plan->limits[i].origin);
    for (size_t i = 0; i < PLAN_GROUP__COUNT; i++)
        plan->group[i].origin = keep_string(arena, plan->group[i].origin);
}

static struct plan_obeyed *keep_obeyed(struct arena *arena, const struct plan_obeyed *obeyed,
                                       size_t count)
{
    struct plan_obeyed *copy = keep_array(arena, obeyed, count, sizeof(*obeyed));

    for (size_t i = 0; i < count; i++)
        copy[i].pattern = keep_string(arena, copy[i].pattern);
    return copy;
}

static void keep_refusals(struct arena *arena, struct plan *plan)
{
    plan->refusals =
        keep_array(arena, plan->refusals, plan->refusal_count, sizeof(*plan->refusals));
    for (size_t i = 0; i < plan->refusal_count; i++) {
        struct plan_refusal *refusal = &plan->refusals[i];

        *refusal = (struct plan_refusal){.path = keep_string(arena, refusal->path),
                                         .origin = keep_string(arena, refusal->origin),
                                         .why = keep_string(arena, refusal->why),
                                         .told = refusal->told};
    }
}

static void keep_plan(struct arena *arena, struct plan *plan)
{
    struct plan kept = *plan;

    kept.variant = keep_string(arena, plan->variant);
    kept.hostname = keep_string(arena, plan->hostname);
    kept.chdir = keep_string(arena, plan->chdir);
    kept.dotenv = keep_string(arena, plan->dotenv);
    kept.audit_log = keep_string(arena, plan->audit_log);
    kept.filter_note = keep_string(arena, plan->filter_note);
    keep_mounts(arena, plan, &kept);
    keep_limits(arena, &kept);
    kept.obeyed = keep_obeyed(arena, plan->obeyed, plan->obeyed_count);
    keep_refusals(arena, &kept);
    kept.nodes = NULL;
    kept.env_rules = NULL;
    kept.env_set = NULL;
    kept.landlock = NULL;
    kept.filter = NULL; /* its count says that there is one */
    kept.node_count = kept.env_rule_count = kept.env_set_count = kept.landlock_count = 0;
    *plan = kept;
}

static void keep_project(struct arena *arena, struct plan_file *file)
{
    file->seen = keep_array(arena, file->seen, file->seen_count, sizeof(*file->seen));
    for (size_t i = 0; i < file->seen_count; i++)
        file->seen[i].rel = keep_string(arena, file->seen[i].rel);
    file->present = keep_array(arena, file->present, file->present_count, sizeof(*file->present));
    for (size_t i = 0; i < file->present_count; i++)
        file->present[i].rel = keep_string(arena, file->present[i].rel);
    file->obeyed = NULL; /* of all variants; the plan has its own */
    file->obeyed_count = 0;
}

void plan_keep(struct arena *arena, struct plan_file *file, struct plan *plan)
{
    struct plan_file kept = *file;

    keep_plan(arena, plan);
    kept.arena = (struct arena){NULL};
    kept.tool = keep_string(arena, file->tool);
    kept.kernel = keep_string(arena, file->kernel);
    kept.venv = keep_string(arena, file->venv);
    kept.project = keep_string(arena, file->project);
    kept.home = keep_string(arena, file->home);
    kept.python = keep_string(arena, file->python);
    kept.policy_hash = keep_string(arena, file->policy_hash);
    kept.temp_base = keep_string(arena, file->temp_base);
    kept.bytes = NULL;
    kept.inputs = NULL;
    kept.input_count = kept.byte_count = 0;
    keep_project(arena, &kept);
    kept.variants = arena_alloc(arena, sizeof(*kept.variants));
    kept.variants[0].plan = *plan;
    kept.variant_count = 1;
    *file = kept;
}
