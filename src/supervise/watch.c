/* Beside a running program: what appears in the project is taken away at once, and what loses its
 * protection gets it back. Short programs never come here: when they end, a look is all. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/sys/syscalls.h"

#include "guard-internal.h"
#include "supervise-internal.h"

enum {
    FIRST_MS = 100, /* after the start: most programs have ended by then */
    LOOK_MS = 1000, /* without inotify */
    EVENT_BYTES = 16384,
    KEPT_MAX = 8
};

static bool is_used(const struct guard *guard)
{
    return guard->places.top >= 0 && guard->plan != NULL && guard->plan->guard_count > 0;
}

int guard_due(const struct guard *guard, int64_t now_ms)
{
    const struct watch *watch = &guard->watch;
    int64_t left = watch->due_ms - now_ms;

    if (!is_used(guard) || (watch->armed && watch->fd >= 0))
        return -1;
    return left < 0 ? 0 : left > LOOK_MS ? LOOK_MS : (int)left;
}

void watch_add(struct guard *guard, int dir, const char *rel)
{
    struct watch *watch = &guard->watch;
    char proc[64];
    int number;

    if (watch->fd < 0)
        return;
    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", dir);
    number = inotify_add_watch(watch->fd, proc, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    if (number < 0)
        return; /* the last look comes here, too */
    if (number >= WATCHES_MAX)
        inotify_rm_watch(watch->fd, number);
    else if (watch->rels[number] == NULL || !str_eq(watch->rels[number], rel))
        watch->rels[number] = xstrdup(rel);
}

static void arm(struct guard *guard, int pid)
{
    struct watch *watch = &guard->watch;
    const struct plan_file *file = guard->places.file;

    watch->armed = true;
    inside_open(&watch->inside, pid);
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    for (size_t i = 0; watch->fd >= 0 && i < file->place_count; i++) {
        const struct plan_place *place = &file->places[i];
        auto_fd int dir = -1;

        if (!place_is_watched(place))
            continue;
        dir = guard_open(guard, guard->places.top, *place->rel ? place->rel : ".");
        if (dir >= 0)
            watch_add(guard, dir, place->rel);
    }
}

static void take_event(struct guard *guard, const struct inotify_event *event)
{
    const char *rel = NULL;

    if (event->mask & IN_Q_OVERFLOW)
        guard_sweep(guard, false);
    if (event->wd <= 0 || event->wd >= WATCHES_MAX || event->len == 0)
        return;
    rel = guard->watch.rels[event->wd];
    if (rel != NULL)
        guard_see(guard, rel, event->name, (event->mask & IN_ISDIR) != 0);
}

static void take_events(struct guard *guard)
{
    _Alignas(struct inotify_event) char buffer[EVENT_BYTES];
    ssize_t size = read(guard->watch.fd, buffer, sizeof(buffer));

    for (ssize_t at = 0; at < size;) {
        const struct inotify_event *event = (const void *)(buffer + at);

        take_event(guard, event);
        at += (ssize_t)(sizeof(*event) + event->len);
    }
}

void guard_work(struct guard *guard, int pid)
{
    int64_t now_ms = clock_ms();

    if (!is_used(guard))
        return;
    if (guard->watch.due_ms == 0)
        guard->watch.due_ms = now_ms + FIRST_MS;
    if (guard->watch.armed && guard->watch.fd >= 0) {
        take_events(guard);
    } else if (now_ms >= guard->watch.due_ms) {
        if (!guard->watch.armed)
            arm(guard, pid);
        guard->watch.due_ms = now_ms + LOOK_MS;
        guard_sweep(guard, false);
    }
    guard_tell(guard, false);
}

/* --- afterwards --------------------------------------------------------------------------------
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

static _Noreturn void hold(const struct guard *guard, int parent)
{
    const int kept[] = {guard->watch.fd};

    close_all_but(kept, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        pause();
    _exit(0);
}

static void wait_for_end(int pidfd)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};

    while (poll(&fd, 1, -1) < 0 && errno == EINTR) {
    }
}

/* Until pid 1 has ended, and with it everything inside. Memory is the launcher's, so its end comes
 * first. */
static void watch_on(struct guard *guard, int init, int launcher)
{
    struct watch *watch = &guard->watch;
    const int kept[KEPT_MAX] = {watch->fd,
                                guard->places.top,
                                guard->quarantine.dir,
                                watch->inside.user_ns,
                                watch->inside.mount_ns,
                                init,
                                launcher,
                                -1};
    int null = -1;
    struct pollfd fds[] = {{.fd = init, .events = POLLIN}, {.fd = watch->fd, .events = POLLIN}};

    close_all_but(kept, KEPT_MAX);
    while ((null = open("/dev/null", O_RDWR)) >= 0 && null <= STDERR_FILENO) {
    }
    close(null);
    wait_for_end(launcher);
    (void)!chdir("/");
    while (watch->lost == NULL && (fds[0].revents & POLLIN) == 0) {
        guard_work(guard, 0);
        if (watch->lost == NULL)
            poll(fds, 2, guard_due(guard, clock_ms()));
    }
    if (watch->lost != NULL)
        sys_pidfd_kill(init, SIGKILL);
    wait_for_end(init);
    guard_sweep(guard, true);
}

/* Pid 1 shows its namespaces to nobody; what it has adopted does. */
static int first_child(int init)
{
    char text[64] = "";
    auto_fd int fd = -1;
    int pid = 0;

    snprintf(text, sizeof(text), "/proc/%d/task/%d/children", init, init);
    fd = open(text, O_RDONLY | O_CLOEXEC);
    memset(text, 0, sizeof(text));
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return init;
    for (const char *c = text; *c >= '0' && *c <= '9' && pid < 100000000; c++)
        pid = pid * 10 + (*c - '0');
    return pid;
}

bool guard_leave(struct guard *guard, int init)
{
    auto_fd int init_fd = init > 0 ? sys_pidfd_open(init) : -1;
    auto_fd int launcher_fd = init_fd >= 0 ? sys_pidfd_open(getpid()) : -1;
    int launcher = getpid();

    if (!is_used(guard) || (guard->watch.fd < 0 && init_fd < 0))
        return false;
    if (init_fd >= 0 && !guard->watch.armed)
        arm(guard, first_child(init));
    if (sys_fork_with(0, NULL) != 0)
        return false;
    if (init_fd < 0)
        hold(guard, launcher);
    guard->quarantine.count = 0;
    guard->told = 0;
    watch_on(guard, init_fd, launcher_fd);
    return guard->quarantine.count > 0 || guard->failed || guard->incomplete;
}
