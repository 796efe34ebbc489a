/* The gates at which the processes of a start wait for one another. */
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "launch-internal.h"

/* A processor that fell asleep is slow to wake, in a virtual machine most of all. The events that
 * are waited for come within a few hundred microseconds, so a waiter stays awake that long. It
 * gives way to other processes that want its processor, so it takes nothing from anybody. */
#define AWAKE_NS 500000

/* Without a clock (a policy may deny it, and the filter is in force already) nobody stays awake. */
static int64_t now_ns(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
        return INT64_MAX - AWAKE_NS;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool gate_is_open(uint32_t *gates, uint32_t all)
{
    return (__atomic_load_n(gates, __ATOMIC_ACQUIRE) & all) == all;
}

void gate_open(uint32_t *gates, uint32_t which)
{
    __atomic_or_fetch(gates, which, __ATOMIC_RELEASE);
    syscall(SYS_futex, gates, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void gate_wait(uint32_t *gates, uint32_t all)
{
    /* The opener of a gate wakes all; should that call fail, nobody waits for ever. */
    static const struct {
        long seconds, nanoseconds; /* futex(2) takes no other, whatever the C library's time is */
    } at_most = {0, 100000000};
    int64_t end;
    uint32_t now;

    if (gate_is_open(gates, all))
        return;
    for (end = now_ns() + AWAKE_NS; now_ns() < end && end != INT64_MAX;) {
        if (gate_is_open(gates, all))
            return;
        sched_yield();
    }
    now = __atomic_load_n(gates, __ATOMIC_ACQUIRE);
    for (; (now & all) != all; now = __atomic_load_n(gates, __ATOMIC_ACQUIRE))
        syscall(SYS_futex, gates, FUTEX_WAIT, now, &at_most, NULL, 0);
}
