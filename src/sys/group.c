/* Has a control group hold a process to limits, by the way that this machine has. */
#include "svenv/sys/group.h"

#include "svenv/base/err.h"

int group_enter(const struct cgroup_limits *wanted, const struct group_asker *asker, pid_t pid,
                struct group *out, struct err *err)
{
    struct group group = GROUP_INIT;
    struct cgroup_limits limits = *wanted;
    struct err delegated = {0}, asked = {0};
    char stem[CGROUP_NAME_MAX];
    int rc = cgroup_available(wanted, err);

    if (rc == 0)
        rc = cgroup_lower_to_own(&limits, err);
    if (rc < 0)
        return rc;
    rc = cgroup_make(&limits, pid, &group.cgroup, &delegated);
    group.way = GROUP_DELEGATED;
    if (rc < 0) {
        cgroup_new_name(stem);
        rc = asker->ask(asker->context, &limits, stem, pid, &asked);
        if (rc == 0)
            rc = cgroup_adopt(&limits, pid, stem, &group.cgroup, &asked);
        group.way = GROUP_SYSTEMD;
    }
    if (rc < 0)
        return err_plain(err, asked.code,
                         "%.200s; %.100s: log in through systemd, or as root: "
                         "loginctl enable-linger",
                         asked.msg, delegated.msg);
    *out = group;
    return 0;
}

const char *group_way_text(enum group_way way)
{
    static const char *const texts[] = {
        [GROUP_NONE] = "no control group",
        [GROUP_DELEGATED] = "a delegated control group",
        [GROUP_SYSTEMD] = "a scope of systemd",
    };

    return texts[way];
}

void group_finish(struct group *group)
{
    cgroup_finish(&group->cgroup);
    group->way = GROUP_NONE;
}
