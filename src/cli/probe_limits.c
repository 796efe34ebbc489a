/* Finds out whether limits that need a control group can be held here. */
#include "probe_limits-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scope-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

/* Lives as long as the caller keeps the other end of the pipe open. */
static pid_t start_waiting(int ends[2])
{
    pid_t pid;
    char byte;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid == 0) {
        close(ends[1]);
        while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
        }
        _exit(0);
    }
    if (pid < 0) {
        pid = -errno;
        close(ends[0]);
        close(ends[1]);
    }
    return pid;
}

int probe_group(const struct cgroup_limits *limits, enum group_way *way_out, struct err *err)
{
    const struct group_asker systemd = {.ask = scope_ask_systemd};
    struct group group = GROUP_INIT;
    int ends[2];
    pid_t pid = start_waiting(ends);
    int r;

    if (pid < 0)
        return err_set(err, -pid, "cannot start a process");
    r = group_enter(limits, &systemd, pid, &group, err);
    close(ends[1]);
    close(ends[0]);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (r == 0)
        *way_out = group.way;
    group_finish(&group);
    return r;
}

int probe_limits(const struct plan_file *file, enum group_way *way_out, struct err *err)
{
    struct cgroup_limits last = {.memory = 0};
    enum group_way way = GROUP_NONE;

    for (size_t i = 0; i < file->variant_count; i++) {
        const struct plan *plan = &file->variants[i].plan;
        enum plan_group needed = plan_group_needed(plan);
        struct cgroup_limits limits;
        int r;

        if (needed == PLAN_GROUP__COUNT)
            continue;
        plan_group_limits(plan, &limits);
        if (memcmp(&limits, &last, sizeof(limits)) == 0)
            continue;
        r = probe_group(&limits, &way, err);
        if (r < 0)
            return err_wrap(err, "%s (%s) cannot be kept", plan_group_key(needed),
                            plan->group[needed].origin);
        last = limits;
    }
    *way_out = way;
    return 0;
}

bool probe_root_exempt(void)
{
    auto_buf struct buf map = {0};
    auto_fd int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

    /* Only the first user namespace maps all ids to themselves, and the kernel writes it so
     * (user_namespaces(7)). */
    return geteuid() == 0 && fd >= 0 && fd_read_all(fd, UID_MAP_BYTES_MAX, &map) == 0 &&
           str_eq(map.data, "         0          0 4294967295\n");
}
