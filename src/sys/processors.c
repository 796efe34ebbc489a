#include "svenv/sys/processors.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel remembers what was asked for, and holds to it when it has more processors to give
 * later (cpuset(7), hotplug). So who had all of them asks for all that there can ever be, as if
 * nobody had asked; only a set that is narrower was somebody's wish. */
static int give_back(pid_t pid, const cpu_set_t *own)
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
    return sched_setaffinity(pid, sizeof(others), &others) < 0 ? 0 : give_back(pid, &own);
}
