/* Operations below different names at the top of the root have nothing to do with one another, so
 * pid 1 and the program make them side by side: each takes the next part that nobody has taken. */
#include <string.h>

#include "svenv/base/mem.h"

#include "launch-internal.h"

static size_t top_len(const char *dest)
{
    return strcspn(dest + 1, "/");
}

static size_t find_part(const struct parts *parts, const char *top, size_t len)
{
    size_t at = 0;

    while (at < parts->count &&
           (parts->items[at].len != len || memcmp(parts->items[at].top, top, len) != 0))
        at++;
    /* Names beyond the table go together, which is always right. */
    return at < PARTS_MAX ? at : PARTS_MAX - 1;
}

/* An operation on the root itself stands before and after others: no two may then be exchanged. */
static bool is_divisible(const struct plan *plan)
{
    for (size_t i = 0; i < plan->op_count; i++) {
        if (top_len(plan->ops[i].dest) == 0)
            return false;
    }
    return true;
}

static void add_op(struct parts *parts, size_t op, const char *top, size_t len)
{
    size_t at = find_part(parts, top, len);
    struct part *part = &parts->items[at];

    if (at == parts->count) {
        parts->count++;
        *part = (struct part){.top = top, .len = len, .first = op};
    } else {
        parts->next[part->last] = op;
    }
    part->last = op;
    part->size++;
}

/* The largest first: then little is left at the end, while one works and the other waits. */
static void sort_parts(struct parts *parts)
{
    for (size_t i = 1; i < parts->count; i++) {
        struct part part = parts->items[i];
        size_t at = i;

        for (; at > 0 && parts->items[at - 1].size < part.size; at--)
            parts->items[at] = parts->items[at - 1];
        parts->items[at] = part;
    }
}

void parts_make(const struct plan *plan, struct parts *out)
{
    bool divisible = is_divisible(plan);

    out->count = 0;
    out->next = xcalloc(plan->op_count, sizeof(*out->next));
    for (size_t i = 0; i < plan->op_count; i++)
        add_op(out, i, plan->ops[i].dest + 1, divisible ? top_len(plan->ops[i].dest) : 0);
    sort_parts(out);
}

const struct part *parts_take(struct parts *parts)
{
    uint32_t at = __atomic_fetch_add(&parts->taken, 1, __ATOMIC_RELAXED);

    return at < parts->count ? &parts->items[at] : NULL;
}
