/* Mounts in a sandbox that runs: here a process in namespaces of its own, which sees the project
 * at its own path and does what the test asks it to. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "project.h"

#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/sys/syscalls.h"

enum {
    CANNOT_BEGIN = 0xffff
};

/* --- the process inside ------------------------------------------------------------------------
 */

struct order {
    enum {
        WRITE,
        RENAME,
        SIZE
    } verb;
    char path[128];
};

static int obey(const struct order *order)
{
    char other[160];
    struct stat st;
    int fd = -1;

    switch (order->verb) {
    case WRITE:
        fd = open(order->path, O_WRONLY | O_CLOEXEC);
        return fd < 0 || close(fd) < 0 ? -errno : 0;
    case RENAME:
        snprintf(other, sizeof(other), "%s.other", order->path);
        if (rename(order->path, other) < 0)
            return -errno;
        return rename(other, order->path) < 0 ? -errno : 0;
    case SIZE:
        return stat(order->path, &st) < 0 ? -errno : (int)st.st_size;
    }
    return -EINVAL;
}

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    close(fd);
    return done;
}

static bool enter_namespaces(void)
{
    char uid[64], gid[64];

    snprintf(uid, sizeof(uid), "%u %u 1", geteuid(), geteuid());
    snprintf(gid, sizeof(gid), "%u %u 1", getegid(), getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", uid) &&
           write_text("/proc/self/gid_map", gid) &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool make_below(int root, const char *path)
{
    int dir = fd_mkdir_beneath(root, path, 0755);

    close(dir);
    return dir >= 0;
}

/* A root with the project and what hides names, mounted over the venv's directory. */
static bool enter_root(const struct project *p)
{
    char shown[256];
    int root = -1, file = -1;

    if (mount("tmpfs", p->venv, "tmpfs", 0, NULL) < 0)
        return false;
    root = open(p->venv, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(shown, sizeof(shown), "%s%s", p->venv, p->path);
    if (!make_below(root, ROOT_EMPTY_DIR) || !make_below(root, p->path + 1) ||
        mount(p->path, shown, NULL, MS_BIND | MS_REC, NULL) < 0)
        return false;
    file = openat(root, ROOT_EMPTY_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    close(file);
    return file >= 0 && fchdir(root) == 0 && sys_pivot_root(".", ".") == 0 &&
           umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

static _Noreturn void inside_main(const struct project *p, int socket)
{
    struct order order;
    int answer = enter_namespaces() && enter_root(p) ? 0 : CANNOT_BEGIN;

    while (send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer) &&
           recv(socket, &order, sizeof(order), 0) == sizeof(order))
        answer = obey(&order);
    _exit(0);
}

/* --- the test's side ---------------------------------------------------------------------------
 */

struct box {
    struct project *project;
    struct inside inside;
    pid_t pid;
    int socket;
};

static int answer_of(const struct box *box)
{
    int answer = CANNOT_BEGIN;

    (void)!recv(box->socket, &answer, sizeof(answer), 0);
    return answer;
}

static int ask(const struct box *box, int verb, const char *rel)
{
    struct order order = {.verb = verb};

    snprintf(order.path, sizeof(order.path), "%s/%s", box->project->path, rel);
    cr_assert_eq(send(box->socket, &order, sizeof(order), MSG_NOSIGNAL), sizeof(order));
    return answer_of(box);
}

static void box_drop(struct box *box)
{
    close(box->socket);
    cr_expect_eq(waitpid(box->pid, NULL, 0), box->pid);
    close(box->inside.user_ns);
    close(box->inside.mount_ns);
    close(box->inside.coverer);
    project_drop(box->project);
}

static void write_file(const struct project *p, const char *rel, const char *text)
{
    struct scratch in_project = {.fd = p->top};

    cr_assert_eq(project_make(p, rel), 0);
    scratch_write(&in_project, rel, text);
}

static struct box box_new(void)
{
    struct box box = {.project = project_new()};
    int pair[2];

    write_file(box.project, "a/b/.envrc", "text");
    write_file(box.project, "a/b/README", "text");
    write_file(box.project, "a/.git/config", "text");
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    box.pid = fork();
    if (box.pid == 0) {
        close(pair[0]);
        inside_main(box.project, pair[1]);
    }
    close(pair[1]);
    box.socket = pair[0];
    cr_assert_gt(box.pid, 0);
    if (answer_of(&box) == CANNOT_BEGIN && getenv("SVENV_MUST_WORK") == NULL) {
        box.inside = (struct inside){-1, -1, -1, 0};
        box_drop(&box);
        cr_skip_test("user namespaces are refused here");
    }
    inside_open(&box.inside, box.pid);
    cr_assert(box.inside.user_ns >= 0 && box.inside.mount_ns >= 0);
    return box;
}

static int cover_in(struct box *box, const char *rel, bool hide)
{
    char dest[128];

    snprintf(dest, sizeof(dest), "%s/%s", box->project->path, rel);
    return inside_cover(&box->inside, box->project->path, dest,
                        COVER_PIN | (hide ? COVER_HIDE : 0));
}

Test(cover, a_file_is_protected_with_its_directories)
{
    struct box box = box_new();

    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), 0, "it could be written");
    cr_expect_eq(ask(&box, RENAME, "a"), 0, "and its directory renamed");
    cr_assert_eq(cover_in(&box, "a/b/.envrc", false), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), -EROFS);
    cr_expect_eq(ask(&box, RENAME, "a/b/.envrc"), -EBUSY);
    cr_expect_eq(ask(&box, RENAME, "a/b"), -EBUSY);
    cr_expect_eq(ask(&box, RENAME, "a"), -EBUSY);
    cr_expect_eq(ask(&box, SIZE, "a/b/.envrc"), 4, "it can be read");
    cr_expect_eq(ask(&box, WRITE, "a/b/README"), 0, "its neighbour is the program's");
    cr_expect_eq(ask(&box, RENAME, "a/b/README"), 0);
    box_drop(&box);
}

Test(cover, a_directory_is_protected)
{
    struct box box = box_new();

    cr_expect_eq(ask(&box, WRITE, "a/.git/config"), 0);
    cr_assert_eq(cover_in(&box, "a/.git", false), 0);
    cr_assert_eq(cover_in(&box, "a/.git", false), 0, "once more changes nothing");
    cr_expect_eq(ask(&box, WRITE, "a/.git/config"), -EROFS);
    cr_expect_eq(ask(&box, RENAME, "a/.git"), -EBUSY);
    box_drop(&box);
}

Test(cover, what_is_hidden_cannot_be_read)
{
    struct box box = box_new();

    cr_expect_eq(ask(&box, SIZE, "a/b/.envrc"), 4);
    cr_assert_eq(cover_in(&box, "a/b/.envrc", true), 0);
    cr_expect_eq(ask(&box, SIZE, "a/b/.envrc"), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), -EROFS);
    cr_assert_eq(cover_in(&box, "a/.git", true), 0);
    cr_expect_eq(ask(&box, SIZE, "a/.git/config"), -ENOENT);
    box_drop(&box);
}

/* The kernel takes the mount away with the file that it was on. */
Test(cover, a_file_that_was_replaced_outside_is_protected_again)
{
    struct box box = box_new();

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(cover_in(&box, "a/b/.envrc", false), 0);
        cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), -EROFS);
        cr_assert_eq(project_make(box.project, "saved"), 0);
        cr_assert_eq(renameat(box.project->top, "saved", box.project->top, "a/b/.envrc"), 0);
        cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), 0, "the mount is gone");
    }
    box_drop(&box);
}

/* Programs rename their own directories: only what stays protected may hold them. */
Test(cover, a_file_that_appeared_is_protected_alone)
{
    struct box box = box_new();
    char dest[128];

    snprintf(dest, sizeof(dest), "%s/a/b/.envrc", box.project->path);
    cr_assert_eq(inside_cover(&box.inside, box.project->path, dest, 0), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), -EROFS);
    cr_expect_eq(ask(&box, RENAME, "a/b"), 0);
    box_drop(&box);
}

/* Its end does not keep a name from being covered. */
Test(cover, another_process_takes_its_place)
{
    struct box box = box_new();

    cr_assert_eq(cover_in(&box, "a/.git", false), 0);
    cr_assert_eq(kill(box.inside.pid, SIGKILL), 0);
    cr_assert_eq(cover_in(&box, "a/b/.envrc", false), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), -EROFS);
    box_drop(&box);
}

Test(cover, what_is_not_there_needs_no_mount)
{
    struct box box = box_new();

    cr_expect_eq(cover_in(&box, "a/b/.env", false), 0);
    cr_expect_eq(cover_in(&box, "a/none/.env", true), 0);
    box_drop(&box);
}

/* A mount on a link would lie where the program points the link. */
Test(cover, no_link_is_covered)
{
    struct box box = box_new();

    cr_assert_eq(project_make(box.project, "a/link->b"), 0);
    cr_assert_eq(project_make(box.project, "a/b/file->README"), 0);
    cr_expect_lt(cover_in(&box, "a/link/.envrc", false), 0);
    cr_expect_lt(cover_in(&box, "a/b/file", false), 0);
    cr_expect_lt(cover_in(&box, "a/b/file", true), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/README"), 0);
    box_drop(&box);
}

Test(cover, what_cannot_be_entered_is_told)
{
    struct box box = box_new();
    struct inside none = {-1, -1, -1, 0};
    struct inside own;
    const char *top = box.project->path;
    char dest[128];

    snprintf(dest, sizeof(dest), "%s/a/b/.envrc", top);
    cr_expect_eq(inside_cover(&none, top, dest, COVER_PIN), -EBADF);
    inside_open(&own, getpid());
    cr_expect_eq(inside_cover(&own, top, dest, COVER_PIN), -ECHILD);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), 0);
    close(own.user_ns);
    close(own.mount_ns);
    inside_open(&own, -1);
    cr_expect(own.user_ns < 0 && own.mount_ns < 0);
    box_drop(&box);
}

/* --- the sweep that finds it -------------------------------------------------------------------
 */

Test(cover, a_look_protects_again)
{
    struct box box = box_new();
    struct project *p = box.project;
    char dest[128];
    struct plan_op op = {.kind = PLAN_BIND, .dest = dest, .src = dest};

    snprintf(dest, sizeof(dest), "%s/a/b/.envrc", p->path);
    project_place(p, "a/b", PLAN_SEEN_WATCHED);
    project_know(p, "a/b/.envrc");
    p->plan.ops = &op;
    p->plan.op_count = 1;
    project_begin(p);
    cr_assert_eq(cover_in(&box, "a/b/.envrc", false), 0);
    watch_begin_looks(&p->guard, box.pid);
    cr_assert_eq(project_make(p, "saved"), 0);
    cr_assert_eq(renameat(p->top, "saved", p->top, "a/b/.envrc"), 0);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), 0);
    guard_sweep(&p->guard, false);
    cr_expect_eq(ask(&box, WRITE, "a/b/.envrc"), -EROFS);
    cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
    cr_expect_eq(p->guard.report->count, 0);
    box_drop(&box);
}

/* A .env that comes while the program runs is hidden from it, and stays. */
Test(cover, a_look_hides_what_appears)
{
    struct box box = box_new();
    struct project *p = box.project;

    project_place(p, "", PLAN_SEEN_WATCHED);
    project_begin(p);
    watch_begin_looks(&p->guard, box.pid);
    write_file(p, ".env", "PASSWORD=x");
    cr_expect_eq(ask(&box, SIZE, ".env"), 10);
    guard_sweep(&p->guard, false);
    cr_expect_eq(ask(&box, SIZE, ".env"), 0);
    cr_expect(project_has(p, ".env"));
    cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
    box_drop(&box);
}

/* The program cannot be shown the file; so it cannot go on either. */
Test(cover, a_look_that_cannot_hide_stops_it)
{
    struct box box = box_new();
    struct project *p = box.project;

    project_place(p, "", PLAN_SEEN_WATCHED);
    project_begin(p);
    watch_begin_looks(&p->guard, box.pid);
    cr_assert_eq(project_make(p, ".env->a/b/README"), 0);
    guard_sweep(&p->guard, false);
    cr_expect_eq(p->guard.report->stop, GUARD_LOST);
    cr_expect_str_eq(p->guard.report->lost, ".env");
    box_drop(&box);
}
