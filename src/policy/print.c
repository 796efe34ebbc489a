/* A policy as YAML. */
#include "svenv/policy/policy.h"

#include <assert.h>
#include <string.h>

#include "policy-internal.h"
#include "svenv/base/redact.h"
#include "svenv/base/secret.h"
#include "svenv/base/str.h"

static void indent(const struct policy_printer *p, unsigned more)
{
    for (unsigned i = 0; i < p->depth + more; i++)
        buf_add_str(p->out, "  ");
}

static void yaml_end_line(const struct policy_printer *p, const char *origin)
{
    if (p->origins && origin) {
        buf_add_str(p->out, "  # from ");
        buf_add_escaped(p->out, origin);
    }
    buf_add_char(p->out, '\n');
}

/* --- values ----------------------------------------------------------------------------------- */

static void print_scalar_line(const struct policy_printer *p, const char *text, const char *origin)
{
    buf_add_char(p->out, ' ');
    buf_add_str(p->out, text);
    yaml_end_line(p, origin);
}

static void print_enum(const struct policy_printer *p, const struct policy_field_info *info,
                       const struct policy_value *value)
{
    print_scalar_line(p, info->names[value->number], value->origin);
}

static void print_bool(const struct policy_printer *p, const struct policy_field_info *info,
                       const struct policy_value *value)
{
    (void)info;
    print_scalar_line(p, value->number ? "true" : "false", value->origin);
}

static void print_int(const struct policy_printer *p, const struct policy_field_info *info,
                      const struct policy_value *value)
{
    (void)info;
    buf_printf(p->out, " %lld", (long long)value->number);
    yaml_end_line(p, value->origin);
}

static void print_size(const struct policy_printer *p, const struct policy_field_info *info,
                       const struct policy_value *value)
{
    static const char units[] = "KMGT";
    long long number = value->number;
    size_t unit = 0;

    (void)info;
    while (number != 0 && number % 1024 == 0 && unit < sizeof(units) - 1) {
        number /= 1024;
        unit++;
    }
    buf_printf(p->out, " %lld", number);
    if (unit > 0)
        buf_add_char(p->out, units[unit - 1]);
    yaml_end_line(p, value->origin);
}

static void print_string(const struct policy_printer *p, const struct policy_field_info *info,
                         const struct policy_value *value)
{
    (void)info;
    buf_add_char(p->out, ' ');
    policy_print_scalar(value->text, p->out);
    yaml_end_line(p, value->origin);
}

static void print_list(const struct policy_printer *p, const struct policy_field_info *info,
                       const struct policy_value *value)
{
    (void)info;
    if (value->count == 0) {
        print_scalar_line(p, "[]", value->origin);
        return;
    }
    buf_add_char(p->out, '\n');
    for (size_t i = 0; i < value->count; i++) {
        indent(p, 1);
        buf_add_str(p->out, "- ");
        policy_print_scalar(value->items[i].text, p->out);
        yaml_end_line(p, value->items[i].origin);
    }
}

static void yaml_print_variable(const struct policy_printer *p, const struct policy_item *item)
{
    bool is_hidden = p->show == POLICY_SHOW_NAMES || secret_is_name(item->key, strlen(item->key));
    auto_buf struct buf value = {0};

    policy_print_scalar(item->key, p->out);
    buf_add_str(p->out, ": ");
    if (p->show == POLICY_SHOW_ALL) {
        policy_print_scalar(item->text, p->out);
    } else if (is_hidden) {
        buf_add_str(p->out, REDACT_HIDDEN);
    } else {
        redact_value(item->key, item->text, &value);
        policy_print_scalar(value.data, p->out);
    }
}

/* environment.set is the one map that there is. */
static void print_map(const struct policy_printer *p, const struct policy_field_info *info,
                      const struct policy_value *value)
{
    (void)info;
    if (value->count == 0) {
        print_scalar_line(p, "{}", value->origin);
        return;
    }
    buf_add_char(p->out, '\n');
    for (size_t i = 0; i < value->count; i++) {
        indent(p, 1);
        yaml_print_variable(p, &value->items[i]);
        yaml_end_line(p, value->items[i].origin);
    }
}

static void print_mounts(const struct policy_printer *p, const struct policy_field_info *info,
                         const struct policy_value *value)
{
    (void)info;
    if (value->count == 0) {
        print_scalar_line(p, "[]", value->origin);
        return;
    }
    buf_add_char(p->out, '\n');
    for (size_t i = 0; i < value->count; i++) {
        indent(p, 1);
        buf_add_str(p->out, "- ");
        policy_mount_print(&value->items[i], p->out);
        yaml_end_line(p, value->items[i].origin);
    }
}

static void print_value(struct policy_printer *p, enum policy_field field,
                        const struct policy_value *value)
{
    static void (*const printers[])(const struct policy_printer *p,
                                    const struct policy_field_info *info,
                                    const struct policy_value *value) = {
        [POLICY_TYPE_ENUM] = print_enum,     [POLICY_TYPE_BOOL] = print_bool,
        [POLICY_TYPE_INT] = print_int,       [POLICY_TYPE_SIZE] = print_size,
        [POLICY_TYPE_DURATION] = print_int,  [POLICY_TYPE_STRING] = print_string,
        [POLICY_TYPE_LIST] = print_list,     [POLICY_TYPE_MAP] = print_map,
        [POLICY_TYPE_MOUNTS] = print_mounts,
    };
    static_assert(ARRAY_SIZE(printers) == POLICY_TYPE__COUNT, "one printer per type");
    const struct policy_field_info *info = policy_field_info(field);
    bool nested = info->section[0] != '\0';

    if (nested && !str_eq(p->section, info->section)) {
        indent(p, 0);
        buf_printf(p->out, "%s:\n", info->section);
    }
    p->section = info->section;
    p->depth += nested;
    indent(p, 0);
    buf_printf(p->out, "%s:", info->key);
    printers[info->type](p, info, value);
    p->depth -= nested;
}

void policy_print_values(struct policy_printer *p, const struct policy_values *values)
{
    p->section = "";
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        if (values->v[i].set)
            print_value(p, (enum policy_field)i, &values->v[i]);
    }
}

/* --- commands --------------------------------------------------------------------------------- */

void policy_print_command(struct policy_printer *p, const struct policy_command *command)
{
    const struct policy_value match = {
        .set = true, .items = command->match, .count = command->match_count};
    bool is_named = policy_is_name(command->name);

    buf_add_str(p->out, "  -");
    if (is_named) {
        buf_printf(p->out, " name: %s", command->name);
        yaml_end_line(p, command->origin);
    }
    p->depth = 2;
    if (is_named)
        indent(p, 0);
    buf_add_str(p->out, is_named ? "match:" : " match:");
    print_list(p, NULL, &match);
    policy_print_values(p, &command->refine);
    p->depth = 0;
}

static void yaml_print_head(const struct policy *policy, struct buf *out)
{
    buf_add_str(out, "version: 1\n");
    if (policy->profile)
        buf_printf(out, "profile: %s\n", policy->profile);
}

void policy_print(const struct policy *policy, enum policy_show show, bool with_origins,
                  struct buf *out)
{
    struct policy_printer p = {.out = out, .show = show, .origins = with_origins};

    yaml_print_head(policy, out);
    policy_print_values(&p, &policy->base);
    if (policy->command_count > 0)
        buf_add_str(out, "commands:\n");
    for (size_t i = 0; i < policy->command_count; i++)
        policy_print_command(&p, &policy->commands[i]);
}
