/* The control group of a start. */
#include "svenv/sys/group.h"

#include "svenv/base/err.h"
#include "svenv/plan/plan.h"

#include "launch-internal.h"

int group_begin(const struct plan *plan, const struct group_asker *asker, struct launch *launch,
                struct err *err)
{
    enum plan_group needed = plan_group_needed(plan);
    struct cgroup_limits limits;
    int rc;

    plan_group_limits(plan, &limits);
    rc = group_enter(&limits, asker, launch->opener, &launch->group, err);
    if (rc < 0)
        return err_wrap(err, "%s (%s) cannot be kept", plan_group_key(needed),
                        plan->group[needed].origin);
    gate_open(&launch->shared->gates, GATE_IN_GROUP);
    return 0;
}
