/* Policy, venv and facts to a plan. Each part is a file beside this one, which is their order. */
#include "svenv/compute/compute.h"

#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/filter/filter.h"

#include "compute-internal.h"

/* A filter that was made for another variant. */
struct made_filter {
    const struct policy_values *values;
    const struct plan *plan;
};

static bool compute_has(const struct compute *c, enum policy_field field, int64_t number)
{
    return c->values->v[field].number == number;
}

static uint32_t id_or(const struct policy_value *value, uint32_t own)
{
    return value->set && value->number >= 0 ? (uint32_t)value->number : own;
}

static const char *text_or_null(const struct policy_value *value)
{
    return value->text && *value->text ? value->text : NULL;
}

static uint32_t flags_of(const struct compute *c)
{
    const struct {
        bool on;
        uint32_t flag;
    } rows[] = {
        {compute_has(c, POLICY_NET_MODE, NET_MODE_NONE), PLAN_OWN_NET},
        {compute_has(c, POLICY_PROC_NEW_SESSION, 1), PLAN_NEW_SESSION},
        {compute_has(c, POLICY_PROC_USERNS, 1), PLAN_USERNS_OK},
        {c->installer, PLAN_INSTALLER},
        {compute_has(c, POLICY_FS_CWD, ACCESS_RO), PLAN_CWD_RO},
        {compute_has(c, POLICY_FS_CWD, ACCESS_RW), PLAN_CWD_RW},
        {compute_has(c, POLICY_ENV_CLEAR, 1), PLAN_ENV_CLEAR},
        {c->facts->landlock_abi > 0, PLAN_USE_LANDLOCK},
        {c->project == PROJECT_ARGUMENTS, PLAN_PROJECT_ARGUMENTS},
        {compute_has(c, POLICY_SYSCALLS_PROFILE, SYSCALLS_OFF), PLAN_FILTER_OFF},
    };
    uint32_t flags = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        flags |= rows[i].on ? rows[i].flag : 0;
    return flags;
}

/* Values that mean a protection which this version does not have: never accepted and ignored. The
 * loader has refused them; this check is for values that reach a policy by another way. */
static int compute_check_enforced(struct compute *c, struct err *err)
{
    for (size_t i = 0; i < POLICY_FIELD__COUNT; i++) {
        const struct policy_value *value = &c->values->v[i];
        const char *why = value->set ? policy_unenforced((enum policy_field)i, value) : NULL;
        char name[POLICY_FIELD_NAME_MAX];

        if (why)
            return err_plain(err, ENOTSUP, "%s: %s: %s", compute_origin(value->origin),
                             policy_field_name((enum policy_field)i, name, sizeof(name)), why);
    }
    if (c->facts->landlock_abi == 0 && compute_has(c, POLICY_ISOLATION, ISOLATION_FULL))
        return err_plain(
            err, ENOTSUP,
            "%s: this kernel has no Landlock, which 'isolation: full' needs: boot with "
            "'landlock' in lsm=, or say 'isolation: auto' to go without",
            compute_origin(c->values->v[POLICY_ISOLATION].origin));
    return 0;
}

static int fill_head(struct compute *c, struct err *err)
{
    const struct policy_values *values = c->values;
    const struct policy_value *chdir = &values->v[POLICY_PROC_CHDIR];
    struct plan *plan = c->plan;

    plan->flags = flags_of(c);
    plan->uid = id_or(&values->v[POLICY_ID_UID], c->facts->uid);
    plan->gid = id_or(&values->v[POLICY_ID_GID], c->facts->gid);
    plan->hostname = text_or_null(&values->v[POLICY_ID_HOSTNAME]);
    /* The two sides of bin are compared when an installer ends: nothing may still run then. */
    plan->lifetime = c->installer || compute_has(c, POLICY_LIFETIME, LIFETIME_PROGRAM)
                         ? PLAN_LIFETIME_PROGRAM
                         : PLAN_LIFETIME_TREE;
    plan->landlock_abi = c->facts->landlock_abi;
    if (text_or_null(chdir)) {
        const struct policy_item item = {.text = chdir->text, .origin = chdir->origin};

        return compute_expand(c, &item, chdir->text, &plan->chdir, err);
    }
    return 0;
}

static int compute_plan(struct compute *c, struct err *err)
{
    static int (*const steps[])(struct compute * c, struct err * err) = {
        compute_check_enforced, fill_head,          compute_caps,   compute_system,
        compute_home,           compute_host_paths, compute_mounts, compute_dotenv,
    };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int rc = steps[i](c, err);

        if (rc < 0)
            return rc;
    }
    compute_obeyed(c);
    int rc = compute_audit(c, err);
    if (rc < 0)
        return rc;
    compute_environment(c);
    compute_limits(c);
    if (c->facts->landlock_abi > 0)
        compute_landlock(c);
    tree_join(&c->tree);
    return 0;
}

static bool same_value(const struct policy_value *a, const struct policy_value *b)
{
    bool same = a->number == b->number && a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = str_eq(a->items[i].text, b->items[i].text);
    return same;
}

static bool compute_same_filter(const struct made_filter *made, const struct compute *c)
{
    static const enum policy_field fields[] = {POLICY_SYSCALLS_PROFILE, POLICY_SYSCALLS_ALLOW,
                                               POLICY_SYSCALLS_DENY,    POLICY_PROC_USERNS,
                                               POLICY_NET_MODE,         POLICY_TERMINAL};
    bool same = made->plan->caps == c->plan->caps;

    for (size_t i = 0; same && i < ARRAY_SIZE(fields); i++)
        same = same_value(&made->values->v[fields[i]], &c->values->v[fields[i]]);
    return same;
}

static int add_filter(struct compute *c, const struct made_filter *made, size_t count,
                      struct err *err)
{
    struct plan *plan = c->plan;

    for (size_t i = 0; i < count; i++) {
        if (compute_same_filter(&made[i], c)) {
            plan->filter = made[i].plan->filter;
            plan->filter_count = made[i].plan->filter_count;
            plan->filter_note = made[i].plan->filter_note;
            return 0;
        }
    }
    return filter_make(c->arena, c->values, plan->landlock_abi, &plan->filter, &plan->filter_count,
                       &plan->filter_note, err);
}

static void compute_fill_file(struct plan_file *file, const struct policy *policy,
                              const struct venv *venv, const struct facts *facts)
{
    struct arena *arena = &file->arena;

    if (!file->tool)
        file->tool = SVENV_VERSION;
    if (!file->policy_hash)
        file->policy_hash = compute_policy_hash(arena, policy);
    file->venv = arena_strdup(arena, venv->path);
    file->project = venv->project ? arena_strdup(arena, venv->project) : NULL;
    file->home = arena_strdup(arena, facts->home);
    file->python = arena_strdup(arena, venv->python);
    file->temp_base = arena_printf(arena, TEMPORARY_TMP "/" TEMPORARY_PREFIX "%s", venv->id);
    file->variant_count = policy->command_count + 1;
    file->variants = arena_alloc(arena, file->variant_count * sizeof(*file->variants));
    memset(file->variants, 0, file->variant_count * sizeof(*file->variants));
}

static void fill_match(struct arena *arena, struct plan_variant *variant,
                       const struct policy_command *command)
{
    variant->plan.variant = arena_strdup(arena, command ? command->name : "default");
    if (!command)
        return;
    variant->match = arena_alloc(arena, command->match_count * sizeof(*variant->match));
    variant->match_count = command->match_count;
    for (size_t i = 0; i < command->match_count; i++)
        variant->match[i] = arena_strdup(arena, command->match[i].text);
}

int plan_compute(struct plan_file *file, const struct policy *policy, const struct venv *venv,
                 const struct facts *facts, struct err *err)
{
    auto_free struct policy_values *values = xcalloc(policy->command_count + 1, sizeof(*values));
    auto_free struct made_filter *made = xcalloc(policy->command_count + 1, sizeof(*made));
    struct known_facts known = {.items = NULL};

    compute_fill_file(file, policy, venv, facts);
    for (size_t i = 0; i < file->variant_count; i++) {
        const struct policy_command *command =
            i < policy->command_count ? &policy->commands[i] : NULL;
        struct compute c = {.arena = &file->arena,
                            .known = &known,
                            .values = &values[i],
                            .venv = venv,
                            .facts = facts,
                            .plan = &file->variants[i].plan};
        int rc;

        policy_effective(policy, command, &values[i]);
        c.installer = compute_has(&c, POLICY_FS_VENV, ACCESS_RW);
        c.project = venv->project ? (enum policy_project)values[i].v[POLICY_FS_PROJECT].number
                                  : PROJECT_NONE;
        compute_tree(&c);
        fill_match(&file->arena, &file->variants[i], command);
        rc = compute_plan(&c, err);
        if (rc == 0)
            rc = add_filter(&c, made, i, err);
        if (rc < 0)
            return rc;
        made[i] = (struct made_filter){.values = &values[i], .plan = c.plan};
    }
    compute_seen(file, facts);
    compute_own_strings(file);
    return 0;
}
