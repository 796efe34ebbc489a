/* The guard's own process, both sides of it.
 *
 * Beside a program that runs longer than a moment the guard is a child of the launcher. Its work
 * takes as long as the project's file system does, and it waits for children of its own; the
 * launcher answers signals, and pid 1, meanwhile. The guard ends with an error where it cannot go
 * on, and the launcher stops the sandbox then, whatever the error was. When the launcher is killed
 * the guard takes the last look all the same. The guard also gives the inotify(7) instance back:
 * the kernel takes 15 milliseconds for that, and nobody waits for the guard.
 *
 * The launcher's part: guard_fork(), guard_hear(), guard_finish(), guard_leave(). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard-internal.h"
#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/num.h"
#include "svenv/sys/loop.h"
#include "svenv/sys/syscalls.h"

enum {
    ORPHANED_MS = 2000,
    KEPT_MAX = 5 + GUARD_OWN_COUNT
};

/* One byte each, on the socket between the two. */
enum word {
    WORD_ENDED = 'e',    /* to the guard: the program has ended, and so does the sandbox */
    WORD_LIVES_ON = 'l', /* likewise, but the sandbox lives on */
    WORD_NEWS = 'n',     /* from it: something is new in the report */
    WORD_LOOKED = 'd'    /* from it: that was the last look */
};

/* The state of the guard's process. It moves down the list only.
 *
 *   BESIDE_PROGRAM  The launcher is there. At its word the guard takes the last look, says so, and
 *                   ends, or goes to AFTER_PROGRAM. Without a word the launcher was killed, and pid
 *                   1 is, too: ORPHANED.
 *   AFTER_PROGRAM   Something lives on without the launcher (lifetime: tree). When pid 1 has ended:
 *                   the last look, a line in the audit log, and the end.
 *   ORPHANED        The same, but after ORPHANED_MS at the latest: in a container without an init
 *                   a pid 1 can wait for ever for somebody to reap what it has killed. */
enum watching {
    BESIDE_PROGRAM,
    AFTER_PROGRAM,
    ORPHANED
};

struct beside {
    struct guard *guard;
    struct loop loop;
    enum watching watching;
    int launcher; /* socket; -1: it has ended */
    int init;     /* pidfd of pid 1; -1: this kernel gives none */
    int init_pid;
    int at_launcher, at_project, at_init;
    size_t told;
    bool stopped; /* pid 1 was killed */
};

/* --- the guard's side --------------------------------------------------------------------------
 */

/* The caller may wait for the end of any pipe that the launcher has inherited. */
static void close_all_but(const int *kept, size_t count)
{
    int from = 0;

    for (;;) {
        int next = -1;

        for (size_t i = 0; i < count; i++) {
            if (kept[i] >= from && (next < 0 || kept[i] < next))
                next = kept[i];
        }
        if (next < 0)
            break;
        if (next > from)
            sys_close_range((unsigned)from, (unsigned)next - 1, 0);
        from = next + 1;
    }
    sys_close_range((unsigned)from, ~0u, 0);
}

static void leave_caller(const struct beside *b)
{
    const struct guard_own *own = &b->guard->own_venv;
    const int kept[KEPT_MAX] = {b->launcher,
                                b->init,
                                b->guard->seen.top,
                                b->guard->quarantine.dir,
                                own->top,
                                own->parts[GUARD_OWN_VENV],
                                own->parts[GUARD_OWN_BIN],
                                own->parts[GUARD_OWN_SANDBOX]};
    int null = -1;

    prctl(PR_SET_NAME, "sandbox-venv");
    close_all_but(kept, KEPT_MAX);
    while ((null = open("/dev/null", O_RDWR)) >= 0 && null <= STDERR_FILENO) {
    }
    close(null);
    (void)!chdir("/");
}

/* From here on the audit log alone tells of the names that are taken. */
static void begin_report(struct guard *guard)
{
    struct guard_report *report = &guard->own;

    if (guard->report != report)
        memcpy(report->stamp, guard->report->stamp, sizeof(report->stamp));
    report->count = report->stuck = report->made_count = 0;
    report->opened = report->incomplete = report->failed = false;
    report->stop = GUARD_GOES_ON;
    guard->report = guard->quarantine.report = report;
}

static _Noreturn void look_late(struct guard *guard)
{
    const struct guard_report *report = guard->report;

    guard_sweep(guard, true);
    if (report->count > 0 || report->made_count > 0 || report->failed || report->incomplete ||
        report->stop != GUARD_GOES_ON)
        guard->late(guard->late_context);
    _exit(0);
}

static void on_init(void *context, short events)
{
    struct beside *b = context;

    (void)events;
    look_late(b->guard);
}

/* Tells the launcher, unless it has ended: it then stops the sandbox as well. */
static void tell_launcher(struct beside *b)
{
    const struct guard_report *report = b->guard->report;
    const char word = WORD_NEWS;

    if (report->stop != GUARD_GOES_ON && !b->stopped && b->init >= 0)
        sys_pidfd_kill(b->init, SIGKILL);
    if (report->count == b->told && (report->stop == GUARD_GOES_ON || b->stopped))
        return;
    b->told = report->count;
    b->stopped = report->stop != GUARD_GOES_ON;
    /* A message that the full socket refuses is no loss: the launcher has others to read, and then
     * reads the report. */
    if (b->launcher >= 0)
        (void)send(b->launcher, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void expect_next_look(struct beside *b)
{
    const struct watch *watch = &b->guard->watch;
    int64_t again_ms = guard_judge_next_ms(b->guard);
    int64_t now_ms = clock_ms();
    int64_t next_ms = watch->waits_until_ms;

    if (watch->fd < 0)
        next_ms = now_ms + GUARD_LOOK_MS;
    else if (touch_settle(b->guard))
        next_ms = now_ms + WATCH_STEP_MS;
    if (again_ms > 0 && (next_ms == 0 || now_ms + again_ms < next_ms))
        next_ms = now_ms + again_ms;
    loop_expect(&b->loop, b->at_project, next_ms);
}

/* Without inotify. */
static void look_through(struct guard *guard)
{
    present_look(guard, false);
    guard_sweep(guard, false);
}

static void on_changes(void *context, short events)
{
    struct beside *b = context;
    struct guard *guard = b->guard;
    int fd = guard->watch.fd;

    if (guard->report->stop != GUARD_GOES_ON)
        return;
    if (turn_is_due(guard)) {
        guard_sweep(guard, false);
        turn_looked(guard);
    }
    if (events)
        watch_take(guard);
    else if (fd < 0)
        look_through(guard);
    guard_judge_again(guard, false);
    if (guard->report->stop == GUARD_GOES_ON)
        expect_next_look(b);
    if (guard->watch.fd != fd) {
        loop_remove(&b->loop, b->at_project);
        b->at_project = loop_add(&b->loop, guard->watch.fd, POLLIN, on_changes, b);
    }
    if (guard->report->stop != GUARD_GOES_ON)
        loop_remove(&b->loop, b->at_project);
    tell_launcher(b);
}

static void watch_init(struct beside *b, enum watching watching)
{
    b->watching = watching;
    b->at_init = loop_add(&b->loop, b->init, POLLIN, on_init, b);
    if (watching == ORPHANED)
        loop_expect(&b->loop, b->at_init, clock_ms() + ORPHANED_MS);
}

static void launcher_is_gone(struct beside *b)
{
    loop_remove(&b->loop, b->at_launcher);
    close(b->launcher);
    b->launcher = -1;
    if (b->watching == BESIDE_PROGRAM)
        watch_init(b, ORPHANED);
}

/* Pid 1 shows its namespaces to nobody; what it has adopted does. */
static int first_child(int init)
{
    char text[64] = "";
    auto_fd int fd = -1;

    snprintf(text, sizeof(text), "/proc/%d/task/%d/children", init, init);
    fd = open(text, O_RDONLY | O_CLOEXEC);
    memset(text, 0, sizeof(text));
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return init;
    return num_leading_id(text);
}

static void on_launcher(void *context, short events)
{
    struct beside *b = context;
    const char looked = WORD_LOOKED;
    char word = 0;
    ssize_t got = recv(b->launcher, &word, 1, MSG_DONTWAIT);

    if (got == 0 || (got < 0 && !(events & POLLIN))) {
        launcher_is_gone(b);
    } else if (got == 1 && b->watching == BESIDE_PROGRAM) {
        watch_end(b->guard);
        if (word != WORD_LIVES_ON) /* nothing is left to be covered */
            b->guard->watch.armed = false;
        else
            watch_arm(b->guard, first_child(b->init_pid));
        guard_sweep(b->guard, true);
        (void)send(b->launcher, &looked, 1, MSG_NOSIGNAL);
        if (word != WORD_LIVES_ON || b->init < 0)
            _exit(0);
        begin_report(b->guard);
        b->told = 0;
        watch_init(b, AFTER_PROGRAM);
    }
}

/* pid: a process in the namespaces of the sandbox. */
static _Noreturn void guard_main(struct beside *b, int pid)
{
    leave_caller(b);
    turn_try(b->guard);
    watch_begin(b->guard, pid);
    b->at_project = loop_add(&b->loop, b->guard->watch.fd, POLLIN, on_changes, b);
    expect_next_look(b);
    if (b->launcher >= 0)
        b->at_launcher = loop_add(&b->loop, b->launcher, POLLIN, on_launcher, b);
    else
        watch_init(b, AFTER_PROGRAM);
    tell_launcher(b);
    loop_run(&b->loop);
    _exit(0);
}

/* --- the launcher's side -----------------------------------------------------------------------
 */

bool guard_is_used(const struct guard *guard)
{
    return guard->plan != NULL &&
           (guard->own_venv.top >= 0 || (guard->seen.top >= 0 && guard->plan->obeyed_count > 0));
}

/* Return: 0, when the report is where both sides see it. */
static int share_report(struct guard *guard)
{
    struct guard_report *shared = NULL;

    if (guard->report != &guard->own)
        return 0;
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared == MAP_FAILED)
        return -errno;
    if (guard->own.count > 0 || guard->own.stop != GUARD_GOES_ON)
        memcpy(shared, &guard->own, sizeof(*shared));
    guard->report = guard->quarantine.report = shared;
    return 0;
}

int guard_fork(struct guard *guard, int program, int init)
{
    auto_fd int init_fd = init > 0 ? sys_pidfd_open(init) : -1;
    int pair[2];
    int pid;
    int rc = share_report(guard);

    if (rc < 0)
        return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid = sys_fork_with(0, NULL);
    if (pid == 0) {
        struct beside beside = {.guard = guard,
                                .launcher = pair[1],
                                .init = init_fd,
                                .init_pid = init,
                                .watching = BESIDE_PROGRAM};

        guard_main(&beside, program);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return pid;
    }
    guard->process =
        (struct guard_process){.begun = true, .socket = pair[0], .pidfd = sys_pidfd_open(pid)};
    return 0;
}

void guard_look(struct guard *guard, int program)
{
    watch_begin_looks(guard, program);
    look_through(guard);
}

static void close_process(struct guard_process *process)
{
    close(process->socket);
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->socket = process->pidfd = -1;
}

enum guard_news guard_hear(struct guard *guard)
{
    struct guard_process *process = &guard->process;
    enum guard_news news = GUARD_NEWS;
    char word = 0;
    ssize_t got = 0;

    while (news == GUARD_NEWS && (got = recv(process->socket, &word, 1, MSG_DONTWAIT)) == 1) {
        if (word == WORD_LOOKED)
            news = GUARD_LOOKED;
    }
    if (news == GUARD_NEWS && (got == 0 || (errno != EAGAIN && errno != EINTR)))
        news = GUARD_GONE;
    if (news == GUARD_GONE)
        process->begun = false;
    if (news != GUARD_NEWS)
        close_process(process);
    return news;
}

bool guard_finish(struct guard *guard, bool alive)
{
    const char word = alive ? WORD_LIVES_ON : WORD_ENDED;

    if (guard->process.socket >= 0) {
        if (guard->process.pidfd >= 0) /* the guard's process may have been stopped with the job */
            sys_pidfd_kill(guard->process.pidfd, SIGCONT);
        if (send(guard->process.socket, &word, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
            return false;
        guard->process.begun = false;
        close_process(&guard->process);
    }
    guard_sweep(guard, true);
    return true;
}

void guard_leave(struct guard *guard, int init)
{
    auto_fd int init_fd = init > 0 ? sys_pidfd_open(init) : -1;
    struct beside beside = {
        .guard = guard, .launcher = -1, .init = init_fd, .watching = AFTER_PROGRAM};

    if (!guard_is_used(guard) || guard->process.begun || init_fd < 0 || sys_fork_with(0, NULL) != 0)
        return;
    begin_report(guard);
    guard_main(&beside, first_child(init));
}
