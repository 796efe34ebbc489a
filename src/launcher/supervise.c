/* The launcher's life beside a running program. */
#include "svenv/launcher/supervise.h"
#include "svenv/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/log.h"
#include "svenv/base/status.h"

#include "supervise-internal.h"
#include "svenv/guard/guard.h"

enum {
    ANSWER_MS = 5000,
    WAIT_FAILURES_MAX = 8
};

struct supervisor {
    const struct plan *plan;
    struct launch *launch;
    struct guard *guard;
    struct relay relay;
    struct terminal terminal;
    int signals;
    int adopted;         /* pid 1's list of children; -1: none to be had */
    int64_t deadline_ms; /* 0: none */
    bool ended;
    int status; /* of the program, as from waitpid(2) */
    struct rusage usage;
};

/* The program stopped: stop with it, by the same signal, so that the shell sees what it would see
 * unwrapped. Whoever continues the group continues the program; who continues only this process
 * sends SIGCONT, which the relay forwards. */
static void stop_with(int number)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, number);
    if (number == SIGSTOP) {
        raise(SIGSTOP);
        return;
    }
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &set, &old);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

/* Were we stopped as well, and continued since? Then whoever continues every process of the tree
 * gets to the program next, or the relay does. */
static bool is_continued(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1;
}

static void take_children(struct supervisor *s)
{
    struct rusage usage;
    int status, failures = 0;

    for (;;) {
        pid_t pid = wait4(-1, &status, WNOHANG | WUNTRACED, &usage);

        /* The signal that told of it does not come again. */
        if (pid < 0 && errno != ECHILD && failures++ < WAIT_FAILURES_MAX)
            continue;
        if (pid <= 0)
            return;
        if (pid != s->launch->program) {
            if (pid == s->launch->init && !WIFSTOPPED(status))
                s->launch->init = -1;
            continue;
        }
        if (WIFSTOPPED(status)) {
            if (!is_continued() && !job_read_in_vain(s->relay.terminal, pid, WSTOPSIG(status)))
                stop_with(WSTOPSIG(status));
            continue;
        }
        s->ended = true;
        s->status = status;
        s->usage = usage;
    }
}

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            take_children(s);
        else
            relay_signal(&s->relay, &info);
    }
}

static void take_reports(struct supervisor *s)
{
    struct control_message message;

    while (recv(s->relay.control, &message, sizeof(message), MSG_DONTWAIT) ==
           (ssize_t)sizeof(message))
        relay_report(&s->relay, &message);
}

static int poll_time(struct supervisor *s)
{
    int wait = relay_due(&s->relay);
    int watch = guard_due(s->guard, clock_ms());
    int64_t left;

    if (watch >= 0 && (wait < 0 || watch < wait))
        wait = watch;
    if (!s->deadline_ms)
        return wait;
    left = s->deadline_ms - clock_ms();
    left = left < 0 ? 0 : left > 1000000 ? 1000000 : left;
    return wait < 0 || left < wait ? (int)left : wait;
}

/* Kills pid 1, and with it the kernel kills everything in its namespace. Its end waits for the last
 * of them to be reaped, and the program is ours to reap: so all children are waited for at once. */
static void end_sandbox(struct supervisor *s)
{
    struct rusage usage;
    pid_t pid = 0;

    if (s->launch->init <= 0)
        return;
    if (kill(s->launch->init, SIGKILL) < 0) { /* it also ends when it is alone */
        close(s->launch->control);
        s->relay.control = -1;
    }
    while (pid != s->launch->init && (pid >= 0 || errno == EINTR)) {
        pid = wait4(-1, NULL, 0, &usage);
        if (pid == s->launch->program)
            s->usage = usage;
    }
    s->launch->init = -1;
}

static bool time_is_up(const struct supervisor *s)
{
    return s->deadline_ms && clock_ms() >= s->deadline_ms;
}

/* Only a standard stream may keep a pipe open for its reader longer than the program itself does,
 * and only the error stream is needed: for our own messages. */
static void let_go_of_streams(void)
{
    auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
    }
}

/* What cannot be protected any more must not be written: the sandbox ends. */
static void watch_project(struct supervisor *s)
{
    struct watch *watch = &s->guard->watch;

    guard_work(s->guard, s->launch->program);
    if (watch->lost == NULL)
        return;
    log_line("stopped: '%s' was replaced on the host while the program ran, and cannot be "
             "protected again (filesystem.protect)",
             watch->lost);
    kill(s->launch->init, SIGKILL);
    watch->lost = NULL;
}

static void run_until_end(struct supervisor *s)
{
    take_children(s);
    while (!s->ended && !time_is_up(s)) {
        struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN},
                               {.fd = s->relay.control, .events = POLLIN},
                               {.fd = s->guard->watch.fd, .events = POLLIN}};

        poll(fds, ARRAY_SIZE(fds), poll_time(s));
        take_signals(s);
        if (!s->ended)
            watch_project(s);
        if (fds[1].revents & POLLIN)
            take_reports(s);
        else if (fds[1].revents)
            s->relay.control = -1; /* pid 1 is gone: the program's end follows */
    }
}

/* Opened while the program has yet to run, when there is time: the kernel makes the directories on
 * the way to a file in /proc as they are asked for. */
static int open_adopted(int init)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", init, init);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Has pid 1 adopted nothing that the program left? Its list of children (proc(5), "children") costs
 * less than asking it; where there is no such file, or it is hidden, it is asked. */
static bool nothing_left(struct supervisor *s)
{
    char byte;

    if (s->adopted >= 0)
        return read(s->adopted, &byte, 1) == 0;
    return control_say(s->relay.control, CONTROL_LEFT, 0) < 0 ||
           control_wait(&s->relay, CONTROL_LEFT, ANSWER_MS) != 1;
}

/* What `lifetime` says about the rest. When nothing is left the status is reported at once, and the
 * kernel takes pid 1 away as this process ends. */
static bool settle_rest(struct supervisor *s)
{
    uint32_t seconds = 0;

    if (s->plan->lifetime == PLAN_LIFETIME_PROGRAM) {
        end_sandbox(s);
        return false;
    }
    if (nothing_left(s))
        return false;
    if (s->deadline_ms) {
        int64_t left = s->deadline_ms - clock_ms();

        seconds = left > 1000 ? (uint32_t)(left / 1000) : 1;
    }
    return control_say(s->relay.control, CONTROL_DETACH, seconds) == 0 &&
           control_wait(&s->relay, CONTROL_DETACH, ANSWER_MS) >= 0;
}

int supervise_signals(struct err *err)
{
    sigset_t all;
    int fd;

    sigfillset(&all);
    fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_set(err, errno, "cannot watch signals") : fd;
}

void supervise(const struct plan *plan, struct launch *launch, struct guard *guard, int signals,
               struct outcome *out)
{
    struct supervisor s = {.plan = plan,
                           .launch = launch,
                           .guard = guard,
                           .relay = {.control = launch->control,
                                     .program = launch->program,
                                     .terminal = job_terminal()},
                           .signals = signals};
    int64_t oom_kills;

    if (plan->wall_time)
        s.deadline_ms = clock_ms() + (int64_t)plan->wall_time * 1000;
    terminal_note(s.relay.terminal, &s.terminal);
    let_go_of_streams();
    s.adopted = open_adopted(launch->init);
    run_until_end(&s);
    job_take_terminal(s.relay.terminal, launch->program);
    close(s.signals);
    /* Before pid 1 ends: with the last process systemd takes the group away. */
    oom_kills = launch->group.way == GROUP_NONE ? 0 : cgroup_oom_kills(&launch->group.cgroup);
    if (!s.ended) {
        end_sandbox(&s);
        terminal_restore(&s.terminal);
        *out = (struct outcome){.how = OUTCOME_TIME_LIMIT,
                                .value = STATUS_TIME_LIMIT,
                                .usage = s.usage,
                                .oom_kills = oom_kills};
        return;
    }
    *out = WIFSIGNALED(s.status)
               ? (struct outcome){.how = OUTCOME_KILLED, .value = WTERMSIG(s.status)}
               : (struct outcome){.how = OUTCOME_EXITED, .value = WEXITSTATUS(s.status)};
    if (out->how == OUTCOME_KILLED)
        terminal_restore(&s.terminal);
    out->usage = s.usage;
    out->oom_kills = oom_kills;
    out->alive = settle_rest(&s);
    close(s.adopted);
}

_Noreturn void outcome_repeat(const struct outcome *outcome)
{
    struct rlimit no_core = {0, 0};
    sigset_t set;

    if (outcome->how != OUTCOME_KILLED)
        _exit(outcome->value);
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0);
    signal(outcome->value, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, outcome->value);
    raise(outcome->value);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    _exit(STATUS_SIGNAL + outcome->value);
}
