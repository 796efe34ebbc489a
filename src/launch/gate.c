#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch-internal.h"

void gate_open(uint32_t *gate)
{
    __atomic_store_n(gate, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, gate, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void gate_wait(uint32_t *gate)
{
    while (__atomic_load_n(gate, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, gate, FUTEX_WAIT, 0, NULL, NULL, 0);
}
