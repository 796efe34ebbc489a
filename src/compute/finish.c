/* The end of a plan: the audit log, the policy's hash, and strings of its own. */
#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/sha256.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

const char *compute_policy_hash(struct arena *arena, const struct policy *policy)
{
    auto_buf struct buf text = {0};
    char hash[SHA256_HEX_SIZE];

    policy_print(policy, POLICY_SHOW_ALL, false, &text);
    sha256_hex(text.data, text.len, hash);
    return arena_strdup(arena, hash);
}

static const enum plan_audit audit_levels[] = {
    [AUDIT_OFF] = PLAN_AUDIT_OFF,
    [AUDIT_DENIED] = PLAN_AUDIT_DENIED,
    [AUDIT_ALL] = PLAN_AUDIT_ALL,
};
_Static_assert(ARRAY_SIZE(audit_levels) == AUDIT__COUNT, "one level of the plan per level");

/* The log is kept where nothing inside reaches: a program that can write it can also forge it. */
int compute_audit(struct compute *c, struct err *err)
{
    const struct policy_value *level = &c->values->v[POLICY_AUDIT_LEVEL];
    const char *log = c->facts->audit_log;

    c->plan->audit = audit_levels[level->number];
    if (c->plan->audit == PLAN_AUDIT_OFF)
        return 0;
    if (log == NULL)
        return err_plain(err, ENOENT,
                         "%s: there is no place for the audit log: say 'audit: {level: off}'",
                         compute_origin(level->origin));
    if (tree_area(&c->tree, log) != NULL)
        return err_plain(
            err, EPERM,
            "%s: the audit log '%s' would lie where programs in the sandbox can write: "
            "wrap again with another XDG_STATE_HOME, or say 'audit: {level: off}'",
            compute_origin(level->origin), log);
    c->plan->audit_log = log;
    return 0;
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
    own(arena, &plan->audit_log);
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
    for (size_t i = 0; i < PLAN_GROUP__COUNT; i++)
        own(arena, &plan->group[i].origin);
    for (size_t i = 0; i < plan->landlock_count; i++)
        own(arena, &plan->landlock[i].path);
    for (size_t i = 0; i < plan->obeyed_count; i++)
        own(arena, &plan->obeyed[i].pattern);
    own_environment(arena, plan);
}

void compute_own_strings(struct plan_file *file)
{
    for (size_t i = 0; i < file->obeyed_count; i++)
        own(&file->arena, &file->obeyed[i].pattern);
    for (size_t i = 0; i < file->seen_count; i++)
        own(&file->arena, &file->seen[i].rel);
    for (size_t i = 0; i < file->present_count; i++)
        own(&file->arena, &file->present[i].rel);
    for (size_t i = 0; i < file->variant_count; i++)
        own_plan(&file->arena, &file->variants[i].plan);
}
