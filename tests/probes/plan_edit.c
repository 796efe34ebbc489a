/* Takes a control out of a compiled plan, so that the probes can show that they notice.
 *
 *   probe-plan-edit IN OUT EDIT=ARGUMENT...
 *   probe-plan-edit IN filter           the default variant's filter as hexadecimal digits
 *   probe-plan-edit IN print            every variant in words
 *
 * An edit applies to every variant of the plan; one that changes nothing is an error, for a
 * mutation without effect would prove nothing. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/num.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static const char *const kind_names[] = {
    [PLAN_DIR] = "dir",       [PLAN_FILE] = "file",     [PLAN_SYMLINK] = "symlink",
    [PLAN_BIND] = "bind",     [PLAN_TMPFS] = "tmpfs",   [PLAN_PROC] = "proc",
    [PLAN_DEVPTS] = "devpts", [PLAN_MQUEUE] = "mqueue", [PLAN_REMOUNT_RO] = "remount-ro",
    [PLAN_CHMOD] = "chmod",   [PLAN_MASK] = "mask",
};
_Static_assert(ARRAY_SIZE(kind_names) == PLAN_OP__COUNT, "one name per kind of operation");

/* Keeps the plan as it is: the control of all edits. */
static size_t keep(struct arena *arena, struct plan *plan, const char *argument)
{
    (void)arena;
    (void)plan;
    (void)argument;
    return 1;
}

static size_t drop_filter(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t had = plan->filter_count;

    (void)arena;
    (void)argument;
    plan->filter = NULL;
    plan->filter_count = 0;
    return had;
}

/* "mask:/proc/keys": the operations of that kind whose destination fits. */
static size_t drop_ops(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t len = strcspn(argument, ":");
    size_t kept = 0, dropped = 0;

    (void)arena;
    if (argument[len] != ':')
        return 0;
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        const char *kind = kind_names[op->kind];

        if (strlen(kind) == len && strncmp(kind, argument, len) == 0 &&
            str_glob(argument + len + 1, op->dest))
            dropped++;
        else
            plan->ops[kept++] = *op;
    }
    plan->op_count = kept;
    return dropped;
}

static size_t change_binds(struct plan *plan, const char *dest, uint32_t set, uint32_t clear)
{
    size_t changed = 0;

    for (size_t i = 0; i < plan->op_count; i++) {
        struct plan_op *op = &plan->ops[i];
        uint32_t flags = (op->flags & ~clear) | set;

        if (op->kind != PLAN_BIND || !str_glob(dest, op->dest) || flags == op->flags)
            continue;
        op->flags = flags;
        changed++;
    }
    return changed;
}

static size_t make_writable(struct arena *arena, struct plan *plan, const char *argument)
{
    (void)arena;
    return change_binds(plan, argument, PLAN_RW, 0);
}

static size_t allow_devices(struct arena *arena, struct plan *plan, const char *argument)
{
    (void)arena;
    return change_binds(plan, argument, PLAN_DEVICES, 0);
}

static size_t trust_source(struct arena *arena, struct plan *plan, const char *argument)
{
    (void)arena;
    return change_binds(plan, argument, 0, PLAN_HOSTILE | PLAN_IDENTITY);
}

static size_t forget_identity(struct arena *arena, struct plan *plan, const char *argument)
{
    (void)arena;
    return change_binds(plan, argument, 0, PLAN_IDENTITY);
}

/* A tree of the host that nobody asked for, after everything else. The mount point exists. */
static size_t show_tree(struct arena *arena, struct plan *plan, const char *argument)
{
    struct plan_op *ops = arena_alloc(arena, (plan->op_count + 1) * sizeof(*ops));

    memcpy(ops, plan->ops, plan->op_count * sizeof(*ops));
    ops[plan->op_count++] = (struct plan_op){
        .kind = PLAN_BIND, .src = argument, .dest = argument, .origin = "mutation"};
    plan->ops = ops;
    return 1;
}

/* The host's own directory in place of the private one that is shown there. */
static size_t show_real(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t changed = 0;

    (void)arena;
    for (size_t i = 0; i < plan->op_count; i++) {
        struct plan_op *op = &plan->ops[i];

        if (op->kind != PLAN_BIND || !str_eq(op->dest, argument) || str_eq(op->src, argument))
            continue;
        op->src = argument;
        op->flags &= ~(uint32_t)PLAN_OWN;
        changed++;
    }
    return changed;
}

/* Drops the nodes that are made below this directory of the host before the mounts. */
static size_t drop_nodes(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t kept = 0, dropped = 0;

    (void)arena;
    for (size_t i = 0; i < plan->node_count; i++) {
        if (str_eq(plan->nodes[i].base, argument))
            dropped++;
        else
            plan->nodes[kept++] = plan->nodes[i];
    }
    plan->node_count = kept;
    return dropped;
}

/* "DEST=SOURCE": another directory in place of the one that is shown there. */
static size_t take_source(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t len = strcspn(argument, "=");
    size_t changed = 0;

    (void)arena;
    if (argument[len] != '=')
        return 0;
    for (size_t i = 0; i < plan->op_count; i++) {
        struct plan_op *op = &plan->ops[i];

        if (op->kind != PLAN_BIND || strlen(op->dest) != len ||
            strncmp(op->dest, argument, len) != 0 || str_eq(op->src, argument + len + 1))
            continue;
        op->src = argument + len + 1;
        op->base = (uint32_t)strlen(op->src);
        changed++;
    }
    return changed;
}

/* Also starts that are given no .env have this one's values. */
static size_t give_dotenv(struct arena *arena, struct plan *plan, const char *argument)
{
    bool had = plan->dotenv && str_eq(plan->dotenv, argument);

    (void)arena;
    plan->dotenv = argument;
    return !had;
}

/* Rules whose pattern fits no longer decide; names that they kept out pass. */
static size_t open_rules(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t changed = 0;

    (void)arena;
    for (size_t i = 0; i < plan->env_rule_count; i++) {
        struct plan_env_rule *rule = &plan->env_rules[i];

        if (rule->action == PLAN_ENV_PASS || strcmp(rule->pattern, argument) != 0)
            continue;
        rule->action = PLAN_ENV_PASS;
        changed++;
    }
    return changed;
}

static size_t clear_flag(struct arena *arena, struct plan *plan, const char *argument)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } names[] = {
        {"own-net", PLAN_OWN_NET},
        {"project-arguments", PLAN_PROJECT_ARGUMENTS},
        {"landlock", PLAN_USE_LANDLOCK},
        {"new-session", PLAN_NEW_SESSION},
    };
    uint32_t before = plan->flags;

    (void)arena;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_eq(argument, names[i].name))
            plan->flags &= ~names[i].flag;
    }
    return before != plan->flags;
}

static size_t allow_nesting(struct arena *arena, struct plan *plan, const char *argument)
{
    (void)arena;
    (void)argument;
    plan->flags |= PLAN_USERNS_OK;
    return 1;
}

static size_t keep_caps(struct arena *arena, struct plan *plan, const char *argument)
{
    int64_t number = 0;

    (void)arena;
    if (num_parse_i64(argument, 0, 63, &number) < 0)
        return 0;
    plan->caps |= UINT64_C(1) << number;
    return 1;
}

static size_t drop_limit(struct arena *arena, struct plan *plan, const char *argument)
{
    int64_t resource = 0;
    size_t kept = 0, dropped = 0;

    (void)arena;
    if (num_parse_i64(argument, 0, 63, &resource) < 0)
        return 0;
    for (size_t i = 0; i < plan->limit_count; i++) {
        if (plan->limits[i].resource == resource)
            dropped++;
        else
            plan->limits[kept++] = plan->limits[i];
    }
    plan->limit_count = kept;
    return dropped;
}

/* Landlock's rule on the root then carries every right there is. */
static size_t landlock_write(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t changed = 0;

    (void)arena;
    for (size_t i = 0; i < plan->landlock_count; i++) {
        struct plan_landlock *rule = &plan->landlock[i];

        if (rule->write || !str_eq(rule->path, argument))
            continue;
        rule->write = true;
        changed++;
    }
    return changed;
}

/* Rights of younger kernels are no longer handled. */
static size_t landlock_abi_is(struct arena *arena, struct plan *plan, const char *argument)
{
    int64_t abi = 0;
    unsigned before = plan->landlock_abi;

    (void)arena;
    if (num_parse_i64(argument, 1, 64, &abi) < 0 || abi >= before)
        return 0;
    plan->landlock_abi = (unsigned)abi;
    return 1;
}

static size_t live_on(struct arena *arena, struct plan *plan, const char *argument)
{
    enum plan_lifetime before = plan->lifetime;

    (void)arena;
    (void)argument;
    plan->lifetime = PLAN_LIFETIME_TREE;
    return before != plan->lifetime;
}

/* Nothing is watched in the project. */
static size_t drop_guards(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t had = plan->obeyed_count;

    (void)arena;
    (void)argument;
    plan->obeyed_count = 0;
    return had;
}

/* argument: the end of a path that is taken away when it appears. */
static size_t drop_obeyed(struct arena *arena, struct plan *plan, const char *argument)
{
    size_t kept = 0;
    size_t had = plan->obeyed_count;

    (void)arena;
    for (size_t i = 0; i < had; i++) {
        if (!str_ends(plan->obeyed[i].pattern, argument))
            plan->obeyed[kept++] = plan->obeyed[i];
    }
    plan->obeyed_count = kept;
    return had - kept;
}

static const struct {
    const char *name;
    size_t (*apply)(struct arena *arena, struct plan *plan, const char *argument);
} edits[] = {
    {"keep", keep},
    {"drop-filter", drop_filter},
    {"drop-op", drop_ops},
    {"writable", make_writable},
    {"devices", allow_devices},
    {"trust", trust_source},
    {"forget-identity", forget_identity},
    {"show", show_tree},
    {"real", show_real},
    {"source", take_source},
    {"drop-nodes", drop_nodes},
    {"dotenv", give_dotenv},
    {"env-pass", open_rules},
    {"clear-flag", clear_flag},
    {"allow-userns", allow_nesting},
    {"keep-cap", keep_caps},
    {"drop-limit", drop_limit},
    {"landlock-write", landlock_write},
    {"landlock-abi", landlock_abi_is},
    {"lifetime-tree", live_on},
    {"unguard", drop_guards},
    {"drop-obeyed", drop_obeyed},
};

static size_t apply(struct plan_file *file, const char *edit)
{
    size_t len = strcspn(edit, "=");
    const char *argument = edit[len] ? edit + len + 1 : "";
    size_t changed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
        if (strlen(edits[i].name) != len || strncmp(edits[i].name, edit, len) != 0)
            continue;
        for (size_t v = 0; v < file->variant_count; v++)
            changed += edits[i].apply(&file->arena, &file->variants[v].plan, argument);
    }
    return changed;
}

static int print_filter(const struct plan_file *file)
{
    const struct plan *plan = &file->variants[file->variant_count - 1].plan;
    const unsigned char *code = plan->filter;

    for (size_t i = 0; i < plan->filter_count * sizeof(struct sock_filter); i++)
        printf("%02x", code[i]);
    printf("\n");
    return 0;
}

static int print_all(const struct plan_file *file)
{
    auto_buf struct buf text = {0};

    for (size_t i = 0; i < file->variant_count; i++)
        plan_print(&file->variants[i].plan, &text);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

static int edit_all(struct plan_file *file, const char *out, int count, char **words)
{
    auto_buf struct buf bytes = {0};
    auto_fd int fd = -1;

    for (int i = 0; i < count; i++) {
        if (apply(file, words[i]) == 0)
            return fail(words[i], "changes nothing in this plan");
    }
    plan_encode(file, &bytes);
    fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, bytes.data, bytes.len) < 0)
        return fail(out, strerror(errno));
    return 0;
}

int main(int argc, char **argv)
{
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};
    struct err err = {0};

    plan_file_init(&file);
    if (argc < 3)
        return fail("usage", "probe-plan-edit IN filter|print | probe-plan-edit IN OUT EDIT...");
    if (file_read(AT_FDCWD, argv[1], PLAN_BYTES_MAX, &bytes, &err) < 0 ||
        plan_decode(&file, bytes.data, bytes.len, &err) < 0)
        return fail(argv[1], err.msg);
    if (argc == 3 && str_eq(argv[2], "filter"))
        return print_filter(&file);
    if (argc == 3 && str_eq(argv[2], "print"))
        return print_all(&file);
    return edit_all(&file, argv[2], argc - 3, argv + 3);
}
