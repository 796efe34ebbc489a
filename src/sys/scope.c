/* Asks the systemd of the user for a scope, on each bus where it may be, and refuses callers who
 * may not have one. */
#include "svenv/sys/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/str.h"
#include "svenv/sys/cgroup.h"
#include "svenv/sys/dbus.h"
#include "svenv/sys/systemd.h"

enum {
    BUS_COUNT = 3,
    STEM_MAX = CGROUP_NAME_MAX - 16,
    STATUS_TEXT_MAX = 1024 /* proc_pid_status(5): the first lines are enough */
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
static size_t find_buses(const struct scope_bus *bus, struct systemd_bus *out)
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

int scope_ask(const struct scope_bus *bus, const struct cgroup_limits *limits, const char *stem,
              pid_t pid, struct err *err)
{
    int64_t deadline_ms = clock_ms() + bus->patience_ms;
    struct systemd_bus sockets[BUS_COUNT];
    size_t count = find_buses(bus, sockets);
    char name[CGROUP_NAME_MAX];
    int rc = err_plain(err, ENOENT, "no bus is known on which systemd could be asked");

    for (size_t i = 0; rc < 0 && i < count; i++) {
        int64_t left_ms = deadline_ms - clock_ms();
        char own_stem[CGROUP_NAME_MAX];

        if (left_ms <= 0)
            break;
        snprintf(own_stem, sizeof(own_stem), "%s-%zu", stem, i);
        sockets[i].patience_ms = (int)left_ms;
        rc = systemd_scope(&sockets[i], own_stem, limits, pid, name, err);
    }
    return rc;
}

/* Is this the text of a process whose parent is `parent`, and that has the caller's user id alone?
 * The process itself can choose only its name, and the kernel escapes that line. */
static int check_status(const char *text, pid_t parent, struct err *err)
{
    char child[32], own[64];
    unsigned uid = (unsigned)geteuid();

    snprintf(child, sizeof(child), "\nPPid:\t%d\n", (int)parent);
    snprintf(own, sizeof(own), "\nUid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
    if (!strstr(text, child))
        return err_plain(err, EPERM, "the process is no child of the one that asks");
    if (!strstr(text, own))
        return err_plain(err, EPERM, "the process belongs to another user");
    return 0;
}

int scope_check(pid_t parent, pid_t pid, const char *stem, struct err *err)
{
    char path[64], text[STATUS_TEXT_MAX];
    auto_fd int fd = -1;
    ssize_t got;

    if (cgroup_name_owner(stem) != parent || strlen(stem) >= STEM_MAX ||
        stem[strspn(stem, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return err_plain(err, EPERM, "'%s' is no name for a group of the one that asks", stem);
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (got < 0)
        return err_set(err, errno, "cannot look at process %d", (int)pid);
    text[got] = '\0';
    return check_status(text, parent, err);
}
