/* Everything of a plan that is not a mount and not the environment. */
#include <errno.h>
#include <linux/capability.h>
#include <strings.h>
#include <sys/resource.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

static const char *const cap_names[] = {
    [CAP_CHOWN] = "CHOWN",
    [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
    [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
    [CAP_FOWNER] = "FOWNER",
    [CAP_FSETID] = "FSETID",
    [CAP_KILL] = "KILL",
    [CAP_SETGID] = "SETGID",
    [CAP_SETUID] = "SETUID",
    [CAP_SETPCAP] = "SETPCAP",
    [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
    [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
    [CAP_NET_BROADCAST] = "NET_BROADCAST",
    [CAP_NET_ADMIN] = "NET_ADMIN",
    [CAP_NET_RAW] = "NET_RAW",
    [CAP_IPC_LOCK] = "IPC_LOCK",
    [CAP_IPC_OWNER] = "IPC_OWNER",
    [CAP_SYS_MODULE] = "SYS_MODULE",
    [CAP_SYS_RAWIO] = "SYS_RAWIO",
    [CAP_SYS_CHROOT] = "SYS_CHROOT",
    [CAP_SYS_PTRACE] = "SYS_PTRACE",
    [CAP_SYS_PACCT] = "SYS_PACCT",
    [CAP_SYS_ADMIN] = "SYS_ADMIN",
    [CAP_SYS_BOOT] = "SYS_BOOT",
    [CAP_SYS_NICE] = "SYS_NICE",
    [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
    [CAP_SYS_TIME] = "SYS_TIME",
    [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
    [CAP_MKNOD] = "MKNOD",
    [CAP_LEASE] = "LEASE",
    [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
    [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
    [CAP_SETFCAP] = "SETFCAP",
    [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
    [CAP_MAC_ADMIN] = "MAC_ADMIN",
    [CAP_SYSLOG] = "SYSLOG",
    [CAP_WAKE_ALARM] = "WAKE_ALARM",
    [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
    [CAP_AUDIT_READ] = "AUDIT_READ",
    [38] = "PERFMON", /* Linux 5.8 */
    [39] = "BPF",
    [40] = "CHECKPOINT_RESTORE", /* 5.9 */
};

int compute_caps(struct compute *c, struct err *err)
{
    const struct policy_value *value = &c->values->v[POLICY_CAPABILITIES];

    for (size_t i = 0; i < value->count; i++) {
        const struct policy_item *item = &value->items[i];
        const char *name = item->text + (strncasecmp(item->text, "CAP_", 4) == 0 ? 4 : 0);
        size_t number = 0;

        while (number < ARRAY_SIZE(cap_names) && strcasecmp(name, cap_names[number]) != 0)
            number++;
        if (number == ARRAY_SIZE(cap_names))
            return err_plain(err, EINVAL, "%s: there is no capability '%s'",
                             compute_origin(item->origin), item->text);
        c->plan->caps |= UINT64_C(1) << number;
    }
    return 0;
}

static const struct {
    enum policy_field field;
    int resource;
} limits[] = {
    {POLICY_LIMIT_PROCESSES, RLIMIT_NPROC},
    {POLICY_LIMIT_OPEN_FILES, RLIMIT_NOFILE},
    {POLICY_LIMIT_CPU_TIME, RLIMIT_CPU},
    {POLICY_LIMIT_FILE_SIZE, RLIMIT_FSIZE},
};

/* The limit of processes alone needs no group: it is a limit of the process, too. */
static void compute_group(struct compute *c)
{
    static const enum policy_field fields[] = {[PLAN_GROUP_MEMORY] = POLICY_LIMIT_MEMORY,
                                               [PLAN_GROUP_CPUS] = POLICY_LIMIT_CPUS,
                                               [PLAN_GROUP_PROCESSES] = POLICY_LIMIT_PROCESSES};
    struct plan *plan = c->plan;

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct policy_value *value = &c->values->v[fields[i]];

        if (value->number > 0)
            plan->group[i] = (struct plan_group_limit){.value = (uint64_t)value->number,
                                                       .origin = compute_origin(value->origin)};
    }
    if (plan_group_needed(plan) == PLAN_GROUP__COUNT)
        plan->group[PLAN_GROUP_PROCESSES] = (struct plan_group_limit){.value = 0};
}

void compute_limits(struct compute *c)
{
    struct plan *plan = c->plan;

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const struct policy_value *value = &c->values->v[limits[i].field];

        if (value->number <= 0)
            continue;
        struct plan_limit *limit =
            arena_push(c->arena, &plan->limits, &plan->limit_count, sizeof(*limit));
        *limit = (struct plan_limit){.resource = limits[i].resource,
                                     .value = (uint64_t)value->number,
                                     .origin = compute_origin(value->origin)};
    }
    plan->wall_time = (uint64_t)c->values->v[POLICY_LIMIT_WALL_TIME].number;
    compute_group(c);
}

/* A rule also counts for mounts below its path. Where both code in the sandbox and programs of the
 * host make files, the program has no business with the host's sockets. */
static bool may_connect(const struct compute *c, const char *path)
{
    const char *shared[] = {c->venv->project, c->venv->path};

    if (c->facts->landlock_abi < PLAN_ABI_WITH_SOCKETS)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
        if (shared[i] && (path_is_beneath(path, shared[i]) || path_is_beneath(shared[i], path)))
            return false;
    }
    return true;
}

static void allow(struct compute *c, const char *path, bool write)
{
    struct plan *plan = c->plan;

    for (size_t i = 0; i < plan->landlock_count; i++) {
        if (str_eq(plan->landlock[i].path, path)) {
            plan->landlock[i].write = plan->landlock[i].write || write;
            return;
        }
    }
    struct plan_landlock *rule =
        arena_push(c->arena, &plan->landlock, &plan->landlock_count, sizeof(*rule));
    *rule = (struct plan_landlock){.path = path, .write = write, .connect = may_connect(c, path)};
}

/* Trees that are shown read-only need a rule for sockets. The system's own trees hold none. */
static bool holds_sockets(const struct compute *c, const struct plan_op *op)
{
    static const char *const system[] = {"/usr",   "/bin",    "/sbin", "/lib",  "/lib32",
                                         "/lib64", "/libx32", "/etc",  "/proc", "/sys"};

    if ((op->flags & PLAN_TRY) || !may_connect(c, op->dest))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(system); i++) {
        if (path_is_beneath(op->dest, system[i]))
            return false;
    }
    return true;
}

/* A directory of the writable project that is shown at its own place once more, to hold it there.
 * By the inode, and inside, it lies below the project, whose rule says the same. */
static bool has_rule_of_project(const struct compute *c, const struct plan_op *op)
{
    const char *project = c->venv->project;

    if (c->project != PROJECT_RW || op->kind != PLAN_BIND || !str_eq(op->src, op->dest) ||
        str_eq(op->dest, project) || !path_is_beneath(op->dest, project) ||
        may_connect(c, op->dest))
        return false;
    for (size_t i = 0; i < c->plan->landlock_count; i++) {
        if (str_eq(c->plan->landlock[i].path, project))
            return c->plan->landlock[i].write;
    }
    return false;
}

/* Rules follow the inode: the project needs its own even below a directory that has one, so that a
 * redirection to a file in it can be opened again by /dev/stdout, which leads past our mounts. A
 * source that may be missing at a start has no rule of its own: its mount point lies in a tree that
 * has one. */
void compute_landlock(struct compute *c)
{
    const struct plan *plan = c->plan;

    allow(c, "/", false);
    allow(c, "/dev", true);
    allow(c, "/proc", true);
    if (c->project == PROJECT_RO)
        allow(c, c->venv->project, false);
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        bool bind = op->kind == PLAN_BIND && ((op->flags & PLAN_RW) || holds_sockets(c, op));
        bool project = c->venv->project && str_eq(op->dest, c->venv->project);

        if (!bind && op->kind != PLAN_TMPFS)
            continue;
        if (path_is_beneath(op->dest, "/dev") || ((op->flags & PLAN_PROJECT) && !project) ||
            has_rule_of_project(c, op))
            continue;
        allow(c, op->dest, op->kind == PLAN_TMPFS || (op->flags & PLAN_RW));
    }
}
