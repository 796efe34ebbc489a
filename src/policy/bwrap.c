/* Translates bubblewrap's options into policy. */
#include "svenv/formats/bwrap.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "policy-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/num.h"
#include "svenv/base/str.h"

/* Options change policy->overrides in the order they are given, as bubblewrap does. */
struct applier {
    struct policy *policy;
    const char *origin;
    const struct bwrap_option *option;
};

typedef int apply_fn(const struct applier *a, struct err *err);

static struct policy_value * override(const struct applier *a, enum policy_field field)
{
    struct policy_value *value = &a->policy->overrides.v[field];

    value->set = true;
    value->origin = a->origin;
    return value;
}

static const char *keep(const struct applier *a, const char *text)
{
    return text ? arena_strdup(&a->policy->arena, text) : NULL;
}

static int translate_check_text(const struct applier *a, enum policy_text kind, const char *text,
                                struct err *err)
{
    const char *fault = policy_text_fault(kind, text);

    if (!fault)
        return 0;
    return err_plain(err, EINVAL, "%s, word %u: %s: '%s' %s", a->origin, a->option->word,
                     a->option->name, text, fault);
}

static int set_number(const struct applier *a, enum policy_field field, int64_t number)
{
    override(a, field)->number = number;
    return 0;
}

static int set_string(const struct applier *a, enum policy_field field, struct err *err)
{
    const char *text = a->option->arg[0];
    int r = translate_check_text(a, policy_field_info(field)->text, text, err);

    if (r == 0)
        override(a, field)->text = keep(a, text);
    return r;
}

static struct policy_item *translate_add_item(const struct applier *a, enum policy_field field)
{
    struct policy_value *value = override(a, field);
    struct policy_item *item =
        arena_push(&a->policy->arena, &value->items, &value->count, sizeof(*item));

    item->origin = a->origin;
    return item;
}

/* Takes the items of a variable out again: the last word about it counts. */
static void forget_variable(const struct applier *a, enum policy_field field, const char *name)
{
    struct policy_value *value = &a->policy->overrides.v[field];
    size_t kept = 0;

    for (size_t i = 0; i < value->count; i++) {
        const char *known = value->items[i].key ? value->items[i].key : value->items[i].text;

        if (!str_eq(known, name))
            value->items[kept++] = value->items[i];
    }
    value->count = kept;
}

static int apply_nothing(const struct applier *a, struct err *err)
{
    (void)a;
    (void)err;
    return 0;
}

static int apply_own_net(const struct applier *a, struct err *err)
{
    (void)err;
    return set_number(a, POLICY_NET_MODE, NET_MODE_NONE);
}

static int apply_share_net(const struct applier *a, struct err *err)
{
    (void)err;
    return set_number(a, POLICY_NET_MODE, NET_MODE_HOST);
}

static int apply_no_userns(const struct applier *a, struct err *err)
{
    (void)err;
    return set_number(a, POLICY_PROC_USERNS, false);
}

/* A check and no setting: the caller relies on what the policy says. */
static int apply_assert_no_userns(const struct applier *a, struct err *err)
{
    struct policy_values in_force;

    policy_values_merge(&a->policy->arena, &a->policy->files, &a->policy->overrides, false,
                        &in_force);
    if (!in_force.v[POLICY_PROC_USERNS].number)
        return 0;
    return err_plain(err, EINVAL, "%s, word %u: %s: the policy has process.user-namespaces: true",
                     a->origin, a->option->word, a->option->name);
}

static int apply_id(const struct applier *a, struct err *err)
{
    enum policy_field field = a->option->id == BWRAP_UID ? POLICY_ID_UID : POLICY_ID_GID;
    int64_t number = 0;

    if (num_parse_i64(a->option->arg[0], 0, policy_field_info(field)->max, &number) < 0)
        return err_plain(err, EINVAL, "%s, word %u: %s takes a number", a->origin, a->option->word,
                         a->option->name);
    return set_number(a, field, number);
}

static int apply_hostname(const struct applier *a, struct err *err)
{
    return set_string(a, POLICY_ID_HOSTNAME, err);
}

static int apply_chdir(const struct applier *a, struct err *err)
{
    return set_string(a, POLICY_PROC_CHDIR, err);
}

static int apply_clearenv(const struct applier *a, struct err *err)
{
    (void)err;
    a->policy->overrides.v[POLICY_ENV_SET].count = 0;
    return set_number(a, POLICY_ENV_CLEAR, true);
}

static int apply_setenv(const struct applier *a, struct err *err)
{
    struct policy_item *item;
    const char *fault = NULL;
    int r = translate_check_text(a, POLICY_TEXT_ENV_NAME, a->option->arg[0], err);

    if (r < 0)
        return r;
    fault = policy_text_fault(POLICY_TEXT_ENV_VALUE, a->option->arg[1]);
    if (fault)
        return err_plain(err, EINVAL, "%s, word %u: %s: the value of '%s' %s", a->origin,
                         a->option->word, a->option->name, a->option->arg[0], fault);
    forget_variable(a, POLICY_ENV_UNSET, a->option->arg[0]);
    forget_variable(a, POLICY_ENV_SET, a->option->arg[0]);
    item = translate_add_item(a, POLICY_ENV_SET);
    item->key = keep(a, a->option->arg[0]);
    item->text = keep(a, a->option->arg[1]);
    return 0;
}

static int apply_unsetenv(const struct applier *a, struct err *err)
{
    int r = translate_check_text(a, POLICY_TEXT_ENV_NAME, a->option->arg[0], err);

    if (r < 0)
        return r;
    forget_variable(a, POLICY_ENV_SET, a->option->arg[0]);
    forget_variable(a, POLICY_ENV_UNSET, a->option->arg[0]);
    translate_add_item(a, POLICY_ENV_UNSET)->text = keep(a, a->option->arg[0]);
    return 0;
}

static int apply_new_session(const struct applier *a, struct err *err)
{
    (void)err;
    return set_number(a, POLICY_PROC_NEW_SESSION, true);
}

static int apply_die_with_parent(const struct applier *a, struct err *err)
{
    (void)err;
    return set_number(a, POLICY_LIFETIME, LIFETIME_PROGRAM);
}

/* The list starts from the policy's own ("inherit"); "--cap-drop ALL" forgets that too. */
static int apply_cap(const struct applier *a, struct err *err)
{
    const struct policy_value *caps = &a->policy->overrides.v[POLICY_CAPABILITIES];
    bool drops = a->option->id == BWRAP_CAP_DROP;
    const char *name = a->option->arg[0];
    int r = translate_check_text(a, POLICY_TEXT_CAPABILITY, name, err);

    if (r < 0)
        return r;
    if (drops && str_eq(name, "ALL")) {
        override(a, POLICY_CAPABILITIES)->count = 0;
        return 0;
    }
    if (!caps->set)
        translate_add_item(a, POLICY_CAPABILITIES)->text = POLICY_INHERIT;
    translate_add_item(a, POLICY_CAPABILITIES)->text =
        arena_printf(&a->policy->arena, "%s%s", drops ? "!" : "", name);
    return 0;
}

/* Which operand is what, for the options that are mounts. */
static const struct {
    enum policy_mount_kind kind;
    int src; /* index of the operand, -1: none */
    int dest;
} mounts[BWRAP_OPTION__COUNT] = {
    [BWRAP_BIND] = {MOUNT_BIND, 0, 1},
    [BWRAP_BIND_TRY] = {MOUNT_BIND_TRY, 0, 1},
    [BWRAP_DEV_BIND] = {MOUNT_DEV_BIND, 0, 1},
    [BWRAP_DEV_BIND_TRY] = {MOUNT_DEV_BIND_TRY, 0, 1},
    [BWRAP_RO_BIND] = {MOUNT_RO_BIND, 0, 1},
    [BWRAP_RO_BIND_TRY] = {MOUNT_RO_BIND_TRY, 0, 1},
    [BWRAP_REMOUNT_RO] = {MOUNT_REMOUNT_RO, -1, 0},
    [BWRAP_PROC] = {MOUNT_PROC, -1, 0},
    [BWRAP_DEV] = {MOUNT_DEV, -1, 0},
    [BWRAP_TMPFS] = {MOUNT_TMPFS, -1, 0},
    [BWRAP_MQUEUE] = {MOUNT_MQUEUE, -1, 0},
    [BWRAP_DIR] = {MOUNT_DIR, -1, 0},
    [BWRAP_SYMLINK] = {MOUNT_SYMLINK, 0, 1},
    [BWRAP_CHMOD] = {MOUNT_CHMOD, -1, 1},
};

static bool has_mode(enum policy_mount_kind kind)
{
    return kind == MOUNT_DIR || kind == MOUNT_TMPFS || kind == MOUNT_CHMOD;
}

static int apply_mount(const struct applier *a, struct err *err)
{
    const struct bwrap_option *option = a->option;
    enum policy_mount_kind kind = mounts[option->id].kind;
    int src = mounts[option->id].src;
    const char *dest = option->arg[mounts[option->id].dest];
    enum policy_text src_text = kind == MOUNT_SYMLINK ? POLICY_TEXT_ANY : POLICY_TEXT_PATH;
    struct policy_item *item;
    int r = translate_check_text(a, POLICY_TEXT_PATH, dest, err);

    if (r == 0 && src >= 0)
        r = translate_check_text(a, src_text, option->arg[src], err);
    if (r == 0 && has_mode(kind) && option->mode != UINT_MAX && option->mode > 01777)
        r = err_plain(err, EINVAL, "%s, word %u: %s: set-user-id and set-group-id are not given",
                      a->origin, option->word, option->name);
    if (r < 0)
        return r;
    item = translate_add_item(a, POLICY_FS_MOUNTS);
    item->mount = kind;
    item->key = keep(a, dest);
    item->text = src >= 0 ? keep(a, option->arg[src]) : NULL;
    item->mode = has_mode(kind) && option->mode != UINT_MAX ? option->mode : UINT32_MAX;
    item->size = kind == MOUNT_TMPFS ? option->size : 0;
    return 0;
}

static apply_fn *const appliers[] = {
    [BWRAP_UNSHARE_ALL] = apply_own_net,
    [BWRAP_SHARE_NET] = apply_share_net,
    [BWRAP_UNSHARE_USER] = apply_nothing,
    [BWRAP_UNSHARE_USER_TRY] = apply_nothing,
    [BWRAP_UNSHARE_IPC] = apply_nothing,
    [BWRAP_UNSHARE_PID] = apply_nothing,
    [BWRAP_UNSHARE_NET] = apply_own_net,
    [BWRAP_UNSHARE_UTS] = apply_nothing,
    [BWRAP_UNSHARE_CGROUP] = apply_nothing,
    [BWRAP_UNSHARE_CGROUP_TRY] = apply_nothing,
    [BWRAP_DISABLE_USERNS] = apply_no_userns,
    [BWRAP_ASSERT_USERNS_DISABLED] = apply_assert_no_userns,
    [BWRAP_UID] = apply_id,
    [BWRAP_GID] = apply_id,
    [BWRAP_HOSTNAME] = apply_hostname,
    [BWRAP_CHDIR] = apply_chdir,
    [BWRAP_CLEARENV] = apply_clearenv,
    [BWRAP_SETENV] = apply_setenv,
    [BWRAP_UNSETENV] = apply_unsetenv,
    [BWRAP_BIND] = apply_mount,
    [BWRAP_BIND_TRY] = apply_mount,
    [BWRAP_DEV_BIND] = apply_mount,
    [BWRAP_DEV_BIND_TRY] = apply_mount,
    [BWRAP_RO_BIND] = apply_mount,
    [BWRAP_RO_BIND_TRY] = apply_mount,
    [BWRAP_REMOUNT_RO] = apply_mount,
    [BWRAP_PROC] = apply_mount,
    [BWRAP_DEV] = apply_mount,
    [BWRAP_TMPFS] = apply_mount,
    [BWRAP_MQUEUE] = apply_mount,
    [BWRAP_DIR] = apply_mount,
    [BWRAP_SYMLINK] = apply_mount,
    [BWRAP_CHMOD] = apply_mount,
    [BWRAP_PERMS] = apply_nothing, /* in the option that it is for */
    [BWRAP_SIZE] = apply_nothing,
    [BWRAP_NEW_SESSION] = apply_new_session,
    [BWRAP_DIE_WITH_PARENT] = apply_die_with_parent,
    [BWRAP_CAP_ADD] = apply_cap,
    [BWRAP_CAP_DROP] = apply_cap,
    [BWRAP_REFUSED] = apply_nothing, /* the parser never lets one through */
};
static_assert(ARRAY_SIZE(appliers) == BWRAP_OPTION__COUNT, "one row per option");

int policy_apply_bwrap(struct policy *policy, const char *origin,
                       const struct bwrap_options *options, struct err *err)
{
    struct applier a = {.policy = policy, .origin = arena_strdup(&policy->arena, origin)};

    for (size_t i = 0; i < options->count; i++) {
        int r;

        a.option = &options->items[i];
        r = appliers[a.option->id](&a, err);
        if (r < 0)
            return r;
    }
    policy_resolve(policy);
    return 0;
}
