/* The launcher's life beside a running program: an event loop, in which nothing blocks. */
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
#include "svenv/guard/guard.h"
#include "svenv/sys/loop.h"

#include "signals-internal.h"
#include "supervise-internal.h"

enum {
    ANSWER_MS = 5000,
    AGAIN_MS = 1000, /* a signal of a child's end may be lost with a failed read */
    WAIT_FAILURES_MAX = 8
};

/* The event that is waited for. Moves go down the list only, by the function that is named.
 *
 *   RUNNING    the program runs, or is stopped. Its end (program_ended) leads to ENDING, ASKING,
 *              DETACHING or LOOKING, the wall-clock limit (time_is_up) to ENDING.
 *   ASKING     pid 1 was asked whether anything is left of the program, which is done only where
 *              its list of children cannot be read. Its answer (pid_1_answered) leads to DETACHING
 *              or LOOKING; without one it is LOOKING after ANSWER_MS (phase_is_late).
 *   DETACHING  pid 1 was told to live on without this process. With its answer (pid_1_answered) the
 *              sandbox does; without one it ends with this process. LOOKING either way, after
 *              ANSWER_MS at the latest.
 *   ENDING     pid 1 was killed, and everything with it: LOOKING when it is reaped (take_children).
 *   LOOKING    the guard takes its last look at the project, as long as that takes (on_project).
 *   OVER       nothing is waited for.
 */
enum phase {
    RUNNING,
    ASKING,
    DETACHING,
    ENDING,
    LOOKING,
    OVER
};

/* The rows of the loop's table, in the order in which they are served. */
enum {
    AT_SIGNALS,
    AT_CONTROL,
    AT_PROJECT,
    AT_CLOCK,
    AT__COUNT
};

struct supervisor {
    const struct plan *plan;
    struct launch *launch;
    struct guard *guard;
    const struct settle *settle; /* NULL: done */
    struct loop loop;
    int at[AT__COUNT];
    enum phase phase;
    struct signals signals;
    struct terminal terminal;
    int signal_fd;
    int adopted;         /* pid 1's list of children; -1: none to be had */
    int64_t deadline_ms; /* of the wall-clock limit; 0: none */
    bool ended;          /* the program has, by itself */
    bool stopped;        /* because the guard could not go on */
    bool alive;          /* the sandbox lives on */
    int status;          /* of the program, as from waitpid(2) */
    struct rusage usage;
    int64_t oom_kills;
    int64_t ended_ms; /* the program, or its time */
};

static void on_project(void *context, short events);

/* due_ms: when to look again in this phase, 0: never. */
static void enter_phase(struct supervisor *s, enum phase phase, int64_t due_ms)
{
    s->phase = phase;
    s->loop.over = phase == OVER;
    loop_expect(&s->loop, s->at[AT_CLOCK], due_ms);
}

/* Looks a last time, because names that the sandbox leaves in the project must not stay there. */
static void look_a_last_time(struct supervisor *s)
{
    enter_phase(s, guard_finish(s->guard, s->alive) ? OVER : LOOKING, 0);
}

/* Kills pid 1, and with it the kernel kills everything in its namespace. */
static void end_sandbox(struct supervisor *s)
{
    if (s->launch->init <= 0) {
        look_a_last_time(s);
        return;
    }
    if (kill(s->launch->init, SIGKILL) < 0) { /* it also ends when it is alone */
        loop_remove(&s->loop, s->at[AT_CONTROL]);
        close(s->launch->control);
        signals_forget_control(&s->signals);
    }
    enter_phase(s, ENDING, clock_ms() + AGAIN_MS);
}

/* Opened while the program has yet to run, when there is time: the kernel makes the directories on
 * the way to a file in /proc as they are asked for. */
static int open_adopted(int init)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", init, init);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void detach_sandbox(struct supervisor *s)
{
    uint32_t seconds = 0;

    if (s->adopted >= 0)
        job_hang_up(s->adopted);
    if (s->deadline_ms) {
        int64_t left = s->deadline_ms - clock_ms();

        seconds = left > 1000 ? (uint32_t)(left / 1000) : 1;
    }
    if (control_say(s->signals.control, CONTROL_DETACH, seconds) < 0)
        look_a_last_time(s);
    else
        enter_phase(s, DETACHING, clock_ms() + ANSWER_MS);
}

/* Has pid 1 adopted anything that the program left? Its list of children (proc(5), "children")
 * costs less than asking it; where there is no such file, or it is hidden, it is asked. When
 * nothing is left the status is reported at once, and the kernel takes pid 1 away as this process
 * ends. */
static void ask_what_is_left(struct supervisor *s)
{
    char byte;

    if (s->adopted >= 0 && read(s->adopted, &byte, 1) == 0)
        look_a_last_time(s);
    else if (s->adopted >= 0)
        detach_sandbox(s);
    else if (control_say(s->signals.control, CONTROL_LEFT, 0) < 0)
        look_a_last_time(s);
    else
        enter_phase(s, ASKING, clock_ms() + ANSWER_MS);
}

/* The program is gone, or has to go: nothing is passed on to it any more. */
static void leave_program(struct supervisor *s)
{
    s->ended_ms = clock_ms();
    signals_forget_program(&s->signals);
    loop_expect(&s->loop, s->at[AT_PROJECT], 0);
    job_take_terminal(s->signals.terminal, s->launch->program);
    /* Before pid 1 ends: with the last process systemd takes the group away. */
    s->oom_kills =
        s->launch->group.way == GROUP_NONE ? 0 : cgroup_oom_kills(&s->launch->group.cgroup);
}

/* Carries out what `lifetime` says about the rest. */
static void program_ended(struct supervisor *s, int status, const struct rusage *usage)
{
    s->ended = true;
    s->status = status;
    s->usage = *usage;
    leave_program(s);
    if (s->plan->lifetime == PLAN_LIFETIME_PROGRAM)
        end_sandbox(s);
    else
        ask_what_is_left(s);
}

static void time_is_up(struct supervisor *s)
{
    leave_program(s);
    end_sandbox(s);
}

static void take_child(struct supervisor *s, pid_t pid, int status, const struct rusage *usage)
{
    if (pid == s->launch->program && WIFSTOPPED(status)) {
        if (s->phase == RUNNING)
            signals_stop_with(&s->signals, WSTOPSIG(status));
    } else if (pid == s->launch->program) {
        if (s->phase == RUNNING)
            program_ended(s, status, usage);
        else
            s->usage = *usage;
    } else if (pid == s->launch->init && !WIFSTOPPED(status)) {
        s->launch->init = -1;
    }
}

static void take_children(struct supervisor *s)
{
    struct rusage usage;
    int status, failures = 0;
    pid_t pid = 0;

    while ((pid = wait4(-1, &status, WNOHANG | WUNTRACED, &usage)) != 0) {
        /* The signal that told of it does not come again. */
        if (pid < 0 && (errno == ECHILD || failures++ == WAIT_FAILURES_MAX))
            break;
        if (pid > 0)
            take_child(s, pid, status, &usage);
    }
    if (s->phase == ENDING && (s->launch->init < 0 || (pid < 0 && errno == ECHILD)))
        look_a_last_time(s);
}

/* When the table of held signals is full the rest waits in the kernel. */
static void listen_to_signals(struct supervisor *s)
{
    loop_listen(&s->loop, s->at[AT_SIGNALS], signals_have_room(&s->signals) ? POLLIN : 0);
    loop_expect(&s->loop, s->at[AT_SIGNALS], signals_due(&s->signals));
}

static void on_signals(void *context, short events)
{
    struct supervisor *s = context;
    struct signalfd_siginfo info;

    if (events == 0)
        signals_pass(&s->signals, clock_ms());
    while (events != 0 && signals_have_room(&s->signals) &&
           read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            take_children(s);
        else
            signals_got(&s->signals, &info);
    }
    signals_ask(&s->signals, clock_ms());
    listen_to_signals(s);
}

static void pid_1_answered(struct supervisor *s, const struct control_message *message)
{
    if (s->phase == ASKING && message->kind == CONTROL_LEFT) {
        if (message->value == 1)
            detach_sandbox(s);
        else
            look_a_last_time(s);
    } else if (s->phase == DETACHING && message->kind == CONTROL_DETACH) {
        s->alive = true;
        look_a_last_time(s);
    }
}

static void pid_1_is_gone(struct supervisor *s)
{
    loop_remove(&s->loop, s->at[AT_CONTROL]);
    signals_forget_control(&s->signals);
    if (s->phase == ASKING || s->phase == DETACHING)
        look_a_last_time(s);
}

static void on_control(void *context, short events)
{
    struct supervisor *s = context;
    struct control_message message;
    ssize_t got = 0;

    while ((got = recv(s->signals.control, &message, sizeof(message), MSG_DONTWAIT)) ==
           (ssize_t)sizeof(message)) {
        signals_report(&s->signals, &message, clock_ms());
        pid_1_answered(s, &message);
    }
    if (got == 0 || !(events & POLLIN))
        pid_1_is_gone(s);
    listen_to_signals(s);
}

/* The wall-clock limit, or an answer that did not come. */
static void phase_is_late(void *context, short events)
{
    struct supervisor *s = context;

    (void)events;
    switch (s->phase) {
    case RUNNING:
        time_is_up(s);
        break;
    case ASKING:
    case DETACHING:
        look_a_last_time(s);
        break;
    case ENDING:
        loop_expect(&s->loop, s->at[AT_CLOCK], clock_ms() + AGAIN_MS);
        take_children(s);
        break;
    case LOOKING:
    case OVER:
        break;
    }
}

/* Where the guard cannot go on, the program must not go on, either. */
static void stop_unguarded(struct supervisor *s)
{
    guard_tell_stop(s->guard);
    if (s->launch->init > 0)
        kill(s->launch->init, SIGKILL);
    s->stopped = true;
}

static void hear_guard(struct supervisor *s)
{
    enum guard_news news = guard_hear(s->guard);

    guard_tell(s->guard, false);
    if (news != GUARD_NEWS)
        loop_remove(&s->loop, s->at[AT_PROJECT]);
    if (s->phase == LOOKING && news == GUARD_LOOKED)
        enter_phase(s, OVER, 0);
    else if (s->phase == LOOKING && news == GUARD_GONE)
        look_a_last_time(s);
    else if (s->phase == RUNNING && news != GUARD_NEWS && s->guard->report->stop == GUARD_GOES_ON)
        s->guard->report->stop = GUARD_DIED;
}

/* Short programs have ended before this. Where no process can be made for the guard now, this one
 * looks, and tries again. */
static void begin_guard(struct supervisor *s)
{
    int rc = guard_fork(s->guard, s->launch->program, s->launch->init);

    if (rc < 0) {
        guard_look(s->guard, s->launch->program);
        guard_tell(s->guard, false);
        loop_expect(&s->loop, s->at[AT_PROJECT], clock_ms() + GUARD_LOOK_MS);
        return;
    }
    loop_remove(&s->loop, s->at[AT_PROJECT]);
    s->at[AT_PROJECT] = loop_add(&s->loop, s->guard->process.socket, POLLIN, on_project, s);
}

static void settle_once(struct supervisor *s)
{
    if (s->settle)
        s->settle->call(s->settle->context);
    s->settle = NULL;
}

static void on_project(void *context, short events)
{
    struct supervisor *s = context;

    if (events) {
        hear_guard(s);
    } else if (s->phase == RUNNING) {
        settle_once(s);
        if (guard_is_used(s->guard))
            begin_guard(s);
    }
    if (s->guard->report->stop != GUARD_GOES_ON && s->phase == RUNNING && !s->stopped)
        stop_unguarded(s);
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

int supervise_signals(struct err *err)
{
    sigset_t all;
    int fd;

    sigfillset(&all);
    fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? err_set(err, errno, "cannot watch signals") : fd;
}

/* There is room for them all: the table was empty. */
static void add_sources(struct supervisor *s)
{
    s->at[AT_SIGNALS] = loop_add(&s->loop, s->signal_fd, POLLIN, on_signals, s);
    s->at[AT_CONTROL] = loop_add(&s->loop, s->signals.control, POLLIN, on_control, s);
    s->at[AT_PROJECT] = loop_add(&s->loop, -1, POLLIN, on_project, s);
    s->at[AT_CLOCK] = loop_add(&s->loop, -1, 0, phase_is_late, s);
    loop_expect(&s->loop, s->at[AT_CLOCK], s->deadline_ms);
    loop_expect(&s->loop, s->at[AT_PROJECT], clock_ms() + GUARD_FIRST_MS);
}

void supervise(const struct plan *plan, struct launch *launch, struct guard *guard,
               const struct before_program *before, const struct settle *settle,
               struct outcome *out)
{
    struct supervisor s = {.plan = plan,
                           .launch = launch,
                           .guard = guard,
                           .settle = settle,
                           .signals = {.control = launch->control,
                                       .program = launch->program,
                                       .terminal = before->terminal},
                           .terminal = before->modes,
                           .signal_fd = before->signals};

    if (plan->wall_time)
        s.deadline_ms = clock_ms() + (int64_t)plan->wall_time * 1000;
    let_go_of_streams();
    s.adopted = open_adopted(launch->init);
    add_sources(&s);
    take_children(&s);
    loop_run(&s.loop);
    if (!s.stopped) /* the end of the program can be heard of before its cause */
        guard_tell_stop(guard);
    close(s.signal_fd);
    close(s.adopted);
    *out = !s.ended ? (struct outcome){.how = OUTCOME_TIME_LIMIT, .value = STATUS_TIME_LIMIT}
           : WIFSIGNALED(s.status)
               ? (struct outcome){.how = OUTCOME_KILLED, .value = WTERMSIG(s.status)}
               : (struct outcome){.how = OUTCOME_EXITED, .value = WEXITSTATUS(s.status)};
    if (out->how != OUTCOME_EXITED)
        terminal_restore(&s.terminal);
    out->usage = s.usage;
    out->oom_kills = s.oom_kills;
    out->alive = s.alive;
    out->ended_ms = s.ended_ms;
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
