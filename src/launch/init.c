/* Pid 1 of the sandbox: a canary in the caller's process group, a reaper, and the fuse that ends
 * the sandbox when the launcher is gone. It holds one descriptor and no privilege. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/status.h"
#include "svenv/launch/control.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/namespaces.h"
#include "svenv/sys/rest.h"
#include "svenv/sys/syscalls.h"

#include "launch-internal.h"

extern char **environ;

struct init {
    int control; /* -1 once detached and the launcher is gone */
    int signals;
    bool detached;
    int64_t deadline_ms; /* when detached: end of the wall-clock limit, 0 for none */
};

/* Return: does any process besides this one exist? */
static bool reap(void)
{
    pid_t pid;

    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0);
    return pid == 0;
}

static void say(const struct init *init, enum control_kind kind, uint32_t value)
{
    struct control_message message = {.kind = kind, .value = value};

    if (init->control >= 0)
        (void)send(init->control, &message, sizeof(message), MSG_NOSIGNAL);
}

/* Signals from inside have a sender's pid here; only those from outside (and the kernel's own, as
 * from the terminal) have none, so the program cannot forge a report. */
static void take_signals(const struct init *init)
{
    struct signalfd_siginfo info;

    while (read(init->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD && info.ssi_pid == 0)
            say(init, CONTROL_SIGNAL, info.ssi_signo);
    }
}

static void detach(struct init *init, uint32_t seconds)
{
    prctl(PR_SET_PDEATHSIG, 0);
    init->detached = true;
    init->deadline_ms = seconds ? clock_ms() + (int64_t)seconds * 1000 : 0;
    say(init, CONTROL_DETACH, 0);
}

static void take_message(struct init *init)
{
    struct control_message message;
    ssize_t got = recv(init->control, &message, sizeof(message), MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got != (ssize_t)sizeof(message)) { /* the launcher is gone */
        if (!init->detached)
            _exit(0);
        close(init->control);
        init->control = -1;
        return;
    }
    if (message.kind == CONTROL_PING) {
        take_signals(init);
        say(init, CONTROL_PONG, message.value);
    } else if (message.kind == CONTROL_LEFT) {
        say(init, CONTROL_LEFT, reap());
    } else if (message.kind == CONTROL_DETACH) {
        detach(init, message.value);
    }
}

/* The launcher's environment lies on the inherited stack, and once more, with the environment of
 * the launcher's parent, in the memory that both processes share. The stack's copy is overwritten,
 * and the shared memory is given up with all else that the launcher has. So no read of this process
 * could ever show the environment, and code that got hold of this process could not reach the
 * launcher. */
static int forget_launcher(const struct launch_program *program)
{
    for (char **entry = environ; entry && *entry; entry++)
        explicit_bzero(*entry, strlen(*entry));
    environ = NULL;
    for (size_t i = 0; i < LAUNCH_MEMORY__COUNT; i++) {
        union {
            const void *in;
            void *out;
        } start = {.in = program->memory[i].start};

        if (start.in && munmap(start.out, program->memory[i].size) < 0)
            return -errno;
    }
    return 0;
}

static int give_up_everything(int control, const struct launch_program *program, struct err *err)
{
    int rc = forget_launcher(program);

    if (rc < 0)
        return err_set(err, -rc, "cannot give up the launcher's memory");
    prctl(PR_SET_NAME, "sandbox-venv");
    if (dup2(control, 0) < 0)
        return err_set(err, errno, "cannot keep the launcher's socket");
    rc = sys_close_range(1, ~0u, 0);
    if (rc < 0)
        return err_set(err, -rc, "cannot close the descriptors of pid 1");
    rc = no_new_privs(err);
    return rc < 0 ? rc : caps_clear(err);
}

static int wait_time(const struct init *init)
{
    int64_t left;

    if (!init->deadline_ms)
        return -1;
    left = init->deadline_ms - clock_ms();
    return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

void die_with_launcher(int control)
{
    struct pollfd fd = {.fd = control}; /* a message may be waiting already: only the end counts */

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A launcher that died before this shows as the end of the socket. */
    if (poll(&fd, 1, 0) != 0)
        _exit(STATUS_OURS);
}

/* Must precede the gate that lets the program run: a failure here means that the program never did.
 */
static int watch_signals(struct init *init, struct err *err)
{
    sigset_t all;

    sigfillset(&all);
    init->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    return init->signals < 0 ? err_set(err, errno, "cannot watch signals in pid 1") : 0;
}

/* When the program could not make the namespace it has said why, and nothing comes. */
static int join_net(int net, struct shared *shared)
{
    struct err err = {0};
    int rc = net < 0 ? 0 : namespaces_join_net(net, &err);

    if (rc < 0)
        launch_fail(shared, &err);
    return rc;
}

static void prepare(int control, int root, int net, struct shared *shared)
{
    struct err *err = &shared->failure.err;

    die_with_launcher(control);
    shared->failure.status = STATUS_OURS;
    /* Step 5 */
    if (root_share(root, shared) < 0)
        _exit(STATUS_OURS);
    gate_wait(&shared->gates, GATE_PROGRAM_EXISTS | (shared->parts.count ? GATE_PARTS_MADE : 0));
    if (root_finish(root, shared, err) < 0)
        _exit(STATUS_OURS);
    gate_open(&shared->gates, GATE_ROOT_BUILT);
    /* Step 6 */
    if (root_enter(root, shared, err) < 0 || join_net(net, shared) < 0)
        _exit(STATUS_OURS);
    gate_open(&shared->gates, GATE_ROOT_STANDS);
    /* Non-dumpable: out of the program's reach from here on. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0) {
        err_set(err, errno, "cannot hide pid 1 from the program");
        _exit(STATUS_OURS);
    }
    if (root_drop_old(err) < 0 || give_up_everything(control, &shared->program_words, err) < 0)
        _exit(STATUS_OURS);
}

/* Return: events of the control socket. */
static short wait_for_event(struct init *init)
{
    struct pollfd fds[] = {{.fd = init->signals, .events = POLLIN},
                           {.fd = init->control, .events = POLLIN}};

    (void)rest_poll(fds, 2, wait_time(init));
    return fds[1].revents;
}

_Noreturn void init_main(int control, int root, int net, struct shared *shared)
{
    struct init init = {.control = 0};

    prepare(control, root, net, shared);
    if (watch_signals(&init, &shared->failure.err) < 0)
        _exit(STATUS_OURS);
    gate_open(&shared->gates, GATE_INIT_READY);
    munmap(shared, sizeof(*shared));
    for (;;) {
        short events = wait_for_event(&init);

        take_signals(&init);
        if (!reap() && init.detached)
            _exit(0);
        if (init.control >= 0 && events)
            take_message(&init);
        if (init.deadline_ms && clock_ms() >= init.deadline_ms)
            _exit(STATUS_TIME_LIMIT);
    }
}
