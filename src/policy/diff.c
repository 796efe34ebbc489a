/* The difference of two policies. */
#include "svenv/policy/policy.h"

#include "policy-internal.h"
#include "svenv/base/str.h"

static bool policy_item_eq(enum policy_type type, const struct policy_item *a,
                           const struct policy_item *b)
{
    if (type == POLICY_TYPE_LIST)
        return str_eq(a->text, b->text);
    if (type == POLICY_TYPE_MAP)
        return str_eq(a->key, b->key) && str_eq(a->text, b->text);
    return a->mount == b->mount && a->mode == b->mode && a->size == b->size &&
           str_eq(a->key, b->key) && (!a->text) == (!b->text) &&
           (!a->text || str_eq(a->text, b->text));
}

bool policy_value_eq(enum policy_field field, const struct policy_value *a,
                     const struct policy_value *b)
{
    enum policy_type type = policy_field_info(field)->type;

    if (a->set != b->set || a->number != b->number || a->count != b->count)
        return false;
    if ((!a->text) != (!b->text) || (a->text && !str_eq(a->text, b->text)))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!policy_item_eq(type, &a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

static bool policy_holds(enum policy_type type, const struct policy_value *value,
                         const struct policy_item *item)
{
    for (size_t i = 0; i < value->count; i++) {
        if (policy_item_eq(type, &value->items[i], item))
            return true;
    }
    return false;
}

/* The list that gives `value` when laid over `base`, for a list whose layers add up. */
static struct policy_value list_difference(struct arena *arena, const struct policy_value *value,
                                           const struct policy_value *base)
{
    struct policy_value difference = {.set = true, .origin = value->origin};
    struct policy_item *slot;

    for (size_t i = 0; i < base->count; i++) {
        if (policy_holds(POLICY_TYPE_LIST, value, &base->items[i]))
            continue;
        slot = arena_push(arena, &difference.items, &difference.count, sizeof(*slot));
        slot->text = arena_printf(arena, "!%s", base->items[i].text);
    }
    for (size_t i = 0; i < value->count; i++) {
        if (policy_holds(POLICY_TYPE_LIST, base, &value->items[i]))
            continue;
        slot = arena_push(arena, &difference.items, &difference.count, sizeof(*slot));
        *slot = value->items[i];
    }
    return difference;
}

/* Maps and mounts: the items that are new or different. */
static struct policy_value added_items(struct arena *arena, enum policy_type type,
                                       const struct policy_value *value,
                                       const struct policy_value *base)
{
    struct policy_value added = {.set = true, .origin = value->origin};

    for (size_t i = 0; i < value->count; i++) {
        if (!policy_holds(type, base, &value->items[i]))
            *(struct policy_item *)arena_push(arena, &added.items, &added.count,
                                              sizeof(*added.items)) = value->items[i];
    }
    return added;
}

static void difference_of(struct arena *arena, const struct policy_values *values,
                          const struct policy_values *base, struct policy_values *out)
{
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        enum policy_field field = (enum policy_field)i;
        const struct policy_field_info *info = policy_field_info(field);
        const struct policy_value *value = &values->v[i];

        out->v[i] = *value;
        if (!value->set || policy_value_eq(field, value, &base->v[i]))
            out->v[i].set = false;
        else if (info->additive && info->type == POLICY_TYPE_LIST)
            out->v[i] = list_difference(arena, value, &base->v[i]);
        else if (info->additive)
            out->v[i] = added_items(arena, info->type, value, &base->v[i]);
    }
}

static const struct policy_command *policy_find_command(const struct policy *policy,
                                                        const char *name)
{
    for (size_t i = 0; i < policy->command_count; i++) {
        if (str_eq(policy->commands[i].name, name))
            return &policy->commands[i];
    }
    return NULL;
}

static bool command_eq(const struct policy_command *a, const struct policy_command *b)
{
    if (a->match_count != b->match_count)
        return false;
    for (size_t i = 0; i < a->match_count; i++) {
        if (!str_eq(a->match[i].text, b->match[i].text))
            return false;
    }
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        if (!policy_value_eq((enum policy_field)i, &a->refine.v[i], &b->refine.v[i]))
            return false;
    }
    return true;
}

/* An unnamed entry's name is only its place, which may have moved. */
static bool policy_is_known(const struct policy *base, const struct policy_command *command)
{
    const struct policy_command *same = policy_find_command(base, command->name);

    if (policy_is_name(command->name))
        return same && command_eq(command, same);
    for (size_t i = 0; i < base->command_count; i++) {
        if (!policy_is_name(base->commands[i].name) && command_eq(command, &base->commands[i]))
            return true;
    }
    return false;
}

void policy_print_diff(const struct policy *policy, const struct policy *base,
                       enum policy_show show, struct buf *out)
{
    struct arena arena = {0};
    struct policy_printer p = {.out = out, .show = show};
    struct policy_values difference;
    bool has_heading = false;

    difference_of(&arena, &policy->base, &base->base, &difference);
    policy_print_values(&p, &difference);
    for (size_t i = 0; i < policy->command_count; i++) {
        if (policy_is_known(base, &policy->commands[i]))
            continue;
        if (!has_heading)
            buf_add_str(out, "commands:\n");
        has_heading = true;
        policy_print_command(&p, &policy->commands[i]);
    }
    arena_finish(&arena);
}
