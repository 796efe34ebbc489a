/* Parses one layer of policy. */
#include "policy-internal.h"

#include <errno.h>
#include <stdio.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/formats/yaml.h"

/* Where keys are being read into: the file itself, or one entry of `commands`. */
struct scope {
    const struct policy_reader *reader;
    struct policy_layer *layer;
    struct policy_command *command; /* NULL: the file */
    bool has_version;
};

/* A key that is no field. */
struct special {
    const char *key;
    int (*read)(struct scope *scope, const struct yaml_node *node, struct err *err);
};

static int read_keys(struct scope *scope, const struct yaml_node *map, struct err *err);

static int layer_fail(const struct scope *scope, const struct yaml_node *node, const char *text,
                      struct err *err)
{
    return err_at(err, scope->reader->name, node->line, node->col, "%s", text);
}

static int read_version(struct scope *scope, const struct yaml_node *node, struct err *err)
{
    if (node->kind != YAML_SCALAR || !str_eq(node->text, "1"))
        return layer_fail(scope, node, "version: only 1 is understood here", err);
    scope->has_version = true;
    return 0;
}

static int read_profile(struct scope *scope, const struct yaml_node *node, struct err *err)
{
    if (node->kind != YAML_SCALAR || !policy_is_name(node->text))
        return layer_fail(scope, node,
                          "profile: a name is expected here (lower-case letters, digits, '-', '_')",
                          err);
    scope->layer->profile = node->text;
    scope->layer->profile_pos = (struct src_pos){.line = node->line, .col = node->col};
    (void)snprintf(scope->layer->profile_pos.file, sizeof(scope->layer->profile_pos.file), "%s",
                   scope->reader->name);
    return 0;
}

static int layer_read_name(struct scope *scope, const struct yaml_node *node, struct err *err)
{
    if (node->kind != YAML_SCALAR || !policy_is_name(node->text))
        return layer_fail(scope, node,
                          "name: a name is expected here (lower-case letters, digits, '-', '_')",
                          err);
    if (str_eq(node->text, "default"))
        return layer_fail(scope, node,
                          "name: 'default' means all other commands; take another name", err);
    scope->command->name = node->text;
    return 0;
}

static int read_match(struct scope *scope, const struct yaml_node *node, struct err *err)
{
    scope->command->match_set = true;
    return policy_list_parse(scope->reader, "match", POLICY_TEXT_ANY, node, &scope->command->match,
                             &scope->command->match_count, err);
}

/* A name that stands twice would refine itself. */
static int check_command(const struct scope *scope, const struct policy_command *command,
                         const struct yaml_node *node, struct err *err)
{
    if (!command->name && command->match_count == 0)
        return layer_fail(scope, node,
                          "commands: an entry needs `match`, or the `name` of one to refine", err);
    for (size_t i = 0; command->name && i + 1 < scope->layer->command_count; i++) {
        if (str_eq(scope->layer->commands[i].name, command->name))
            return err_at(err, scope->reader->name, node->line, node->col,
                          "commands: a second entry with the name '%s'", command->name);
    }
    return 0;
}

static int layer_read_command(struct scope *scope, const struct yaml_node *node, struct err *err)
{
    struct policy_layer *layer = scope->layer;
    struct policy_command *command =
        arena_push(scope->reader->arena, &layer->commands, &layer->command_count, sizeof(*command));
    struct scope inner = {.reader = scope->reader, .layer = layer, .command = command};
    int r;

    if (node->kind != YAML_MAP)
        return layer_fail(scope, node, "commands: each entry is a map of `match` and refined keys",
                          err);
    command->origin = policy_origin_of(scope->reader, node);
    r = read_keys(&inner, node, err);
    return r < 0 ? r : check_command(scope, command, node, err);
}

static int read_commands(struct scope *scope, const struct yaml_node *node, struct err *err)
{
    int r = 0;

    if (node->kind != YAML_LIST)
        return layer_fail(scope, node, "commands: a list is expected here", err);
    if (node->count > POLICY_COMMANDS_MAX)
        return layer_fail(scope, node, "commands: more than 64 entries", err);
    for (size_t i = 0; r == 0 && i < node->count; i++)
        r = layer_read_command(scope, node->items[i], err);
    return r;
}

static const struct special file_keys[] = {
    {"version", read_version},
    {"profile", read_profile},
    {"commands", read_commands},
};
static const struct special layer_command_keys[] = {
    {"name", layer_read_name},
    {"match", read_match},
};

static const struct special *find_special(const struct scope *scope, const char *key)
{
    const struct special *specials = scope->command ? layer_command_keys : file_keys;
    size_t count = scope->command ? ARRAY_SIZE(layer_command_keys) : ARRAY_SIZE(file_keys);

    for (size_t i = 0; i < count; i++) {
        if (str_eq(specials[i].key, key))
            return &specials[i];
    }
    return NULL;
}

static int layer_read_field(struct scope *scope, const char *section, const struct yaml_node *key,
                            const struct yaml_node *node, struct err *err)
{
    enum policy_field field = policy_field_find(section, key->text);
    struct policy_values *values = scope->command ? &scope->command->refine : &scope->layer->values;

    if (field == POLICY_FIELD__COUNT)
        return policy_unknown_key(scope->reader, key, section, scope->command != NULL, err);
    if (scope->command && !policy_field_info(field)->per_command)
        return err_at(err, scope->reader->name, key->line, key->col,
                      "'%s' is for the whole policy and cannot be refined for a command",
                      key->text);
    return policy_value_parse(scope->reader, field, node, &values->v[field], err);
}

static int read_section(struct scope *scope, const struct yaml_node *key,
                        const struct yaml_node *map, struct err *err)
{
    int r = 0;

    /* All lines below the heading may be commented out. */
    if (map->kind == YAML_SCALAR && map->plain && map->text[0] == '\0')
        return 0;
    if (map->kind != YAML_MAP)
        return err_at(err, scope->reader->name, map->line, map->col,
                      "%s: a map is expected here, with the section's keys", key->text);
    for (size_t i = 0; r == 0 && i < map->count; i++)
        r = layer_read_field(scope, key->text, map->keys[i], map->items[i], err);
    return r;
}

static int read_keys(struct scope *scope, const struct yaml_node *map, struct err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < map->count; i++) {
        const struct yaml_node *key = map->keys[i];
        const struct special *special = find_special(scope, key->text);

        if (special)
            r = special->read(scope, map->items[i], err);
        else if (policy_is_section(key->text))
            r = read_section(scope, key, map->items[i], err);
        else
            r = layer_read_field(scope, "", key, map->items[i], err);
    }
    return r;
}

int policy_layer_parse(const struct policy_reader *reader, const char *data, size_t len,
                       struct policy_layer *out, struct err *err)
{
    struct policy_layer layer = {.profile = NULL};
    struct scope scope = {.reader = reader, .layer = &layer};
    struct yaml_node *root = NULL;
    int r = yaml_parse(reader->arena, reader->name, data, len, &root, err);

    if (r < 0)
        return r;
    if (root->kind != YAML_MAP)
        return layer_fail(&scope, root, "a policy is a map of keys", err);
    r = read_keys(&scope, root, err);
    if (r < 0)
        return r;
    if (!scope.has_version)
        return err_at(err, reader->name, 1, 1, "the line 'version: 1' is missing");
    *out = layer;
    return 0;
}
