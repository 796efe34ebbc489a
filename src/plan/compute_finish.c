#include "svenv/base/sha256.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

const char *compute_policy_hash(struct arena *arena, const struct policy *policy)
{
    auto_buf struct buf text = {0};
    char hash[SHA256_HEX_SIZE];

    policy_print(policy, false, &text);
    sha256_hex(text.data, text.len, hash);
    return arena_strdup(arena, hash);
}

static void own(struct arena *arena, const char **text)
{
    if (*text)
        *text = arena_strdup(arena, *text);
}

static void own_environment(struct arena *arena, struct plan *plan)
{
    for (size_t i = 0; i < plan->env_rule_count; i++) {
        own(arena, &plan->env_rules[i].pattern);
        own(arena, &plan->env_rules[i].origin);
    }
    for (size_t i = 0; i < plan->env_set_count; i++) {
        own(arena, &plan->env_set[i].name);
        own(arena, &plan->env_set[i].value);
        own(arena, &plan->env_set[i].origin);
    }
}

static void own_plan(struct arena *arena, struct plan *plan)
{
    own(arena, &plan->hostname);
    own(arena, &plan->chdir);
    for (size_t i = 0; i < plan->op_count; i++) {
        own(arena, &plan->ops[i].src);
        own(arena, &plan->ops[i].dest);
        own(arena, &plan->ops[i].origin);
    }
    for (size_t i = 0; i < plan->node_count; i++) {
        own(arena, &plan->nodes[i].base);
        own(arena, &plan->nodes[i].rel);
        own(arena, &plan->nodes[i].target);
    }
    for (size_t i = 0; i < plan->limit_count; i++)
        own(arena, &plan->limits[i].origin);
    for (size_t i = 0; i < plan->landlock_count; i++)
        own(arena, &plan->landlock[i].path);
    own_environment(arena, plan);
}

void compute_own_strings(struct plan_file *file)
{
    for (size_t i = 0; i < file->variant_count; i++)
        own_plan(&file->arena, &file->variants[i].plan);
}
