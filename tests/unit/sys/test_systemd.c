/* The question to systemd, as bytes, and the reader of its answers: good ones, bad ones, and a peer
 * that speaks something else. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/sys/dbus.h"
#include "svenv/sys/systemd.h"

#define NAME "a.scope"

static const struct cgroup_limits all_limits = {.memory = 1 << 20, .cpus = 2, .processes = 10};

static const char question[] = "\7\0\0\0"
                               "a.scope\0"
                               "\4\0\0\0"
                               "fail\0"
                               "\0\0\0"
                               "\x30\1\0\0" /* 24: 304 bytes of properties, from 32 on */
                               "\0\0\0\0"
                               "\xb\0\0\0"
                               "Description\0"
                               "\1s\0\0"
                               "\x25\0\0\0"
                               "Programs in a sandbox of sandbox-venv\0"
                               "\0\0"
                               "\4\0\0\0" /* 96 */
                               "PIDs\0"
                               "\2au\0"
                               "\0\0\0"
                               "\4\0\0\0"
                               "\x92\x10\0\0"
                               "\xb\0\0\0" /* 120 */
                               "CollectMode\0"
                               "\1s\0\0"
                               "\x12\0\0\0"
                               "inactive-or-failed\0"
                               "\0\0\0\0\0"
                               "\x9\0\0\0" /* 168 */
                               "OOMPolicy\0"
                               "\1s\0"
                               "\0\0\0"
                               "\x8\0\0\0"
                               "continue\0"
                               "\0\0\0\0\0\0\0"
                               "\x9\0\0\0" /* 208 */
                               "MemoryMax\0"
                               "\1t\0"
                               "\0\0\0\0\0\0\0"
                               "\0\0\x10\0\0\0\0\0"
                               "\xd\0\0\0" /* 240 */
                               "MemorySwapMax\0"
                               "\1t\0"
                               "\0\0\0"
                               "\0\0\0\0\0\0\0\0"
                               "\x8\0\0\0" /* 272 */
                               "TasksMax\0"
                               "\1t\0"
                               "\xa\0\0\0\0\0\0\0"
                               "\x12\0\0\0" /* 296 */
                               "CPUQuotaPerSecUSec\0"
                               "\1t\0"
                               "\0\0\0\0\0\0"
                               "\x80\x84\x1e\0\0\0\0\0"
                               "\0\0\0\0" /* 336: no auxiliary units */
                               "\0\0\0\0";

Test(systemd, the_question)
{
    auto_buf struct buf body = {0};

    systemd_scope_body(&body, NAME, &all_limits, 4242, true);
    cr_assert_eq(body.len, sizeof(question) - 1, "%zu", body.len);
    for (size_t i = 0; i < body.len; i++)
        cr_assert_eq(body.data[i], question[i], "byte %zu is %02x", i, (unsigned char)body.data[i]);
}

static bool asks(const struct cgroup_limits *limits, const char *property)
{
    auto_buf struct buf body = {0};

    systemd_scope_body(&body, NAME, limits, 1, false);
    return memmem(body.data, body.len, property, strlen(property) + 1) != NULL;
}

Test(systemd, only_what_is_limited_is_asked_for)
{
    static const struct {
        struct cgroup_limits limits;
        const char *property;
        bool asked;
    } rows[] = {
        {{.memory = 1}, "MemoryMax", true},     {{.memory = 1}, "MemorySwapMax", true},
        {{.memory = 1}, "TasksMax", false},     {{.cpus = 1}, "CPUQuotaPerSecUSec", true},
        {{.cpus = 1}, "MemoryMax", false},      {{.processes = 1}, "TasksMax", true},
        {{.processes = 1}, "OOMPolicy", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(asks(&rows[i].limits, rows[i].property), rows[i].asked, "row %zu: %s", i,
                     rows[i].property);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void add_field(struct buf *out, char code, const char *type)
{
    dbus_pad(out, 8);
    buf_add_char(out, code);
    dbus_add_signature(out, type);
}

static void add_text(struct buf *out, char code, const char *text)
{
    add_field(out, code, "s");
    dbus_add_string(out, text);
}

static void add_message(struct buf *all, char type, uint32_t reply, const char *name,
                        const char *signature, const struct buf *body)
{
    auto_buf struct buf out = {0};
    size_t fields;

    buf_add(&out, (char[]){'l', type, 0, 1}, 4);
    dbus_add_u32(&out, body ? (uint32_t)body->len : 0);
    dbus_add_u32(&out, 77);
    fields = dbus_begin_array(&out, 8);
    if (reply) {
        add_field(&out, 5, "u");
        dbus_add_u32(&out, reply);
    }
    if (type == DBUS_ERROR)
        add_text(&out, 4, name);
    if (type == DBUS_SIGNAL) {
        add_text(&out, 2, "org.freedesktop.systemd1.Manager");
        add_text(&out, 3, name);
    }
    if (signature) {
        add_field(&out, 8, "g");
        dbus_add_signature(&out, signature);
    }
    dbus_end_array(&out, fields, 8);
    dbus_pad(&out, 8);
    if (body)
        buf_add(&out, body->data, body->len);
    buf_add(all, out.data, out.len);
}

static void add_job(struct buf *all, const char *unit, const char *result)
{
    auto_buf struct buf body = {0};

    dbus_add_u32(&body, 5);
    dbus_add_string(&body, "/org/freedesktop/systemd1/job/5");
    dbus_add_string(&body, unit);
    dbus_add_string(&body, result);
    add_message(all, DBUS_SIGNAL, 0, "JobRemoved", "uoss", &body);
}

static void add_error(struct buf *all, uint32_t reply, const char *text)
{
    auto_buf struct buf body = {0};

    dbus_add_string(&body, text);
    add_message(all, DBUS_ERROR, reply, "org.example.Error", text ? "s" : NULL, &body);
}

/* The words of a bus after the log-in, one letter each. */
static void add_script(struct buf *all, const char *script)
{
    for (const char *step = script; *step; step++) {
        if (*step >= '1' && *step <= '4')
            add_message(all, DBUS_RETURN, (uint32_t)(*step - '0'), NULL, NULL, NULL);
        else if (*step == 'd' || *step == 'f')
            add_job(all, NAME, *step == 'd' ? "done" : "failed");
        else if (*step == 'D')
            add_job(all, "a-2.scope", "done");
        else if (*step == 'o')
            add_job(all, "other.scope", "failed");
        else if (*step == 'n')
            add_message(all, DBUS_SIGNAL, 0, "JobRemoved", NULL, NULL);
        else if (*step == 'H')
            add_error(all, 1, "no hello");
        else if (*step == 'E')
            add_error(all, 3, "no such property");
        else if (*step == 'A')
            add_error(all, 4, "no such luck");
        else if (*step == 'x')
            buf_add_str(all, "HTTP/1.0 400 Bad Request\r\n\r\n");
        else if (*step == 'L')
            buf_add(all, "l\2\1\1\0\0\0\1\1\0\0\0\0\0\0\0", 16);
    }
}

static void read_until(int fd, const char *end)
{
    char last[16] = "";
    size_t len = strlen(end);

    while (memcmp(last, end, len) != 0) {
        memmove(last, last + 1, len - 1);
        if (read(fd, last + len - 1, 1) != 1)
            _exit(1);
    }
}

static _Noreturn void be_bus(int listener, const char *log_in, const char *script)
{
    auto_buf struct buf all = {0};
    char ignored[4096];
    int fd = accept(listener, NULL, NULL);

    alarm(60);
    signal(SIGPIPE, SIG_IGN);
    read_until(fd, "\r\n");
    if (write(fd, log_in, strlen(log_in)) < 0)
        _exit(1);
    if (*script) {
        read_until(fd, "BEGIN\r\n");
        add_script(&all, script);
        if (write(fd, all.data ? all.data : "", all.len) < 0)
            _exit(1);
        shutdown(fd, SHUT_WR);
        while (read(fd, ignored, sizeof(ignored)) > 0) {
        }
    }
    _exit(0);
}

static int converse(const char *log_in, const char *script, char name[CGROUP_NAME_MAX],
                    struct err *err)
{
    struct systemd_bus where = {
        .address = {.sun_family = AF_UNIX}, .len = sizeof(where.address), .patience_ms = 30000};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t bus;
    int rc;

    /* An abstract name that the kernel chooses (unix(7), autobind). */
    cr_assert_eq(bind(listener, (struct sockaddr *)&where.address, sizeof(sa_family_t)), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&where.address, &where.len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    bus = fork();
    if (bus == 0)
        be_bus(listener, log_in, script);
    rc = systemd_scope(&where, "a", &all_limits, 4242, name, err);
    close(listener);
    cr_assert_eq(waitpid(bus, NULL, 0), bus);
    return rc;
}

Test(systemd, conversations, .timeout = 120)
{
    static const struct {
        const char *script;
        int rc;
        const char *says;
    } rows[] = {
        {"123d", 0, ""},
        {"12d3", 0, ""},
        {"12on3od", 0, ""},
        {"3d", 0, ""},
        {"12E4D", 0, ""}, /* an older systemd that knows a word less */
        {"12ED4", 0, ""},
        {"12E4d", -ECONNRESET, "no usable answer"},
        {"12EA", -EPROTO, "systemd refuses: no such luck"},
        {"H", -EPROTO, "systemd refuses: no hello"},
        {"123f", -EPROTO, "systemd could not make the scope (failed)"},
        {"123", -ECONNRESET, "no usable answer"},
        {"12d", -ECONNRESET, "no usable answer"},
        {"124d", -ECONNRESET, "no usable answer"}, /* nothing was asked a second time */
        {"o", -ECONNRESET, "no usable answer"},
        {"x", -EBADMSG, "no usable answer"},
        {"123x", -EBADMSG, "no usable answer"},
        {"12L", -EMSGSIZE, "no usable answer"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char name[CGROUP_NAME_MAX] = "";
        struct err err = {0};
        int rc = converse("OK 0123456789abcdef\r\n", rows[i].script, name, &err);

        cr_expect_eq(rc, rows[i].rc, "'%s': %d (%s)", rows[i].script, rc, err.msg);
        cr_expect(strstr(err.msg, rows[i].says) != NULL, "'%s': %s", rows[i].script, err.msg);
        cr_expect_eq(err.code, -rc);
        cr_expect_str_eq(name, rc < 0 ? "" : strchr(rows[i].script, 'E') ? "a-2.scope" : NAME);
    }
}

Test(systemd, log_ins_that_fail, .timeout = 120)
{
    static const struct {
        const char *answer;
        int rc;
    } rows[] = {
        {"REJECTED EXTERNAL\r\n", -EACCES},
        {"OKAY\r\n", -EACCES},
        {"\n", -EACCES},
        {"", -ECONNRESET},
        {"OK 0123", -ECONNRESET},
    };
    char endless[700], name[CGROUP_NAME_MAX];

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err = {0};
        int rc = converse(rows[i].answer, "", name, &err);

        cr_expect_eq(rc, rows[i].rc, "'%s': %d (%s)", rows[i].answer, rc, err.msg);
    }
    memset(endless, 'O', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    cr_expect_eq(converse(endless, "", name, NULL), -EMSGSIZE);
}

Test(systemd, nobody_listens)
{
    struct systemd_bus where = {.address = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/bus"},
                                .len = sizeof(where.address),
                                .patience_ms = 30000};
    char name[CGROUP_NAME_MAX];
    struct err err = {0};

    cr_expect_eq(systemd_scope(&where, "a", &all_limits, 1, name, &err), -ENOENT);
    cr_expect(strstr(err.msg, "'/nonexistent/bus'") != NULL, "%s", err.msg);
}

/* A peer that says nothing costs the patience, and not more. */
Test(systemd, silence_is_waited_for_only_so_long, .timeout = 120)
{
    struct systemd_bus where = {
        .address = {.sun_family = AF_UNIX}, .len = sizeof(where.address), .patience_ms = 1000};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char name[CGROUP_NAME_MAX];
    struct err err = {0};

    cr_assert_eq(bind(listener, (struct sockaddr *)&where.address, sizeof(sa_family_t)), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&where.address, &where.len), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_expect_eq(systemd_scope(&where, "a", &all_limits, 1, name, &err), -ETIMEDOUT, "%s", err.msg);
    close(listener);
}
