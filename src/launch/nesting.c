/* Limits of the user namespace: none below it, and not all that its user has on the host. */
#include "svenv/base/err.h"
#include "svenv/sys/namespaces.h"

#include "root-internal.h"

int root_close_nesting(struct shared *shared, int proc, struct err *err)
{
    int rc;

    if (gate_is_open(&shared->gates, GATE_NESTING_CLOSED))
        return 0;
    rc = namespaces_limit_inotify(proc, err);
    if (rc == 0 && !(shared->plan.flags & PLAN_USERNS_OK))
        rc = namespaces_close_nesting(proc, err);
    if (rc == 0)
        gate_open(&shared->gates, GATE_NESTING_CLOSED);
    return rc;
}
