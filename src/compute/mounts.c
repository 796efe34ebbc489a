/* filesystem.mounts: explicit operations, in the order in which they stand, over everything else.
 */
#include <errno.h>

#include "svenv/base/danger.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

/* Refuses a destination that the launcher would have to know about to keep the sandbox closed. */
static int check_dest(const struct compute *c, const char *dest, const char *origin,
                      struct err *err)
{
    if (str_eq(dest, "/"))
        return err_plain(err, EPERM, "%s: nothing can be mounted on '/'", origin);
    if (path_is_beneath(c->venv->path, dest))
        return err_plain(err, EPERM, "%s: a mount on '%s' would cover the venv", origin, dest);
    if (path_is_beneath("/proc", dest) || path_is_beneath("/proc/sys", dest))
        return err_plain(err, EPERM, "%s: a mount on '%s' would uncover the host's", origin, dest);
    return 0;
}

/* A tree shown under another name would show its protected or hidden parts without the protection.
 */
static int mounts_check_source(const struct compute *c, const char *src, uint32_t flags,
                               const char *origin, struct err *err)
{
    const char *found = path_is_beneath(c->venv->path, src) ? c->venv->path : NULL;
    unsigned use = flags & PLAN_DEVICES ? DANGER_DEVICE
                   : flags & PLAN_RW    ? DANGER_MOUNT_RW
                                        : DANGER_MOUNT;

    for (size_t i = 0; i < c->bind_count && !found; i++) {
        const struct bind *bind = &c->binds[i];

        if (((bind->protects && (flags & PLAN_RW)) || !bind->mount.src) &&
            path_is_beneath(bind->mount.dest, src))
            found = bind->mount.dest;
    }
    if (found)
        return err_plain(err, EPERM,
                         "%s: '%s' holds '%s', which must not be seen under another name: use "
                         "filesystem.read or filesystem.write",
                         origin, src, found);
    return compute_check_grant(c, src, use, origin, err);
}

static int mount_bind(struct compute *c, const struct policy_item *item, const char *dest,
                      uint32_t flags, struct err *err)
{
    const char *origin = compute_origin(item->origin);
    struct resolved real = {.links = NULL};
    int rc;

    if ((flags & PLAN_TRY) && item->text[0] == '/' &&
        (rc = compute_resolve(c, item->text, &real, err)) == 0 && real.fact.kind == FACT_ABSENT)
        return 0; /* decided when the policy is compiled; an appearing path compiles it again */
    rc = compute_source(c, item, item->text, &real, err);
    if (rc == 0)
        rc = mounts_check_source(c, real.fact.path, flags, origin, err);
    if (rc == 0)
        rc = check_dest(c, dest, origin, err);
    if (rc < 0)
        return rc;
    const struct tree_bind bind = {.src = real.fact.path,
                                   .dest = dest,
                                   .flags = flags,
                                   .directory = real.fact.kind == FACT_DIR,
                                   .origin = origin};
    return tree_add(&c->tree, &bind, err);
}

static int mount_dir(struct compute *c, const struct policy_item *item, const char *dest,
                     struct err *err)
{
    const char *origin = compute_origin(item->origin);
    int rc = tree_point(&c->tree, dest, true, 0, origin, err);
    enum tree_kind kind = tree_find(&c->tree, dest, false)->kind;

    if (rc == 0 && item->mode != UINT32_MAX && (kind == TREE_ROOT || kind == TREE_TMPFS))
        plan_add(c->arena, c->plan, PLAN_CHMOD, NULL, dest, origin)->mode = item->mode;
    return rc;
}

static int mount_tmpfs(struct compute *c, const struct policy_item *item, const char *dest,
                       struct err *err)
{
    const char *origin = compute_origin(item->origin);
    uint32_t mode = item->mode == UINT32_MAX ? 0755 : item->mode;
    int rc = check_dest(c, dest, origin, err);

    return rc < 0 ? rc : tree_mount(&c->tree, PLAN_TMPFS, dest, mode, item->size, origin, err);
}

/* Only a path that this plan mounted can change its mode or its flags. */
static int mount_change(struct compute *c, const struct policy_item *item, const char *dest,
                        enum plan_op_kind kind, struct err *err)
{
    const char *origin = compute_origin(item->origin);
    const struct tree_entry *lies_in = tree_find(&c->tree, dest, false);

    if (kind == PLAN_REMOUNT_RO && !str_eq(lies_in->dest, dest))
        return err_plain(err, EINVAL, "%s: '%s' is not a mount, so it cannot be made read-only",
                         origin, dest);
    if (kind == PLAN_CHMOD && lies_in->kind != TREE_ROOT && lies_in->kind != TREE_TMPFS)
        return err_plain(err, EPERM,
                         "%s: the mode of '%s' cannot be changed: it is not the sandbox's own",
                         origin, dest);
    plan_add(c->arena, c->plan, kind, NULL, dest, origin)->mode =
        kind == PLAN_CHMOD ? item->mode : 0;
    return 0;
}

uint32_t compute_bind_flags(enum policy_mount_kind kind)
{
    static const uint32_t flags[] = {
        [MOUNT_BIND] = PLAN_RW,
        [MOUNT_BIND_TRY] = PLAN_RW | PLAN_TRY,
        [MOUNT_DEV_BIND] = PLAN_RW | PLAN_DEVICES,
        [MOUNT_DEV_BIND_TRY] = PLAN_RW | PLAN_DEVICES | PLAN_TRY,
        [MOUNT_RO_BIND] = 0,
        [MOUNT_RO_BIND_TRY] = PLAN_TRY,
    };

    return kind < ARRAY_SIZE(flags) ? flags[kind] : 0;
}

static int mount_one(struct compute *c, const struct policy_item *item, const char *dest,
                     struct err *err)
{
    const char *origin = compute_origin(item->origin);

    switch (item->mount) {
    case MOUNT_BIND:
    case MOUNT_BIND_TRY:
    case MOUNT_DEV_BIND:
    case MOUNT_DEV_BIND_TRY:
    case MOUNT_RO_BIND:
    case MOUNT_RO_BIND_TRY:
        return mount_bind(c, item, dest, compute_bind_flags(item->mount), err);
    case MOUNT_REMOUNT_RO:
        return mount_change(c, item, dest, PLAN_REMOUNT_RO, err);
    case MOUNT_CHMOD:
        return mount_change(c, item, dest, PLAN_CHMOD, err);
    case MOUNT_PROC: /* it is there already at its usual place, with its masks */
        return str_eq(dest, "/proc")
                   ? 0
                   : err_plain(err, ENOTSUP, "%s: /proc is mounted at /proc only, not at '%s'",
                               origin, dest);
    case MOUNT_DEV:
        return str_eq(dest, "/dev") ? 0 : compute_dev(c, dest, origin, err);
    case MOUNT_TMPFS:
        return mount_tmpfs(c, item, dest, err);
    case MOUNT_MQUEUE:
        return tree_mount(&c->tree, PLAN_MQUEUE, dest, 0, 0, origin, err);
    case MOUNT_DIR:
        return mount_dir(c, item, dest, err);
    case MOUNT_SYMLINK:
        return tree_link(&c->tree, dest, item->text, origin, err);
    case MOUNT__COUNT:
        break;
    }
    return err_plain(err, EINVAL, "%s: unknown kind of mount", origin);
}

int compute_mounts(struct compute *c, struct err *err)
{
    const struct policy_value *value = &c->values->v[POLICY_FS_MOUNTS];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < value->count; i++) {
        const struct policy_item *item = &value->items[i];
        const char *dest = NULL;

        rc = compute_expand(c, item, item->key, &dest, err);
        if (rc == 0)
            rc = tree_dest(&c->tree, dest, &dest, err);
        if (rc == 0)
            rc = mount_one(c, item, dest, err);
    }
    return rc;
}
