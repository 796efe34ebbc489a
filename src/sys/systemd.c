/* One conversation: log in as the own user, say hello, ask to be told of ended jobs, ask for the
 * scope, and wait until the job that makes it has ended. */
#include "svenv/sys/systemd.h"
#include "svenv/base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/str.h"
#include "svenv/sys/dbus.h"

enum {
    LINE_MAX_BYTES = 512,
    MESSAGES_MAX = 1024,
    SERIAL_HELLO = 1,
    SERIAL_MATCH = 2,
    SERIAL_START = 3,
    SERIAL_START_AGAIN = 4
};

#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE MANAGER ".Manager"
#define BUS "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
#define JOB_ENDED                                                                                  \
    "type='signal',sender='" MANAGER "',path='" MANAGER_PATH "',interface='" MANAGER_INTERFACE     \
    "',member='JobRemoved'"

/* The meaning of one message for the question with the serial `serial` about the unit `name`. */
enum systemd_answer {
    SYSTEMD_NOTHING, /* it is about something else */
    SYSTEMD_ACCEPTED,
    SYSTEMD_DONE,   /* the job has ended well */
    SYSTEMD_FAILED, /* with *err */
};

struct bus {
    int fd;
    int64_t deadline_ms;
    struct buf in;
};

/* The other side must be the caller's own or root, and must mean the same process by a number: for
 * a peer outside the caller's pid namespace the kernel shows 0, and systemd would move some other
 * process there. */
static int check_peer(int fd, struct err *err)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return err_set(err, errno, "cannot see whose the bus is");
    if (peer.uid != geteuid() && peer.uid != 0)
        return err_plain(err, EPERM, "the bus belongs to somebody else (uid %u)",
                         (unsigned)peer.uid);
    return peer.pid == 0 ? err_plain(err, ESRCH,
                                     "the bus belongs to another pid namespace: systemd there "
                                     "knows this process by no number")
                         : 0;
}

static int wait_for(const struct bus *bus, short events)
{
    struct pollfd fd = {.fd = bus->fd, .events = events};
    int64_t left = bus->deadline_ms - clock_ms();
    int rc = left > 0 ? poll(&fd, 1, (int)left) : 0;

    if (rc < 0)
        return errno == EINTR ? 0 : -errno;
    return rc == 0 ? -ETIMEDOUT : 0;
}

static int send_all(const struct bus *bus, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t put = send(bus->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        int rc = put < 0 ? -errno : 0;

        if (rc == -EAGAIN)
            rc = wait_for(bus, POLLOUT);
        if (rc < 0)
            return rc;
        if (put > 0) {
            at += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/* Reads on until `want` bytes are there. Never more, so that nothing has to be kept. */
static int receive(struct bus *bus, size_t want)
{
    while (bus->in.len < want) {
        char data[4096];
        size_t room = want - bus->in.len < sizeof(data) ? want - bus->in.len : sizeof(data);
        ssize_t got = recv(bus->fd, data, room, MSG_DONTWAIT);
        int rc = got < 0 ? -errno : 0;

        if (got == 0)
            return -ECONNRESET;
        if (rc == -EAGAIN)
            rc = wait_for(bus, POLLIN);
        if (rc < 0)
            return rc;
        if (got > 0)
            buf_add(&bus->in, data, (size_t)got);
    }
    return 0;
}

static int systemd_read_line(struct bus *bus)
{
    bus->in.len = 0;
    do {
        int rc = bus->in.len < LINE_MAX_BYTES ? receive(bus, bus->in.len + 1) : -EMSGSIZE;

        if (rc < 0)
            return rc;
    } while (bus->in.data[bus->in.len - 1] != '\n');
    return 0;
}

/* The caller is known to the other side by its socket: EXTERNAL, with the uid in decimal digits,
 * and these in hexadecimal ones. */
static int log_in(struct bus *bus)
{
    char uid[16];
    auto_buf struct buf line = {0};
    int rc;

    snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
    buf_add(&line, "\0AUTH EXTERNAL ", 15);
    for (const char *digit = uid; *digit; digit++)
        buf_printf(&line, "%02x", (unsigned char)*digit);
    buf_add_str(&line, "\r\n");
    rc = send_all(bus, line.data, line.len);
    if (rc == 0)
        rc = systemd_read_line(bus);
    if (rc < 0)
        return rc;
    if (bus->in.len < 5 || memcmp(bus->in.data, "OK ", 3) != 0)
        return -EACCES;
    return send_all(bus, "BEGIN\r\n", 7);
}

static int next_message(struct bus *bus, struct dbus_message *out)
{
    size_t len;
    int rc;

    bus->in.len = 0;
    rc = receive(bus, DBUS_FIXED);
    if (rc == 0)
        rc = dbus_length(bus->in.data, &len);
    if (rc == 0)
        rc = receive(bus, len);
    return rc < 0 ? rc : dbus_parse(bus->in.data, len, out);
}

/* --- the question ---------------------------------------------------------------------------- */

static void begin_property(struct buf *out, const char *name, const char *type)
{
    dbus_pad(out, 8);
    dbus_add_string(out, name);
    dbus_add_signature(out, type);
}

static void add_number(struct buf *out, const char *name, uint64_t value)
{
    begin_property(out, name, "t");
    dbus_add_u64(out, value);
}

static void systemd_add_text(struct buf *out, const char *name, const char *value)
{
    begin_property(out, name, "s");
    dbus_add_string(out, value);
}

static void add_pid(struct buf *out, pid_t pid)
{
    size_t pids;

    begin_property(out, "PIDs", "au");
    pids = dbus_begin_array(out, 4);
    dbus_add_u32(out, (uint32_t)pid);
    dbus_end_array(out, pids, 4);
}

void systemd_scope_body(struct buf *out, const char *name, const struct cgroup_limits *limits,
                        pid_t pid, bool oom_policy)
{
    size_t properties;

    dbus_add_string(out, name);
    dbus_add_string(out, "fail");
    properties = dbus_begin_array(out, 8);
    systemd_add_text(out, "Description", "Programs in a sandbox of sandbox-venv");
    add_pid(out, pid);
    /* A scope in which something was killed is forgotten as soon as it is empty, too. */
    systemd_add_text(out, "CollectMode", "inactive-or-failed");
    if (oom_policy)
        systemd_add_text(out, "OOMPolicy", "continue");
    if (limits->memory) {
        add_number(out, "MemoryMax", limits->memory);
        add_number(out, "MemorySwapMax", 0);
    }
    if (limits->processes)
        add_number(out, "TasksMax", limits->processes);
    if (limits->cpus)
        add_number(out, "CPUQuotaPerSecUSec", limits->cpus * 1000000);
    dbus_end_array(out, properties, 8);
    dbus_end_array(out, dbus_begin_array(out, 8), 8); /* auxiliary units: none */
}

static int systemd_ask(const struct bus *bus, const struct dbus_call *call)
{
    auto_buf struct buf message = {0};

    dbus_add_call(&message, call);
    return send_all(bus, message.data, message.len);
}

static int ask_scope(const struct bus *bus, uint32_t serial, const char *name,
                     const struct cgroup_limits *limits, pid_t pid)
{
    auto_buf struct buf body = {0};

    systemd_scope_body(&body, name, limits, pid, serial == SERIAL_START);
    return systemd_ask(bus, &(struct dbus_call){.serial = serial,
                                                .destination = MANAGER,
                                                .path = MANAGER_PATH,
                                                .interface = MANAGER_INTERFACE,
                                                .member = "StartTransientUnit",
                                                .signature = "ssa(sv)a(sa(sv))",
                                                .body = &body});
}

static int ask_all(const struct bus *bus, const char *name, const struct cgroup_limits *limits,
                   pid_t pid)
{
    auto_buf struct buf rule = {0};
    int rc = systemd_ask(bus, &(struct dbus_call){.serial = SERIAL_HELLO,
                                                  .destination = BUS,
                                                  .path = BUS_PATH,
                                                  .interface = BUS,
                                                  .member = "Hello"});

    dbus_add_string(&rule, JOB_ENDED);
    if (rc == 0)
        rc = systemd_ask(bus, &(struct dbus_call){.serial = SERIAL_MATCH,
                                                  .destination = BUS,
                                                  .path = BUS_PATH,
                                                  .interface = BUS,
                                                  .member = "AddMatch",
                                                  .signature = "s",
                                                  .body = &rule});
    return rc < 0 ? rc : ask_scope(bus, SERIAL_START, name, limits, pid);
}

/* --- the answers ------------------------------------------------------------------------------ */

static enum systemd_answer take_refusal(const struct dbus_message *message, struct err *err)
{
    struct dbus_reader body = {.data = message->body, .len = message->body_len};
    const char *text = message->error ? message->error : "an error without a name";

    if (message->signature[0] == 's')
        (void)dbus_read_string(&body, &text);
    err_plain(err, EPROTO, "systemd refuses: %.200s", text);
    return SYSTEMD_FAILED;
}

/* JobRemoved(u id, o job, s unit, s result) */
static enum systemd_answer take_job(const struct dbus_message *message, const char *name,
                                    struct err *err)
{
    struct dbus_reader body = {.data = message->body, .len = message->body_len};
    const char *job, *unit, *result;
    uint32_t id;

    if (!str_eq(message->member, "JobRemoved") || !str_eq(message->interface, MANAGER_INTERFACE) ||
        !str_eq(message->signature, "uoss") || dbus_read_u32(&body, &id) < 0 ||
        dbus_read_string(&body, &job) < 0 || dbus_read_string(&body, &unit) < 0 ||
        dbus_read_string(&body, &result) < 0 || !str_eq(unit, name))
        return SYSTEMD_NOTHING;
    if (str_eq(result, "done"))
        return SYSTEMD_DONE;
    err_plain(err, EPROTO, "systemd could not make the scope (%.40s)", result);
    return SYSTEMD_FAILED;
}

static enum systemd_answer systemd_take(const struct dbus_message *message, uint32_t serial,
                                        const char *name, struct err *err)
{
    switch (message->type) {
    case DBUS_RETURN:
        return message->reply_serial == serial ? SYSTEMD_ACCEPTED : SYSTEMD_NOTHING;
    case DBUS_ERROR:
        return message->reply_serial == serial || message->reply_serial == SERIAL_HELLO ||
                       message->reply_serial == SERIAL_MATCH
                   ? take_refusal(message, err)
                   : SYSTEMD_NOTHING;
    case DBUS_SIGNAL:
        return take_job(message, name, err);
    case DBUS_CALL:
        break;
    }
    return SYSTEMD_NOTHING;
}

/* Reads until the question is answered and its job has ended; the two may come in either order. A
 * refusal of the first question may be about a word that an older systemd does not know. The unit
 * of the refused question may still be there for a while, so the second question is about another
 * unit. */
static int read_answers(struct bus *bus, const char *stem, const struct cgroup_limits *limits,
                        pid_t pid, char name[CGROUP_NAME_MAX], struct err *err)
{
    uint32_t serial = SERIAL_START;
    bool accepted = false, done = false;

    for (int i = 0; i < MESSAGES_MAX && !(accepted && done); i++) {
        struct dbus_message message;
        enum systemd_answer answer;
        struct err refusal = {0};
        int rc = next_message(bus, &message);

        if (rc < 0)
            return err_set(err, -rc, "no usable answer came from systemd");
        answer = systemd_take(&message, serial, name, &refusal);
        accepted = accepted || answer == SYSTEMD_ACCEPTED;
        done = done || answer == SYSTEMD_DONE;
        if (answer != SYSTEMD_FAILED)
            continue;
        if (message.type != DBUS_ERROR || message.reply_serial != SERIAL_START) {
            if (err)
                *err = refusal;
            return -refusal.code;
        }
        serial = SERIAL_START_AGAIN;
        snprintf(name, CGROUP_NAME_MAX, "%s-2.scope", stem);
        rc = ask_scope(bus, serial, name, limits, pid);
        if (rc < 0)
            return err_set(err, -rc, "cannot ask systemd again");
    }
    return accepted && done ? 0 : err_plain(err, EPROTO, "systemd did not finish making the scope");
}

int systemd_scope(const struct systemd_bus *where, const char *stem,
                  const struct cgroup_limits *limits, pid_t pid, char name_out[CGROUP_NAME_MAX],
                  struct err *err)
{
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct bus bus = {.fd = fd, .deadline_ms = clock_ms() + where->patience_ms};
    struct timeval patience = {.tv_sec = where->patience_ms / 1000,
                               .tv_usec = where->patience_ms % 1000 * 1000};
    const char *path = where->address.sun_path;
    char name[CGROUP_NAME_MAX];
    int rc;

    if (fd < 0)
        return err_set(err, errno, "cannot make a socket");
    /* connect(2) sleeps when the other side's queue is full; unix(7) gives it this limit. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&where->address, where->len) < 0)
        return err_set(err, errno, "cannot reach the bus '%s'", path[0] ? path : path + 1);
    rc = check_peer(fd, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "%s.scope", stem);
    rc = log_in(&bus);
    if (rc == 0)
        rc = ask_all(&bus, name, limits, pid);
    if (rc < 0)
        err_set(err, -rc, "cannot talk to the bus");
    else
        rc = read_answers(&bus, stem, limits, pid, name, err);
    buf_finish(&bus.in);
    if (rc == 0)
        memcpy(name_out, name, sizeof(name));
    return rc;
}
