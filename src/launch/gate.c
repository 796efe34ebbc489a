#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch-internal.h"

void gate_open(uint32_t *gates, uint32_t which)
{
    __atomic_or_fetch(gates, which, __ATOMIC_RELEASE);
    syscall(SYS_futex, gates, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void gate_wait(uint32_t *gates, uint32_t all)
{
    /* Who opens a gate wakes all; nobody waits for ever should that call fail. */
    static const struct {
        long seconds, nanoseconds; /* futex(2) takes no other, whatever the C library's time is */
    } at_most = {0, 100000000};
    uint32_t now = __atomic_load_n(gates, __ATOMIC_ACQUIRE);

    for (; (now & all) != all; now = __atomic_load_n(gates, __ATOMIC_ACQUIRE))
        syscall(SYS_futex, gates, FUTEX_WAIT, now, &at_most, NULL, 0);
}
