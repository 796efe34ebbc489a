/* Runs the installed sandbox-venv for the launcher, in a clean environment. */
#include "helper-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/status.h"
#include "svenv/base/str.h"
#include "svenv/sys/group.h"
#include "svenv/sys/pending.h"
#include "svenv/sys/syscalls.h"

enum {
    FILE_OF_CHILD = 3,
    STATUS_UNPREPARED = 123, /* of its process: it never ran */
    GRACE_MS = 5000          /* to begin, and to say that its own time is up */
};

void helper_pass(struct strv *env, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = getenv(names[i]);

        if (value)
            strv_take(env, xasprintf("%s=%s", names[i], value));
    }
}

static bool become(int fd, int wanted)
{
    if (fd == wanted)
        return fcntl(fd, F_SETFD, 0) == 0;
    return fd < 0 || dup2(fd, wanted) == wanted;
}

/* When the terminal stops the helper, only the launcher would wait for it; the launcher itself
 * stops when the start has come so far. */
static bool restore_mask(const sigset_t *caller)
{
    sigset_t mask = *caller;

    return sigaddset(&mask, SIGTSTP) == 0 && sigaddset(&mask, SIGTTIN) == 0 &&
           sigaddset(&mask, SIGTTOU) == 0 && sigprocmask(SIG_SETMASK, &mask, NULL) == 0;
}

/* Allocates nothing: the launcher's memory is shared with its children. */
static _Noreturn void helper_main(const struct helper *helper, pid_t launcher)
{
    union {
        const char *const *in;
        char *const *out;
    } words = {.in = helper->words};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (helper->patience_ms > 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != launcher))
        _exit(STATUS_UNPREPARED);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(helper->answer >= 0 ? helper->answer : STDERR_FILENO, STDOUT_FILENO) < 0 ||
        fcntl(STDERR_FILENO, F_SETFD, 0) < 0 || !become(helper->file, FILE_OF_CHILD) ||
        chdir("/") < 0 || !restore_mask(helper->mask))
        _exit(STATUS_UNPREPARED);
    execve(SVENV_CLI, words.out, helper->env->items);
    _exit(STATUS_NOT_FOUND);
}

/* Waits for the helper's end, or for a signal that asks this process to end. Return: 0 when the
 * helper has ended in time, -ETIMEDOUT, or -EINTR. */
static int helper_expect(pid_t pid, int patience_ms)
{
    auto_fd int pidfd = sys_pidfd_open(pid);
    auto_fd int end = pending_end_open();
    struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = end, .events = POLLIN}};
    int64_t deadline_ms = clock_ms() + patience_ms;
    int64_t left_ms = patience_ms;

    while (pidfd >= 0 && left_ms > 0) {
        if (poll(fds, 2, (int)left_ms) < 0 && errno != EINTR)
            break;
        if (fds[0].revents)
            return 0;
        if (fds[1].revents)
            return -EINTR;
        left_ms = deadline_ms - clock_ms();
    }
    return -ETIMEDOUT;
}

static int helper_wait(const struct helper *helper, pid_t pid, int *status_out, struct err *err)
{
    int rc = helper->patience_ms == 0 ? 0 : helper_expect(pid, helper->patience_ms);

    if (rc < 0)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, status_out, 0) < 0 && errno == EINTR) {
    }
    if (rc == -ETIMEDOUT)
        return err_plain(err, ETIMEDOUT, "'sandbox-venv %s' did not end within %d seconds",
                         helper->words[1], helper->patience_ms / 1000);
    /* ^C reaches both, in any order. */
    if (rc == -EINTR || (WIFSIGNALED(*status_out) && pending_end() != 0))
        return err_plain(err, EINTR, "'sandbox-venv %s' was not waited for", helper->words[1]);
    return 0;
}

int helper_run(const struct helper *helper, struct err *err)
{
    pid_t launcher = getpid();
    int status = 0;
    pid_t pid;
    int rc;

    strv_add(helper->env, "PATH=/usr/local/bin:/usr/bin:/bin");
    pid = sys_fork_with(0, NULL);
    if (pid < 0)
        return err_set(err, -pid, "cannot fork");
    if (pid == 0)
        helper_main(helper, launcher);
    rc = helper_wait(helper, pid, &status, err);
    if (rc < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return rc;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND)
        return err_plain(err, ENOENT, "cannot run '" SVENV_CLI "': install sandbox-venv again");
    /* It has said why. */
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_OURS)
        return err_plain(err, ECANCELED, "%s", "");
    if (WIFSIGNALED(status))
        return err_plain(err, ECANCELED, "'sandbox-venv %s %s' was ended by signal %d",
                         helper->words[1], helper->words[2], WTERMSIG(status));
    return err_plain(err, ECANCELED, "'sandbox-venv %s %s' failed", helper->words[1],
                     helper->words[2]);
}

/* Takes over why systemd's scope did not come to be. */
static int take_reason(int answer, struct err *err)
{
    char text[sizeof(err->msg)];
    ssize_t got = pread(answer, text, sizeof(text) - 1, 0);

    if (got <= 0)
        return err_plain(err, EPROTO, "systemd was not asked, for a reason that is not known");
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return err_plain(err, EPROTO, "%s", text);
}

int helper_ask_systemd(const void *mask, const struct cgroup_limits *limits, const char *stem,
                       pid_t pid, struct err *err)
{
    static const char *const names[] = {"DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"};
    auto_fd int answer = memfd_create("sandbox-venv-answer", MFD_CLOEXEC);
    auto_strv struct strv env = {0};
    char process[16], memory[24], cpus[24], processes[24];
    const char *const words[] = {"sandbox-venv", "internal-scope", process, stem, memory,
                                 cpus,           processes,        NULL};
    const struct helper helper = {.words = words,
                                  .env = &env,
                                  .file = -1,
                                  .answer = answer,
                                  .patience_ms = GROUP_PATIENCE_MS + GRACE_MS,
                                  .mask = mask};
    int rc;

    if (answer < 0)
        return err_set(err, errno, "cannot make memory for an answer");
    snprintf(process, sizeof(process), "%d", (int)pid);
    snprintf(memory, sizeof(memory), "%llu", (unsigned long long)limits->memory);
    snprintf(cpus, sizeof(cpus), "%llu", (unsigned long long)limits->cpus);
    snprintf(processes, sizeof(processes), "%llu", (unsigned long long)limits->processes);
    helper_pass(&env, names, ARRAY_SIZE(names));
    rc = helper_run(&helper, err);
    return rc == -ECANCELED && err->msg[0] == '\0' ? take_reason(answer, err) : rc;
}
