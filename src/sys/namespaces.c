/* Enters namespaces, and closes nesting. */
#include "svenv/sys/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"

static int write_file(int dir, const char *path, const char *text, struct err *err)
{
    auto_fd int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set(err, errno, "cannot open '%s'", path);
    if (write(fd, text, strlen(text)) < 0)
        return err_set(err, errno, "cannot write '%s'", path);
    return 0;
}

static long namespaces_read_number(int dir, const char *path)
{
    auto_fd int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    uint64_t value = 0;

    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || text[0] < '0' || text[0] > '9')
        return -1;
    value = num_leading(text);
    return value < LONG_MAX ? (long)value : LONG_MAX;
}

/* Each row: the file, the value that refuses, and the cure in the user's words. */
static const struct {
    const char *path;
    long refuses;
    const char *cure;
} refusals[] = {
    {"/proc/sys/kernel/unprivileged_userns_clone", 0,
     "set it with: sudo sysctl kernel.unprivileged_userns_clone=1"},
    {"/proc/sys/user/max_user_namespaces", 0,
     "set it with: sudo sysctl user.max_user_namespaces=10000"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1,
     "allow " SVENV_LAUNCHER " in an AppArmor profile with 'userns,', or: "
     "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
};

void namespaces_refused(int code, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        if (namespaces_read_number(AT_FDCWD, refusals[i].path) == refusals[i].refuses) {
            err_plain(err, code, "the kernel refuses user namespaces (%s is %ld): %s",
                      refusals[i].path, refusals[i].refuses, refusals[i].cure);
            return;
        }
    }
    err_set(err, code,
            "the kernel refuses user namespaces; inside a container they must be allowed by its "
            "engine (seccomp and AppArmor profile)");
}

/* A process may map its own ids once, after giving up setgroups (user_namespaces(7)). */
static int map_ids(uint32_t uid, uint32_t gid, uint32_t outer_uid, uint32_t outer_gid,
                   struct err *err)
{
    auto_fd int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char text[64];
    int rc;

    if (self < 0)
        return err_set(err, errno, "cannot open /proc/self");
    rc = write_file(self, "setgroups", "deny", err);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof(text), "%u %u 1\n", uid, outer_uid);
    rc = write_file(self, "uid_map", text, err);
    if (rc < 0)
        return rc;
    snprintf(text, sizeof(text), "%u %u 1\n", gid, outer_gid);
    return write_file(self, "gid_map", text, err);
}

int namespaces_enter(uint32_t uid, uint32_t gid, struct err *err)
{
    int flags =
        CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    uint32_t outer_uid = geteuid();
    uint32_t outer_gid = getegid();

    if (unshare(flags) < 0) {
        int code = errno;

        namespaces_refused(code, err);
        return -code;
    }
    return map_ids(uid, gid, outer_uid, outer_gid, err);
}

int namespaces_close_nesting(int proc, struct err *err)
{
    return write_file(proc, "sys/user/max_user_namespaces", "0", err);
}

/* Each row: the limit of all of the host's user, and that of our namespace. */
static const struct {
    const char *whole, *own;
} inotify_limits[] = {
    {"sys/fs/inotify/max_user_instances", "sys/user/max_inotify_instances"},
    {"sys/fs/inotify/max_user_watches", "sys/user/max_inotify_watches"},
};

int namespaces_limit_inotify(int proc, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(inotify_limits); i++) {
        long whole = namespaces_read_number(proc, inotify_limits[i].whole);
        char text[32];
        int rc = 0;

        if (whole < 0) /* a kernel without inotify(7), or a host that shows nothing of it */
            continue;
        snprintf(text, sizeof(text), "%ld", (whole + 1) / 2);
        rc = write_file(proc, inotify_limits[i].own, text, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int loopback_up(int any_socket, struct err *err)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

    if (ioctl(any_socket, SIOCSIFFLAGS, &request) < 0)
        return err_set(err, errno, "cannot bring up the loopback interface");
    return 0;
}

/* One byte goes with the descriptor: a message without one carries none (unix(7)). */
union rights {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_descriptor(int socket, int fd)
{
    char byte = 0;
    union rights rights = {.bytes = {0}};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = rights.bytes,
                             .msg_controllen = sizeof(rights.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_descriptor(int socket)
{
    char byte;
    union rights rights;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = rights.bytes,
                             .msg_controllen = sizeof(rights.bytes)};
    const struct cmsghdr *header;
    int fd;

    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0)
        return -errno;
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(fd)))
        return -EPROTO; /* or the end of the socket: the other process has failed, and has said why
                         */
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

int namespaces_own_net(int peer, struct err *err)
{
    auto_fd int any = -1;
    auto_fd int net = -1;
    int rc;

    if (unshare(CLONE_NEWNET) < 0)
        return err_set(err, errno, "cannot make a network namespace");
    any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0)
        return err_set(err, errno, "cannot make a socket in the network namespace");
    net = ioctl(any, SIOCGSKNS);
    if (net < 0)
        return err_set(err, errno, "cannot open the network namespace");
    rc = send_descriptor(peer, net);
    if (rc < 0)
        return err_set(err, -rc, "cannot hand over the network namespace");
    return loopback_up(any, err);
}

int namespaces_join_net(int peer, struct err *err)
{
    auto_fd int net = receive_descriptor(peer);

    if (net < 0)
        return err_set(err, -net, "cannot receive the network namespace");
    if (setns(net, CLONE_NEWNET) < 0)
        return err_set(err, errno, "cannot join the network namespace");
    return 0;
}
