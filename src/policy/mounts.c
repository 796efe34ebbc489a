/* Parses and prints the entries of filesystem.mounts. */
#include "policy-internal.h"

#include <assert.h>
#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/num.h"
#include "svenv/base/str.h"
#include "svenv/formats/yaml.h"

enum {
    MODE_MAX = 01777
}; /* no set-user-id, no set-group-id: they would mean nothing inside */

enum operand {
    OPERAND_SRC,
    OPERAND_TARGET,
    OPERAND_DEST,
    OPERAND_SIZE,
    OPERAND_MODE,
    OPERAND_NONE
};
enum {
    OPERANDS_MAX = 3
};

/* One row per kind: its operands in the order of the file. */
static const struct {
    const char *name;
    unsigned required;
    enum operand operands[OPERANDS_MAX];
    const char *usage;
} kinds[] = {
#define SRC_DEST 2, {OPERAND_SRC, OPERAND_DEST, OPERAND_NONE}, "[SRC, DEST]"
#define DEST_ONLY 1, {OPERAND_DEST, OPERAND_NONE, OPERAND_NONE}, "[DEST]"
    [MOUNT_BIND] = {"bind", SRC_DEST},
    [MOUNT_BIND_TRY] = {"bind-try", SRC_DEST},
    [MOUNT_DEV_BIND] = {"dev-bind", SRC_DEST},
    [MOUNT_DEV_BIND_TRY] = {"dev-bind-try", SRC_DEST},
    [MOUNT_RO_BIND] = {"ro-bind", SRC_DEST},
    [MOUNT_RO_BIND_TRY] = {"ro-bind-try", SRC_DEST},
    [MOUNT_REMOUNT_RO] = {"remount-ro", DEST_ONLY},
    [MOUNT_PROC] = {"proc", DEST_ONLY},
    [MOUNT_DEV] = {"dev", DEST_ONLY},
    [MOUNT_TMPFS] = {"tmpfs",
                     1,
                     {OPERAND_DEST, OPERAND_SIZE, OPERAND_MODE},
                     "[DEST], [DEST, SIZE] or [DEST, SIZE, MODE]"},
    [MOUNT_MQUEUE] = {"mqueue", DEST_ONLY},
    [MOUNT_DIR] = {"dir", 1, {OPERAND_DEST, OPERAND_MODE, OPERAND_NONE}, "[DEST] or [DEST, MODE]"},
    [MOUNT_SYMLINK] = {"symlink",
                       2,
                       {OPERAND_TARGET, OPERAND_DEST, OPERAND_NONE},
                       "[TARGET, DEST]"},
    [MOUNT_CHMOD] = {"chmod", 2, {OPERAND_DEST, OPERAND_MODE, OPERAND_NONE}, "[DEST, MODE]"},
#undef SRC_DEST
#undef DEST_ONLY
};
static_assert(ARRAY_SIZE(kinds) == MOUNT__COUNT, "one row per kind");

#define WHAT "filesystem.mounts"

static int mounts_fail(const struct policy_reader *reader, const struct yaml_node *node,
                       const char *what, const char *problem, struct err *err)
{
    return err_at(err, reader->name, node->line, node->col, WHAT ": '%s' %s",
                  policy_quote(reader, what, POLICY_TEXT_SHOWN), problem);
}

static enum policy_mount_kind find_kind(const char *name)
{
    size_t i = 0;

    while (i < MOUNT__COUNT && !str_eq(kinds[i].name, name))
        i++;
    return (enum policy_mount_kind)i;
}

static const char *take_dest(const char *text, struct policy_item *out)
{
    out->key = text;
    return text[0] == '/' ? policy_text_fault(POLICY_TEXT_PATH, text)
                          : "is not absolute, and paths inside are";
}

static const char *mounts_take_text(enum operand operand, const char *text, struct policy_item *out)
{
    switch (operand) {
    case OPERAND_SRC:
        out->text = text;
        return policy_text_fault(POLICY_TEXT_PATH, text);
    case OPERAND_TARGET:
        out->text = text;
        return policy_text_fault(POLICY_TEXT_ANY, text);
    case OPERAND_DEST:
        return take_dest(text, out);
    case OPERAND_SIZE:
        return num_parse_size(text, &out->size) < 0 ? "is no size (bytes, or with K, M, G, T)"
                                                    : NULL;
    case OPERAND_MODE:
        return num_parse_octal(text, MODE_MAX, &out->mode) < 0
                   ? "is no octal mode of at most \"1777\""
                   : NULL;
    case OPERAND_NONE:
        break;
    }
    return "is one operand too many";
}

static int take_operands(const struct policy_reader *reader, const struct yaml_node *value,
                         struct policy_item *out, struct err *err)
{
    const struct yaml_node *const *nodes = &value;
    size_t count = 1;

    if (value->kind == YAML_LIST) {
        nodes = (const struct yaml_node *const *)value->items;
        count = value->count;
    }
    if (count < kinds[out->mount].required || count > OPERANDS_MAX)
        return err_at(err, reader->name, value->line, value->col, WHAT ": %s takes %s",
                      kinds[out->mount].name, kinds[out->mount].usage);
    for (size_t i = 0; i < count; i++) {
        const char *fault =
            nodes[i]->kind != YAML_SCALAR
                ? "stands where a text is expected"
                : mounts_take_text(kinds[out->mount].operands[i], nodes[i]->text, out);

        if (fault)
            return mounts_fail(reader, nodes[i],
                               nodes[i]->kind == YAML_SCALAR ? nodes[i]->text : "...", fault, err);
    }
    return 0;
}

/* "!/dest" takes the mounts of the layers below at that place away. */
static int parse_removal(const struct policy_reader *reader, const struct yaml_node *node,
                         struct policy_item *out, struct err *err)
{
    const char *fault = NULL;

    if (node->text[0] != '!' || node->text[1] != '/')
        return mounts_fail(
            reader, node, node->text,
            "is no mount: write `- ro-bind: [SRC, DEST]`, or \"!DEST\" to take one away", err);
    out->mount = MOUNT__COUNT;
    out->key = node->text + 1;
    fault = policy_text_fault(POLICY_TEXT_PATH, out->key);
    return fault ? mounts_fail(reader, node, out->key, fault, err) : 0;
}

int policy_mount_parse(const struct policy_reader *reader, const struct yaml_node *node,
                       struct policy_item *out, struct err *err)
{
    struct policy_item item = {.mode = UINT32_MAX, .origin = policy_origin_of(reader, node)};
    int r;

    if (node->kind == YAML_SCALAR) {
        r = parse_removal(reader, node, &item, err);
    } else if (node->kind != YAML_MAP || node->count != 1) {
        r = err_at(err, reader->name, node->line, node->col,
                   WHAT ": each item is a map of one entry, like `- ro-bind: [SRC, DEST]`");
    } else {
        item.mount = find_kind(node->keys[0]->text);
        r = item.mount == MOUNT__COUNT
                ? mounts_fail(
                      reader, node->keys[0], node->keys[0]->text,
                      "is no kind of mount; known: bind, dev-bind, ro-bind (each also with -try), "
                      "remount-ro, proc, dev, tmpfs, mqueue, dir, symlink, chmod",
                      err)
                : take_operands(reader, node->items[0], &item, err);
    }
    if (r == 0)
        *out = item;
    return r;
}

static void print_operand(enum operand operand, const struct policy_item *item, struct buf *out)
{
    switch (operand) {
    case OPERAND_SRC:
    case OPERAND_TARGET:
        policy_print_scalar(item->text, out);
        break;
    case OPERAND_DEST:
        policy_print_scalar(item->key, out);
        break;
    case OPERAND_SIZE:
        buf_printf(out, "%llu", (unsigned long long)item->size);
        break;
    case OPERAND_MODE:
        buf_printf(out, "\"%04o\"", (unsigned)item->mode);
        break;
    case OPERAND_NONE:
        break;
    }
}

/* A mode stands behind the size, so a size that was not given is written when there is a mode. */
static bool is_given(enum operand operand, const struct policy_item *item)
{
    if (operand == OPERAND_MODE)
        return item->mode != UINT32_MAX;
    if (operand == OPERAND_SIZE)
        return item->size != 0 || item->mode != UINT32_MAX;
    return operand != OPERAND_NONE;
}

void policy_mount_print(const struct policy_item *item, struct buf *out)
{
    if (item->mount == MOUNT__COUNT) {
        auto_free char *removal = xasprintf("!%s", item->key);

        policy_print_scalar(removal, out);
        return;
    }
    buf_printf(out, "%s: [", kinds[item->mount].name);
    for (size_t i = 0; i < OPERANDS_MAX && is_given(kinds[item->mount].operands[i], item); i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        print_operand(kinds[item->mount].operands[i], item, out);
    }
    buf_add_str(out, "]");
}
