/* Lays one layer of policy over another. */
#include "policy-internal.h"

#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"

/* A list in the making. Arrays of the layers are never pushed to: they are shared. */
struct list {
    struct arena *arena;
    enum policy_type type;
    struct policy_item *items;
    size_t count;
};

static bool is_same_item(enum policy_type type, const struct policy_item *a,
                         const struct policy_item *b)
{
    return type == POLICY_TYPE_MAP ? str_eq(a->key, b->key) : str_eq(a->text, b->text);
}

/* A list holds a text once, a map a key once (the newer value wins); mounts are a sequence in which
 * the same one may well stand twice. */
static void merge_add_item(struct list *list, const struct policy_item *item)
{
    struct policy_item *slot;

    for (size_t i = 0; list->type != POLICY_TYPE_MOUNTS && i < list->count; i++) {
        if (!is_same_item(list->type, &list->items[i], item))
            continue;
        if (list->type == POLICY_TYPE_MAP)
            list->items[i] = *item;
        return;
    }
    slot = arena_push(list->arena, &list->items, &list->count, sizeof(*slot));
    *slot = *item;
}

static void add_items(struct list *list, const struct policy_value *value)
{
    for (size_t i = 0; value->set && i < value->count; i++)
        merge_add_item(list, &value->items[i]);
}

static bool is_taken_away(const struct list *list, const struct policy_item *item,
                          const struct policy_item *remover)
{
    if (list->type == POLICY_TYPE_MOUNTS)
        return item->mount != MOUNT__COUNT && str_eq(item->key, remover->key);
    return str_eq(remover->text, "!*") || str_eq(item->text, remover->text + 1);
}

static void remove_item(struct list *list, const struct policy_item *remover)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (!is_taken_away(list, &list->items[i], remover))
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

static bool is_remover(enum policy_type type, const struct policy_item *item)
{
    if (type == POLICY_TYPE_MOUNTS)
        return item->mount == MOUNT__COUNT;
    return type == POLICY_TYPE_LIST && item->text[0] == '!';
}

static void settle_list(struct list *list, const struct policy_value *lower,
                        const struct policy_value *upper, bool additive)
{
    if (additive)
        add_items(list, lower);
    for (size_t i = 0; i < upper->count; i++) {
        const struct policy_item *item = &upper->items[i];

        if (is_remover(list->type, item))
            remove_item(list, item);
        else if (list->type == POLICY_TYPE_LIST && str_eq(item->text, POLICY_INHERIT))
            add_items(list, lower);
        else
            merge_add_item(list, item);
    }
}

/* An item that can't be settled without the layers further down stays as it is. */
static void append_raw(struct list *list, const struct policy_item *item)
{
    struct policy_item *slot = arena_push(list->arena, &list->items, &list->count, sizeof(*slot));

    *slot = *item;
}

static void append_all_raw(struct list *list, const struct policy_value *value)
{
    for (size_t i = 0; value->set && i < value->count; i++)
        append_raw(list, &value->items[i]);
}

static void keep_list(struct list *list, const struct policy_value *lower,
                      const struct policy_value *upper, bool additive)
{
    if (additive)
        append_all_raw(list, lower);
    for (size_t i = 0; i < upper->count; i++) {
        const struct policy_item *item = &upper->items[i];

        if (list->type == POLICY_TYPE_LIST && lower->set && str_eq(item->text, POLICY_INHERIT) &&
            !additive)
            append_all_raw(list, lower);
        else
            append_raw(list, item);
    }
}

static void merge_value(struct arena *arena, const struct policy_field_info *info,
                        const struct policy_value *lower, const struct policy_value *upper,
                        bool raw, struct policy_value *out)
{
    struct list list = {.arena = arena, .type = info->type};
    struct policy_value merged = *upper;

    if (!upper->set) {
        *out = *lower;
        return;
    }
    if (info->type == POLICY_TYPE_LIST || info->type == POLICY_TYPE_MAP ||
        info->type == POLICY_TYPE_MOUNTS) {
        if (raw && info->type != POLICY_TYPE_MAP)
            keep_list(&list, lower, upper, info->additive);
        else
            settle_list(&list, lower, upper, info->additive);
        merged.items = list.items;
        merged.count = list.count;
    }
    *out = merged;
}

static bool names_variable(const struct policy_value *value, const char *name)
{
    for (size_t i = 0; value->set && i < value->count; i++) {
        const struct policy_item *item = &value->items[i];

        if (str_eq(item->key ? item->key : item->text, name))
            return true;
    }
    return false;
}

/* The items of `value` whose variable `upper` does not name. */
static struct policy_value without_named(struct arena *arena, const struct policy_value *value,
                                         const struct policy_value *upper)
{
    struct list list = {.arena = arena, .type = POLICY_TYPE_MOUNTS};
    struct policy_value kept = *value;

    for (size_t i = 0; value->set && i < value->count; i++) {
        const struct policy_item *item = &value->items[i];

        if (!names_variable(upper, item->key ? item->key : item->text))
            append_raw(&list, item);
    }
    kept.items = list.items;
    kept.count = list.count;
    return kept;
}

/* environment.set and .unset are about the same variables: the higher layer's word counts, in
 * either. */
static void settle_environment(struct arena *arena, const struct policy_values *upper,
                               struct policy_values *lower)
{
    lower->v[POLICY_ENV_SET] =
        without_named(arena, &lower->v[POLICY_ENV_SET], &upper->v[POLICY_ENV_UNSET]);
    lower->v[POLICY_ENV_UNSET] =
        without_named(arena, &lower->v[POLICY_ENV_UNSET], &upper->v[POLICY_ENV_SET]);
}

void policy_values_merge(struct arena *arena, const struct policy_values *lower,
                         const struct policy_values *upper, bool raw, struct policy_values *out)
{
    struct policy_values below = *lower;
    struct policy_values merged;

    settle_environment(arena, upper, &below);
    for (int i = 0; i < POLICY_FIELD__COUNT; i++)
        merge_value(arena, policy_field_info((enum policy_field)i), &below.v[i], &upper->v[i], raw,
                    &merged.v[i]);
    *out = merged;
}

/* --- commands --------------------------------------------------------------------------------- */

static bool is_own_name(const struct policy_command *command)
{
    return command->name && policy_is_name(command->name);
}

static struct policy_command *merge_find_command(struct policy *policy, const char *name)
{
    for (size_t i = 0; name && i < policy->command_count; i++) {
        if (str_eq(policy->commands[i].name, name))
            return &policy->commands[i];
    }
    return NULL;
}

/* "inherit" and "!x" work in match too. */
static void settle_match(struct arena *arena, const struct policy_command *lower,
                         const struct policy_command *upper, struct policy_command *out)
{
    const struct policy_value below = {
        .set = true, .items = lower->match, .count = lower->match_count};
    const struct policy_value above = {
        .set = true, .items = upper->match, .count = upper->match_count};
    struct list list = {.arena = arena, .type = POLICY_TYPE_LIST};

    settle_list(&list, &below, &above, false);
    out->match = list.items;
    out->match_count = list.count;
}

static void refine_command(struct arena *arena, struct policy_command *lower,
                           const struct policy_command *upper)
{
    if (upper->match_set)
        settle_match(arena, lower, upper, lower);
    lower->origin = upper->origin;
    policy_values_merge(arena, &lower->refine, &upper->refine, true, &lower->refine);
}

/* Names say where an entry stands now, so they follow when entries are put before it. */
static void number_commands(struct policy *policy)
{
    for (size_t i = 0; i < policy->command_count; i++) {
        if (!is_own_name(&policy->commands[i]))
            policy->commands[i].name = arena_printf(&policy->arena, "commands[%zu]", i);
    }
}

/* First match wins, so new entries stand before those of the lower layers. */
static int merge_commands(struct policy *policy, const struct policy_layer *layer, struct err *err)
{
    struct policy_command *merged = NULL;
    size_t count = 0;

    for (size_t i = 0; i < layer->command_count; i++) {
        struct policy_command *command = &layer->commands[i];
        const struct policy_command nothing = {.name = NULL};
        struct policy_command *known = merge_find_command(policy, command->name);

        if (known) {
            refine_command(&policy->arena, known, command);
            continue;
        }
        if (!command->match_set)
            return err_plain(err, EINVAL, "%s: commands: there is no '%s' to refine; add `match`",
                             command->origin, command->name);
        settle_match(&policy->arena, &nothing, command, command);
        *(struct policy_command *)arena_push(&policy->arena, &merged, &count, sizeof(*merged)) =
            *command;
    }
    for (size_t i = 0; i < policy->command_count; i++)
        *(struct policy_command *)arena_push(&policy->arena, &merged, &count, sizeof(*merged)) =
            policy->commands[i];
    if (count > POLICY_COMMANDS_MAX)
        return err_plain(err, E2BIG, "more than %d entries in commands, all layers together",
                         POLICY_COMMANDS_MAX);
    policy->commands = merged;
    policy->command_count = count;
    number_commands(policy);
    return 0;
}

int policy_layer_merge(struct policy *policy, const struct policy_layer *layer, struct err *err)
{
    int r = merge_commands(policy, layer, err);

    if (r < 0)
        return r;
    if (layer->profile)
        policy->profile = layer->profile;
    policy_values_merge(&policy->arena, &policy->files, &layer->values, false, &policy->files);
    policy_resolve(policy);
    return 0;
}

void policy_resolve(struct policy *policy)
{
    struct arena *arena = &policy->arena;

    policy_values_merge(arena, &policy->files, &policy->overrides, false, &policy->base);
    for (size_t i = 0; i < policy->command_count; i++) {
        struct policy_command *command = &policy->commands[i];

        policy_values_merge(arena, &policy->files, &command->refine, false, &command->in_force);
        policy_values_merge(arena, &command->in_force, &policy->overrides, false,
                            &command->in_force);
    }
}
