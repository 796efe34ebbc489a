/* Checks a loaded policy as a whole. */
#include "svenv/policy/policy.h"

#include <errno.h>

#include "policy-internal.h"
#include "svenv/base/danger.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

/* NULL for a path in the project, about which nothing is to be said here. Caller frees. */
static char *host_path(const char *text, const char *home)
{
    auto_free char *absolute = text[0] == '~' ? xasprintf("%s%s", home, text + 1) : xstrdup(text);

    return absolute[0] == '/' ? path_normalise("/", absolute) : NULL;
}

static int check_granted_path(const char *key, const struct policy_item *item, const char *home,
                              unsigned use, struct err *err)
{
    auto_free char *path = host_path(item->text, home);
    const char *why = path ? danger_reason(path, home, use) : NULL;

    if (!why)
        return 0;
    return err_plain(err, EPERM, "%s: %s: '%s' is refused: %s", item->origin, key, item->text, why);
}

static int check_granted_paths(const struct policy_values *values, enum policy_field field,
                               const char *home, unsigned use, struct err *err)
{
    const struct policy_value *value = &values->v[field];
    char name[POLICY_FIELD_NAME_MAX];
    int r = 0;

    policy_field_name(field, name, sizeof(name));
    for (size_t i = 0; r == 0 && i < value->count; i++)
        r = check_granted_path(name, &value->items[i], home, use, err);
    return r;
}

/* The use that a kind of mount makes of its source; 0: it has none. */
static unsigned mount_use(enum policy_mount_kind kind)
{
    switch (kind) {
    case MOUNT_BIND:
    case MOUNT_BIND_TRY:
        return DANGER_MOUNT_RW;
    case MOUNT_RO_BIND:
    case MOUNT_RO_BIND_TRY:
        return DANGER_MOUNT;
    case MOUNT_DEV_BIND:
    case MOUNT_DEV_BIND_TRY:
        return DANGER_DEVICE;
    case MOUNT_REMOUNT_RO:
    case MOUNT_PROC:
    case MOUNT_DEV:
    case MOUNT_TMPFS:
    case MOUNT_MQUEUE:
    case MOUNT_DIR:
    case MOUNT_SYMLINK:
    case MOUNT_CHMOD:
    case MOUNT__COUNT:
        break;
    }
    return 0;
}

static bool covers_root(const struct policy_item *item)
{
    auto_free char *dest = path_normalise("/", item->key);

    return str_eq(dest, "/") && item->mount != MOUNT_CHMOD && item->mount != MOUNT_REMOUNT_RO &&
           item->mount != MOUNT_DIR;
}

static int check_mounts(const struct policy_values *values, const char *home, struct err *err)
{
    const struct policy_value *mounts = &values->v[POLICY_FS_MOUNTS];
    int r = 0;

    for (size_t i = 0; r == 0 && i < mounts->count; i++) {
        const struct policy_item *item = &mounts->items[i];
        unsigned use = mount_use(item->mount);

        if (covers_root(item))
            return err_plain(err, EPERM,
                             "%s: filesystem.mounts: nothing can be mounted on '/', which holds "
                             "the sandbox itself",
                             item->origin);
        if (use != 0)
            r = check_granted_path("filesystem.mounts", item, home, use, err);
    }
    return r;
}

/* With these a program could take the masks away or reach into the sandbox's own processes. */
static int check_capabilities(const struct policy_values *values, struct err *err)
{
    static const char *const refused[] = {"ALL", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"};
    const struct policy_value *caps = &values->v[POLICY_CAPABILITIES];

    for (size_t i = 0; i < caps->count; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(refused); j++) {
            if (str_eq(caps->items[i].text, refused[j]))
                return err_plain(err, EPERM,
                                 "%s: capabilities: '%s' is refused: a program could take the "
                                 "sandbox apart with it",
                                 caps->items[i].origin, refused[j]);
        }
    }
    return 0;
}

static int check_environment(const struct policy_values *values, struct err *err)
{
    const struct policy_value *set = &values->v[POLICY_ENV_SET];
    const struct policy_value *unset = &values->v[POLICY_ENV_UNSET];

    for (size_t i = 0; i < unset->count; i++) {
        for (size_t j = 0; j < set->count; j++) {
            if (str_eq(unset->items[i].text, set->items[j].key))
                return err_plain(
                    err, EINVAL, "%s: environment: '%s' is both in set (%s) and in unset",
                    unset->items[i].origin, unset->items[i].text, set->items[j].origin);
        }
    }
    return 0;
}

static int check_values(const struct policy_values *values, const char *home, struct err *err)
{
    int r = check_granted_paths(values, POLICY_FS_READ, home, DANGER_READ, err);

    if (r == 0)
        r = check_granted_paths(values, POLICY_FS_WRITE, home, DANGER_WRITE, err);
    if (r == 0)
        r = check_mounts(values, home, err);
    if (r == 0)
        r = check_capabilities(values, err);
    if (r == 0)
        r = check_environment(values, err);
    return r;
}

int policy_check(const struct policy *policy, const char *home, struct err *err)
{
    const struct policy_value *venv = &policy->base.v[POLICY_FS_VENV];
    int r = check_values(&policy->base, home, err);

    for (size_t i = 0; r == 0 && i < policy->command_count; i++)
        r = check_values(&policy->commands[i].in_force, home, err);
    if (r == 0 && venv->set && venv->number == ACCESS_RW)
        r = err_plain(err, EINVAL,
                      "%s: filesystem.venv: rw makes a command an installer, with a home of its "
                      "own: it can only stand below commands",
                      venv->origin);
    return r;
}
