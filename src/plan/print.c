/* A plan as text. */
#include <string.h>
#include <sys/resource.h>

#include "svenv/base/redact.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#define ORIGIN_COLUMN 64

struct flag_name {
    uint32_t flag;
    const char *name;
};

static const char *const op_names[] = {
    [PLAN_DIR] = "dir",       [PLAN_FILE] = "file",     [PLAN_SYMLINK] = "symlink",
    [PLAN_BIND] = "bind",     [PLAN_TMPFS] = "tmpfs",   [PLAN_PROC] = "proc",
    [PLAN_DEVPTS] = "devpts", [PLAN_MQUEUE] = "mqueue", [PLAN_REMOUNT_RO] = "remount",
    [PLAN_CHMOD] = "chmod",   [PLAN_MASK] = "mask",
};
_Static_assert(ARRAY_SIZE(op_names) == PLAN_OP__COUNT, "one name per kind of operation");

static const struct flag_name op_flags[] = {
    {PLAN_DEVICES, "devices"},   {PLAN_TRY, "try"},         {PLAN_HOSTILE, "hostile"},
    {PLAN_IDENTITY, "identity"}, {PLAN_PROJECT, "project"},
};

static const struct flag_name plan_flags[] = {
    {PLAN_OWN_NET, "own-net"},
    {PLAN_NEW_SESSION, "new-session"},
    {PLAN_USERNS_OK, "user-namespaces"},
    {PLAN_INSTALLER, "installer"},
    {PLAN_CWD_RO, "cwd-ro"},
    {PLAN_CWD_RW, "cwd-rw"},
    {PLAN_ENV_CLEAR, "clear-environment"},
    {PLAN_USE_LANDLOCK, "landlock"},
    {PLAN_PROJECT_ARGUMENTS, "project-arguments"},
    {PLAN_FILTER_OFF, "filter-off"},
};

static const char *const node_names[] = {
    [PLAN_NODE_DIR] = "dir", [PLAN_NODE_FILE] = "file", [PLAN_NODE_SYMLINK] = "symlink"};
_Static_assert(ARRAY_SIZE(node_names) == PLAN_NODE__COUNT, "one name per kind of node");

static const char *const env_names[] = {
    [PLAN_ENV_PASS] = "pass", [PLAN_ENV_DROP] = "drop", [PLAN_ENV_COMMAND] = "command"};
_Static_assert(ARRAY_SIZE(env_names) == PLAN_ENV_ACTION__COUNT, "one name per action");

static const struct {
    int resource;
    const char *name;
} limit_names[] = {
    {RLIMIT_AS, "memory"},         {RLIMIT_NPROC, "processes"}, {RLIMIT_NOFILE, "open-files"},
    {RLIMIT_CPU, "cpu-time"},      {RLIMIT_FSIZE, "file-size"}, {RLIMIT_CORE, "core"},
    {RLIMIT_DATA, "data"},         {RLIMIT_STACK, "stack"},     {RLIMIT_RSS, "rss"},
    {RLIMIT_MEMLOCK, "memlock"},   {RLIMIT_LOCKS, "locks"},     {RLIMIT_SIGPENDING, "sigpending"},
    {RLIMIT_MSGQUEUE, "msgqueue"}, {RLIMIT_NICE, "nice"},       {RLIMIT_RTPRIO, "rtprio"},
    {RLIMIT_RTTIME, "rttime"},
};

/* Ends the line that begins at `start` with its origin, in a column of its own. */
static void plan_end_line(struct buf *out, size_t start, const char *origin)
{
    if (origin != NULL && *origin != '\0') {
        do
            buf_add_char(out, ' ');
        while (out->len - start < ORIGIN_COLUMN);
        buf_add_str(out, "# ");
        buf_add_escaped(out, origin);
    }
    buf_add_char(out, '\n');
}

static void print_text(struct buf *out, const char *key, const char *text)
{
    if (text == NULL)
        return;
    buf_printf(out, "%-9s", key);
    buf_add_escaped(out, text);
    buf_add_char(out, '\n');
}

static void print_flags(struct buf *out, uint32_t flags)
{
    const char *separator = "flags    ";

    for (size_t i = 0; i < ARRAY_SIZE(plan_flags); i++) {
        if ((flags & plan_flags[i].flag) == 0)
            continue;
        buf_printf(out, "%s%s", separator, plan_flags[i].name);
        separator = ", ";
    }
    if (*separator == ',')
        buf_add_char(out, '\n');
}

static void plan_print_head(const struct plan *plan, struct buf *out)
{
    print_text(out, "variant", plan->variant);
    print_flags(out, plan->flags);
    buf_printf(out, "user     %u:%u\n", plan->uid, plan->gid);
    print_text(out, "hostname", plan->hostname);
    if (plan->caps != 0)
        buf_printf(out, "caps     %#llx\n", (unsigned long long)plan->caps);
    buf_printf(out, "lifetime %s\n", plan->lifetime == PLAN_LIFETIME_PROGRAM ? "program" : "tree");
    if (plan->wall_time != 0)
        buf_printf(out, "limit    wall-time %llu\n", (unsigned long long)plan->wall_time);
    print_text(out, "chdir", plan->chdir);
    print_text(out, "dotenv", plan->dotenv);
    if (plan->audit != PLAN_AUDIT_OFF) {
        buf_printf(out, "audit    %s to ", plan->audit == PLAN_AUDIT_ALL ? "all" : "denied");
        buf_add_escaped(out, plan->audit_log);
        buf_add_char(out, '\n');
    }
}

static const char *access_name(const struct plan_op *op)
{
    if (op->kind != PLAN_BIND)
        return "";
    return (op->flags & PLAN_RW) != 0 ? "rw" : "ro";
}

static void print_op_details(const struct plan_op *op, struct buf *out)
{
    const char *separator = " (";

    if (op->kind == PLAN_CHMOD || (op->kind == PLAN_TMPFS && op->mode != 0))
        buf_printf(out, " mode=%04o", op->mode);
    if (op->size != 0)
        buf_printf(out, " size=%llu", (unsigned long long)op->size);
    for (size_t i = 0; i < ARRAY_SIZE(op_flags); i++) {
        if ((op->flags & op_flags[i].flag) == 0)
            continue;
        buf_printf(out, "%s%s", separator, op_flags[i].name);
        separator = ", ";
    }
    if (*separator == ',')
        buf_add_char(out, ')');
}

static void print_op(const struct plan_op *op, struct buf *out)
{
    size_t start = out->len;

    buf_printf(out, "%-9s%-5s", op_names[op->kind], access_name(op));
    if (op->kind == PLAN_BIND) {
        buf_add_escaped(out, op->src);
        buf_add_str(out, " -> ");
    }
    buf_add_escaped(out, op->dest);
    if (op->kind == PLAN_SYMLINK) {
        buf_add_str(out, " -> ");
        buf_add_escaped(out, op->src);
    }
    if (op->kind == PLAN_FILE && op->src != NULL)
        buf_printf(out, " (%zu bytes)", strlen(op->src));
    print_op_details(op, out);
    plan_end_line(out, start, op->origin);
}

static void print_node(const struct plan_node *node, struct buf *out)
{
    buf_printf(out, "host     %-8s ", node_names[node->kind]);
    buf_add_escaped(out, node->base);
    buf_add_str(out, " : ");
    buf_add_escaped(out, node->rel);
    if (node->kind == PLAN_NODE_SYMLINK) {
        buf_add_str(out, " -> ");
        buf_add_escaped(out, node->target);
    }
    buf_add_char(out, '\n');
}

/* A plan is printed to terminals and logs. */
static void plan_print_variable(const struct plan_env_set *set, struct buf *out)
{
    auto_buf struct buf value = {0};
    size_t start = out->len;

    buf_printf(out, "env      %-8s ", set->value != NULL ? "set" : "unset");
    buf_add_escaped(out, set->name);
    if (set->value != NULL) {
        redact_value(set->name, set->value, &value);
        buf_add_char(out, '=');
        buf_add_escaped(out, value.data);
    }
    plan_end_line(out, start, set->origin);
}

static void print_environment(const struct plan *plan, struct buf *out)
{
    for (size_t i = 0; i < plan->env_rule_count; i++) {
        size_t start = out->len;

        buf_printf(out, "env      %-8s ", env_names[plan->env_rules[i].action]);
        buf_add_escaped(out, plan->env_rules[i].pattern);
        buf_add_str(out, plan->env_rules[i].any_case ? " (any case)" : "");
        plan_end_line(out, start, plan->env_rules[i].origin);
    }
    for (size_t i = 0; i < plan->env_set_count; i++)
        plan_print_variable(&plan->env_set[i], out);
}

static void print_limit(const struct plan_limit *limit, struct buf *out)
{
    size_t start = out->len;
    const char *name = "other";

    for (size_t i = 0; i < ARRAY_SIZE(limit_names); i++) {
        if (limit_names[i].resource == limit->resource)
            name = limit_names[i].name;
    }
    buf_printf(out, "limit    %s %llu", name, (unsigned long long)limit->value);
    plan_end_line(out, start, limit->origin);
}

static void print_group(const struct plan *plan, struct buf *out)
{
    if (plan_group_needed(plan) == PLAN_GROUP__COUNT)
        return;
    for (size_t i = 0; i < PLAN_GROUP__COUNT; i++) {
        const struct plan_group_limit *limit = &plan->group[i];
        size_t start = out->len;

        if (limit->value == 0)
            continue;
        buf_printf(out, "group    %s %llu", plan_group_key((enum plan_group)i) + strlen("limits."),
                   (unsigned long long)limit->value);
        plan_end_line(out, start, limit->origin);
    }
}

static void print_landlock(const struct plan *plan, struct buf *out)
{
    if ((plan->flags & PLAN_USE_LANDLOCK) == 0)
        return;
    buf_printf(out, "landlock abi %u\n", plan->landlock_abi);
    for (size_t i = 0; i < plan->landlock_count; i++) {
        const struct plan_landlock *rule = &plan->landlock[i];

        buf_printf(out, "landlock %-8s ", rule->write ? "write" : "read");
        buf_add_escaped(out, rule->path);
        buf_add_str(out, rule->connect ? " (and sockets)\n" : "\n");
    }
}

static void print_obeyed(const struct plan *plan, struct buf *out)
{
    static const char *const actions[] = {[PLAN_OBEYED_TAKE] = "protect",
                                          [PLAN_OBEYED_HIDE] = "hide",
                                          [PLAN_OBEYED_BYTECODE] = "clean"};
    size_t counts[PLAN_OBEYED__COUNT] = {0};

    _Static_assert(ARRAY_SIZE(actions) == PLAN_OBEYED__COUNT, "one word per action");
    for (size_t i = 0; i < plan->obeyed_count; i++)
        counts[plan->obeyed[i].action]++;
    for (size_t i = 0; i < PLAN_OBEYED__COUNT; i++) {
        if (counts[i] > 0)
            buf_printf(out, "watch    %-8s %zu name%s in the project\n", actions[i], counts[i],
                       counts[i] == 1 ? "" : "s");
    }
}

static void print_filter(const struct plan *plan, struct buf *out)
{
    if (plan->filter_count == 0) {
        buf_add_str(out, "seccomp  off\n");
        return;
    }
    buf_printf(out, "seccomp  %zu instructions", plan->filter_count);
    if (plan->filter_note != NULL) {
        buf_add_str(out, ", ");
        buf_add_escaped(out, plan->filter_note);
    }
    buf_add_char(out, '\n');
}

void plan_print(const struct plan *plan, struct buf *out)
{
    plan_print_head(plan, out);
    for (size_t i = 0; i < plan->node_count; i++)
        print_node(&plan->nodes[i], out);
    for (size_t i = 0; i < plan->op_count; i++)
        print_op(&plan->ops[i], out);
    print_environment(plan, out);
    for (size_t i = 0; i < plan->limit_count; i++)
        print_limit(&plan->limits[i], out);
    print_group(plan, out);
    print_landlock(plan, out);
    print_obeyed(plan, out);
    print_filter(plan, out);
}
