/* Words for leads, and the lines of a plan that have them. */
#include "svenv/compute/leads.h"

#include <assert.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static const char *const verbs[] = {
    [LEAD_NAMED] = "named by ",
    [LEAD_LINKED] = "linked from ",
    [LEAD_SAME] = "the same file as ",
};
static_assert(ARRAY_SIZE(verbs) == LEAD_VERB__COUNT, "words for each way");

const char *lead_words(enum lead_verb verb)
{
    return verbs[verb];
}

void leads_list(const struct plan *plan, struct strv *out)
{
    for (size_t i = 0; i < plan->op_count; i++) {
        const struct plan_op *op = &plan->ops[i];
        bool covers = op->kind == PLAN_MASK || (op->kind == PLAN_BIND && !(op->flags & PLAN_RW));

        for (size_t j = 0; covers && j < ARRAY_SIZE(verbs); j++) {
            if (op->origin != NULL && str_starts(op->origin, verbs[j]))
                strv_take(out, xasprintf("%s (%s)", op->dest, op->origin));
        }
    }
}
