/* The places of the host where code inside can write by the policy: filesystem.write, and mounts.
 */
#include "compute-internal.h"

static void areas_add(struct compute *c, const struct policy_item *item)
{
    struct resolved real = {.links = NULL};
    const char *path = NULL;

    if (compute_expand(c, item, item->text, &path, NULL) == 0 &&
        compute_resolve(c, path, &real, NULL) == 0)
        tree_add_area(&c->tree, real.fact.path, false);
}

void compute_areas(struct compute *c)
{
    const struct policy_value *writable = &c->values->v[POLICY_FS_WRITE];
    const struct policy_value *mounts = &c->values->v[POLICY_FS_MOUNTS];

    for (size_t i = 0; i < writable->count; i++)
        areas_add(c, &writable->items[i]);
    for (size_t i = 0; i < mounts->count; i++) {
        if (compute_bind_flags(mounts->items[i].mount) & PLAN_RW)
            areas_add(c, &mounts->items[i]);
    }
}
