#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch-internal.h"

void gate_open(uint32_t *gate, enum gate_stage stage)
{
    __atomic_store_n(gate, stage, __ATOMIC_RELEASE);
    syscall(SYS_futex, gate, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void gate_wait(uint32_t *gate, enum gate_stage stage)
{
    uint32_t now = __atomic_load_n(gate, __ATOMIC_ACQUIRE);

    for (; now < stage; now = __atomic_load_n(gate, __ATOMIC_ACQUIRE))
        syscall(SYS_futex, gate, FUTEX_WAIT, now, NULL, NULL, 0);
}
