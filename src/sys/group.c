/* Has a control group hold a process to limits, by whichever way there is. */
#include "svenv/sys/group.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/sys/dbus.h"
#include "svenv/sys/systemd.h"

enum {
    BUS_COUNT = 3,
    PATIENCE_MS = 25000 /* what others wait for an answer on D-Bus */
};

static bool add_path(struct systemd_bus *out, const char *directory, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", directory, name);

    if (len <= 0 || (size_t)len >= sizeof(address.sun_path))
        return false;
    out->address = address;
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len + 1);
    return true;
}

/* Without the variables (cron, su) the bus is where systemd puts it. Root may ask the system's
 * manager. */
static size_t find_buses(const struct group_bus *bus, struct systemd_bus *out)
{
    char own[64];
    size_t count = 0;

    memset(out, 0, BUS_COUNT * sizeof(*out));
    snprintf(own, sizeof(own), "/run/user/%u", (unsigned)geteuid());
    if (bus->address && dbus_address(bus->address, &out[count].address, &out[count].len) == 0)
        count++;
    if (add_path(&out[count], bus->runtime_dir && *bus->runtime_dir == '/' ? bus->runtime_dir : own,
                 "/bus") &&
        (count == 0 || memcmp(&out[0].address, &out[1].address, sizeof(out[0].address)) != 0))
        count++;
    if (geteuid() == 0)
        count += add_path(&out[count], "/run/dbus", "/system_bus_socket");
    return count;
}

static int ask_systemd(const struct cgroup_limits *limits, const struct group_bus *bus, pid_t pid,
                       struct cgroup *out, struct err *err)
{
    struct systemd_bus sockets[BUS_COUNT];
    size_t count = find_buses(bus, sockets);
    char stem[CGROUP_NAME_MAX - 16], name[CGROUP_NAME_MAX];
    struct timespec now;
    int rc = err_plain(err, ENOENT, "no bus is known on which systemd could be asked");

    clock_gettime(CLOCK_MONOTONIC, &now);
    for (size_t i = 0; rc < 0 && i < count; i++) {
        snprintf(stem, sizeof(stem), "sandbox-venv-%d-%llx-%zu", (int)getpid(),
                 (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec, i);
        sockets[i].patience_ms = PATIENCE_MS;
        rc = systemd_scope(&sockets[i], stem, limits, pid, name, err);
    }
    return rc < 0 ? rc : cgroup_adopt(limits, pid, name, out, err);
}

int group_enter(const struct cgroup_limits *wanted, const struct group_bus *bus, pid_t pid,
                struct group *out, struct err *err)
{
    struct group group = GROUP_INIT;
    struct cgroup_limits limits = *wanted;
    struct err delegated = {0}, systemd = {0};
    int rc = cgroup_available(wanted, err);

    if (rc == 0)
        rc = cgroup_lower_to_own(&limits, err);
    if (rc < 0)
        return rc;
    rc = cgroup_make(&limits, pid, &group.cgroup, &delegated);
    group.way = GROUP_DELEGATED;
    if (rc < 0) {
        rc = ask_systemd(&limits, bus, pid, &group.cgroup, &systemd);
        group.way = GROUP_SYSTEMD;
    }
    if (rc < 0)
        return err_plain(err, systemd.code,
                         "%.200s; %.100s: log in through systemd, or as root: "
                         "loginctl enable-linger",
                         systemd.msg, delegated.msg);
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
