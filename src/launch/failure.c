/* The failure of a start that several processes work on. */
#include "launch-internal.h"

void launch_fail(struct shared *shared, const struct err *err)
{
    if (__atomic_exchange_n(&shared->failed, 1, __ATOMIC_ACQ_REL) == 0 &&
        shared->failure.err.code == 0)
        shared->failure.err = *err;
}
