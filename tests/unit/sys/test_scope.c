/* The callers who may have a process moved into a scope, and how long the buses are asked. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/sys/scope.h"

#include "../base/scratch.h"

/* --- who may ------------------------------------------------------------------------------------
 */

/* A process that waits for its end. name: what it calls itself; uid: what it becomes, 0: nothing.
 */
static pid_t begin_waiting(const char *name, uid_t uid)
{
    int ready[2];
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        alarm(60);
        if ((name && prctl(PR_SET_NAME, name) < 0) || (uid && setresuid(uid, uid, uid) < 0) ||
            write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void end_waiting(pid_t pid)
{
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static int check(pid_t parent, pid_t pid, struct err *err)
{
    char stem[CGROUP_NAME_MAX];

    snprintf(stem, sizeof(stem), "sandbox-venv-%d-0123456789abcdef", (int)parent);
    return scope_check(parent, pid, stem, err);
}

Test(scope, a_child_of_the_one_that_asks)
{
    struct err err = {0};
    pid_t child = begin_waiting(NULL, 0);

    cr_expect_eq(check(getpid(), child, &err), 0, "%s", err.msg);
    end_waiting(child);
    cr_expect_eq(check(getpid(), child, &err), -ENOENT, "%s", err.msg);
}

Test(scope, processes_of_others)
{
    struct err err = {0};
    pid_t child = begin_waiting(NULL, 0);

    cr_expect_eq(check(getpid(), 1, &err), -EPERM, "%s", err.msg);
    cr_expect_eq(check(getpid(), getppid(), &err), -EPERM, "%s", err.msg);
    cr_expect_eq(check(getpid(), getpid(), &err), -EPERM, "%s", err.msg);
    cr_expect(strstr(err.msg, "no child") != NULL, "%s", err.msg);
    cr_expect_eq(check(child, getpid(), &err), -EPERM, "a parent of the one that asks");
    end_waiting(child);
}

/* It says by its name that it is a child of the one that asks. */
Test(scope, a_process_that_lies_by_its_name)
{
    struct err err = {0};
    char name[16];
    pid_t asking = begin_waiting(NULL, 0);
    pid_t liar;

    snprintf(name, sizeof(name), "\nPPid:\t%d\n", (int)asking);
    liar = begin_waiting(name, 0);
    cr_expect_eq(check(asking, liar, &err), -EPERM, "%s", err.msg);
    cr_expect_eq(check(getpid(), liar, &err), 0, "%s", err.msg);
    end_waiting(liar);
    end_waiting(asking);
}

Test(scope, a_child_that_became_another_user)
{
    struct err err = {0};
    pid_t child;

    if (geteuid() != 0)
        cr_skip_test("only root can make a process of another user");
    child = begin_waiting(NULL, 65534);
    cr_expect_eq(check(getpid(), child, &err), -EPERM, "%s", err.msg);
    cr_expect(strstr(err.msg, "another user") != NULL, "%s", err.msg);
    end_waiting(child);
}

Test(scope, names_that_are_not_the_asker_s)
{
    static const struct {
        const char *before;
        const char *after; /* NULL: the number of the one that asks is not in it either */
        int rc;
    } rows[] = {
        {"sandbox-venv-", "-5", 0},
        {"sandbox-venv-", "", 0},
        {"sandbox-venv-1-5", NULL, -EPERM},
        {"sandbox-venv-", "0-5", -EPERM},
        {"sandbox-venv--5", NULL, -EPERM},
        {"other-", "-5", -EPERM},
        {"", NULL, -EPERM},
        {"dbus.service", NULL, -EPERM},
        {"sandbox-venv-", ".service", -EPERM},
        {"sandbox-venv-", "-5.service", -EPERM},
        {"sandbox-venv-", "-/../x", -EPERM},
        {"sandbox-venv-", "-\n", -EPERM},
        {"sandbox-venv-", "-0123456789012345678901234567890123456789", -EPERM},
    };
    pid_t child = begin_waiting(NULL, 0);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *stem =
            rows[i].after ? xasprintf("%s%d%s", rows[i].before, (int)getpid(), rows[i].after)
                          : xstrdup(rows[i].before);

        cr_expect_eq(scope_check(getpid(), child, stem, NULL), rows[i].rc, "'%s'", stem);
    }
    end_waiting(child);
}

/* A name that this process makes is one that its children may be moved by. */
Test(scope, the_name_that_is_made)
{
    char stem[CGROUP_NAME_MAX], other[CGROUP_NAME_MAX];
    pid_t child = begin_waiting(NULL, 0);

    cgroup_new_name(stem);
    cgroup_new_name(other);
    cr_expect_str_neq(stem, other);
    cr_expect_eq(cgroup_name_owner(stem), getpid());
    cr_expect_eq(scope_check(getpid(), child, stem, NULL), 0, "'%s'", stem);
    end_waiting(child);
}

/* --- how long -----------------------------------------------------------------------------------
 */

/* A bus that takes a connection and says nothing. */
static int listen_at(const struct scratch *dir, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir->path, name);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 4), 0);
    return fd;
}

static bool was_asked(int listener)
{
    int fd = accept(listener, NULL, NULL);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The time is for all buses together. So root, who may ask the system's own at last, doesn't here.
 */
Test(scope, the_buses_share_the_time, .timeout = 120)
{
    static const struct cgroup_limits limits = {.memory = 1 << 20};
    static const struct {
        const char *first; /* socket, in the directory; the second is always there */
        bool first_asked, second_asked;
    } rows[] = {{"a", true, false}, {"absent", false, true}};
    struct scratch dir = scratch_new();
    int first = listen_at(&dir, "a"), second = listen_at(&dir, "bus");

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *address = xasprintf("unix:path=%s/%s", dir.path, rows[i].first);
        struct scope_bus bus = {.address = address, .runtime_dir = dir.path, .patience_ms = 700};
        struct err err = {0};

        cr_expect_eq(scope_ask(&bus, &limits, "sandbox-venv-1-1", 1, &err), -ETIMEDOUT, "%s",
                     err.msg);
        cr_expect_eq(was_asked(first), rows[i].first_asked, "row %zu", i);
        cr_expect_eq(was_asked(second), rows[i].second_asked, "row %zu", i);
    }
    close(first);
    close(second);
    scratch_drop(&dir);
}
