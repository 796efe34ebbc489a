/* Moves a process to another processor and gives its own choice back. */
#include "svenv/sys/processors.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "processors-internal.h"

int processors_give_back(pid_t pid, const cpu_set_t *own)
{
    cpu_set_t all;

    memset(&all, 0xff, sizeof(all));
    if (sched_setaffinity(pid, sizeof(all), &all) == 0 &&
        sched_getaffinity(pid, sizeof(all), &all) == 0 && CPU_EQUAL(&all, own))
        return 0;
    return sched_setaffinity(pid, sizeof(*own), own) < 0 ? -errno : 0;
}

int processors_apart(pid_t pid)
{
    cpu_set_t own, others;
    unsigned here;

    if (sched_getaffinity(0, sizeof(own), &own) < 0 || CPU_COUNT(&own) < 2 ||
        syscall(SYS_getcpu, &here, NULL, NULL) < 0 || here >= CPU_SETSIZE)
        return 0;
    others = own;
    CPU_CLR(here, &others);
    return sched_setaffinity(pid, sizeof(others), &others) < 0 ? 0
                                                               : processors_give_back(pid, &own);
}
