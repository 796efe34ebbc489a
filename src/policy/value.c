/* Parses the value of a field by its type. */
#include "policy-internal.h"

#include <assert.h>
#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/num.h"
#include "svenv/base/str.h"
#include "svenv/formats/yaml.h"

/* One value on its way in: where it stands and what it is for. */
struct slot {
    const struct policy_reader *reader;
    const struct policy_field_info *info;
    const char *name; /* "filesystem.read" */
    const struct yaml_node *node;
};

/* A text in the place of a map may be the value of a variable, and is not quoted. */
static int value_fail(const struct slot *slot, const char *text, struct err *err)
{
    bool quotes = slot->node->kind == YAML_SCALAR && slot->info->type != POLICY_TYPE_MAP;

    return err_at(err, slot->reader->name, slot->node->line, slot->node->col, "%s: %s%s%s%s",
                  slot->name, quotes ? "'" : "",
                  quotes ? policy_quote(slot->reader, slot->node->text, POLICY_WORD_SHOWN) : "",
                  quotes ? "' stands where " : "", text);
}

/* `~` is null in YAML, not the home. A person who writes it, or nothing at all, does not mean a
 * text. */
static bool is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain &&
           (node->text[0] == '\0' || str_eq(node->text, "~") || str_eq(node->text, "null"));
}

static int need_scalar(const struct slot *slot, const char *what, struct err *err)
{
    const char *problem = NULL;

    if (slot->node->kind != YAML_SCALAR)
        problem = slot->node->kind == YAML_LIST ? "not a list" : "not a map";
    else if (is_null(slot->node))
        problem = "and there is none";
    if (!problem)
        return 0;
    return err_at(err, slot->reader->name, slot->node->line, slot->node->col,
                  "%s: %s is expected here, %s", slot->name, what, problem);
}

static int fail_enum(const struct slot *slot, struct err *err)
{
    const char *const *names = slot->info->names;
    const char *allowed = names[0];
    const char *near = NULL;
    size_t count = 1;

    for (; names[count]; count++)
        allowed = arena_printf(slot->reader->arena, "%s, %s", allowed, names[count]);
    near = policy_nearest(slot->node->text, names, count);
    return err_at(err, slot->reader->name, slot->node->line, slot->node->col,
                  "%s: '%s' is not a value of it%s%s%s; allowed: %s", slot->name,
                  policy_quote(slot->reader, slot->node->text, POLICY_WORD_SHOWN),
                  near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", allowed);
}

static int parse_enum(const struct slot *slot, struct policy_value *out, struct err *err)
{
    int r = need_scalar(slot, "a word", err);

    if (r < 0)
        return r;
    for (size_t i = 0; slot->info->names[i]; i++) {
        if (str_eq(slot->node->text, slot->info->names[i])) {
            out->number = (int64_t)i;
            return 0;
        }
    }
    return fail_enum(slot, err);
}

static int parse_bool(const struct slot *slot, struct policy_value *out, struct err *err)
{
    int r = need_scalar(slot, "true or false", err);

    if (r < 0)
        return r;
    out->number = str_eq(slot->node->text, "true");
    if (slot->node->plain && (out->number || str_eq(slot->node->text, "false")))
        return 0;
    return value_fail(slot, "true or false is expected", err);
}

static int parse_int(const struct slot *slot, struct policy_value *out, struct err *err)
{
    const struct policy_field_info *info = slot->info;
    int r = need_scalar(slot, "a number", err);

    if (r < 0)
        return r;
    if (num_parse_i64(slot->node->text, info->min, info->max, &out->number) == 0)
        return 0;
    return err_at(err, slot->reader->name, slot->node->line, slot->node->col,
                  "%s: '%s' stands where a number from %lld to %lld is expected", slot->name,
                  policy_quote(slot->reader, slot->node->text, POLICY_WORD_SHOWN),
                  (long long)info->min, (long long)info->max);
}

static int take_unsigned(const struct slot *slot, int parsed, uint64_t number, const char *expected,
                         struct policy_value *out, struct err *err)
{
    if (parsed < 0 || number > (uint64_t)slot->info->max)
        return value_fail(slot, expected, err);
    out->number = (int64_t)number;
    return 0;
}

static int parse_size(const struct slot *slot, struct policy_value *out, struct err *err)
{
    uint64_t number = 0;
    int r = need_scalar(slot, "a size", err);

    if (r < 0)
        return r;
    r = num_parse_size(slot->node->text, &number);
    return take_unsigned(slot, r, number, "a number of bytes is expected (K, M, G or T may follow)",
                         out, err);
}

static int parse_duration(const struct slot *slot, struct policy_value *out, struct err *err)
{
    uint64_t number = 0;
    int r = need_scalar(slot, "a duration", err);

    if (r < 0)
        return r;
    r = num_parse_duration(slot->node->text, &number);
    return take_unsigned(slot, r, number,
                         "a number of seconds is expected (s, m, h or d may follow)", out, err);
}

static int value_check_text(const struct policy_reader *reader, const char *name,
                            enum policy_text kind, const struct yaml_node *node, const char *text,
                            struct err *err)
{
    const char *fault = policy_text_fault(kind, text);

    if (!fault)
        return 0;
    return err_at(err, reader->name, node->line, node->col, "%s: '%s' %s", name,
                  policy_quote(reader, text, POLICY_TEXT_SHOWN), fault);
}

static int parse_string(const struct slot *slot, struct policy_value *out, struct err *err)
{
    int r = need_scalar(slot, "a text (\"\" for none)", err);

    if (r == 0)
        r = value_check_text(slot->reader, slot->name, slot->info->text, slot->node,
                             slot->node->text, err);
    if (r == 0)
        out->text = slot->node->text;
    return r;
}

static int need_list(const struct policy_reader *reader, const char *name,
                     const struct yaml_node *node, struct err *err)
{
    if (node->kind != YAML_LIST)
        return err_at(err, reader->name, node->line, node->col,
                      "%s: a list is expected here ([] for an empty one)", name);
    if (node->count > POLICY_ITEMS_MAX)
        return err_at(err, reader->name, node->line, node->col, "%s: more than %d items", name,
                      POLICY_ITEMS_MAX);
    return 0;
}

/* "!x" is checked as x: it takes away an item that was checked when it came in, so "!*" may always
 * stand. */
static int parse_item(const struct policy_reader *reader, const char *name, enum policy_text kind,
                      const struct yaml_node *node, struct policy_item *out, struct err *err)
{
    const struct slot slot = {.reader = reader, .name = name, .node = node};
    const char *text = node->text;
    int r = need_scalar(&slot, "a text", err);

    if (r < 0)
        return r;
    if (!str_eq(text, "!*") && !str_eq(text, POLICY_INHERIT))
        r = value_check_text(reader, name, kind, node, text + (text[0] == '!'), err);
    if (r == 0)
        *out = (struct policy_item){.text = text, .origin = policy_origin_of(reader, node)};
    return r;
}

int policy_list_parse(const struct policy_reader *reader, const char *what, enum policy_text kind,
                      const struct yaml_node *node, struct policy_item **items_out,
                      size_t *count_out, struct err *err)
{
    struct policy_item *items = NULL;
    size_t count = 0;
    int r = need_list(reader, what, node, err);

    for (size_t i = 0; r == 0 && i < node->count; i++) {
        struct policy_item *item = arena_push(reader->arena, &items, &count, sizeof(*item));

        r = parse_item(reader, what, kind, node->items[i], item, err);
    }
    if (r == 0) {
        *items_out = items;
        *count_out = count;
    }
    return r;
}

static int parse_list(const struct slot *slot, struct policy_value *out, struct err *err)
{
    return policy_list_parse(slot->reader, slot->name, slot->info->text, slot->node, &out->items,
                             &out->count, err);
}

static int parse_pair(const struct slot *slot, size_t at, struct policy_value *out, struct err *err)
{
    const struct yaml_node *key = slot->node->keys[at];
    const struct slot value = {slot->reader, slot->info, slot->name, slot->node->items[at]};
    struct policy_item *item;
    const char *fault = NULL;
    int r = value_check_text(slot->reader, slot->name, POLICY_TEXT_ENV_NAME, key, key->text, err);

    if (r == 0)
        r = need_scalar(&value, "a text (\"\" for an empty one)", err);
    if (r < 0)
        return r;
    fault = policy_text_fault(slot->info->text, value.node->text);
    if (fault)
        return err_at(err, slot->reader->name, value.node->line, value.node->col,
                      "%s: the value of '%s' %s", slot->name, key->text, fault);
    item = arena_push(slot->reader->arena, &out->items, &out->count, sizeof(*item));
    item->key = key->text;
    item->text = value.node->text;
    item->origin = policy_origin_of(slot->reader, key);
    return 0;
}

static int parse_map(const struct slot *slot, struct policy_value *out, struct err *err)
{
    int r = 0;

    if (slot->node->kind != YAML_MAP)
        return value_fail(slot, "a map is expected ({} for an empty one)", err);
    if (slot->node->count > POLICY_ITEMS_MAX)
        return value_fail(slot, "too many entries", err);
    for (size_t i = 0; r == 0 && i < slot->node->count; i++)
        r = parse_pair(slot, i, out, err);
    return r;
}

static int parse_mounts(const struct slot *slot, struct policy_value *out, struct err *err)
{
    int r = need_list(slot->reader, slot->name, slot->node, err);

    for (size_t i = 0; r == 0 && i < slot->node->count; i++) {
        struct policy_item *item =
            arena_push(slot->reader->arena, &out->items, &out->count, sizeof(*item));

        r = policy_mount_parse(slot->reader, slot->node->items[i], item, err);
    }
    return r;
}

static int value_check_enforced(const struct slot *slot, enum policy_field field,
                                const struct policy_value *value, struct err *err)
{
    const struct yaml_node *node = slot->node;
    const char *why = policy_unenforced(field, value);

    if (!why)
        return 0;
    return err_at(
        err, slot->reader->name, node->line, node->col, "%s%s%s%s: %s", slot->name,
        node->kind == YAML_SCALAR ? ": '" : "",
        node->kind == YAML_SCALAR ? policy_quote(slot->reader, node->text, POLICY_WORD_SHOWN) : "",
        node->kind == YAML_SCALAR ? "'" : "", why);
}

int policy_value_parse(const struct policy_reader *reader, enum policy_field field,
                       const struct yaml_node *node, struct policy_value *out, struct err *err)
{
    static int (*const parsers[])(const struct slot *slot, struct policy_value *out,
                                  struct err *err) = {
        [POLICY_TYPE_ENUM] = parse_enum,         [POLICY_TYPE_BOOL] = parse_bool,
        [POLICY_TYPE_INT] = parse_int,           [POLICY_TYPE_SIZE] = parse_size,
        [POLICY_TYPE_DURATION] = parse_duration, [POLICY_TYPE_STRING] = parse_string,
        [POLICY_TYPE_LIST] = parse_list,         [POLICY_TYPE_MAP] = parse_map,
        [POLICY_TYPE_MOUNTS] = parse_mounts,
    };
    static_assert(ARRAY_SIZE(parsers) == POLICY_TYPE__COUNT, "one parser per type");
    const struct policy_field_info *info = policy_field_info(field);
    char name[POLICY_FIELD_NAME_MAX];
    const struct slot slot = {reader, info, policy_field_name(field, name, sizeof(name)), node};
    struct policy_value value = {.set = true, .origin = policy_origin_of(reader, node)};
    int r = parsers[info->type](&slot, &value, err);

    if (r == 0)
        r = value_check_enforced(&slot, field, &value, err);
    if (r == 0)
        *out = value;
    return r;
}
