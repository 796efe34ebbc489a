/* The program's last steps, in the order of their dependencies. Should: do what the plan says.
 * Mustn't: allocate, decide, or go on after a failure. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/status.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/namespaces.h"
#include "svenv/sys/syscalls.h"

#include "launch-internal.h"

static int set_limits(const struct plan *plan, struct err *err)
{
    struct rlimit core;

    if (getrlimit(RLIMIT_CORE, &core) < 0)
        return err_set(err, errno, "cannot read the limit of core dumps");
    /* At exactly 1 a piped core_pattern is not run on the host, while 0 still runs it (core(5)). A
     * caller who gave up on cores for good (ulimit -c 0) cannot have 1 again: no file is written
     * then either. */
    if (core.rlim_max > 1)
        core.rlim_max = 1;
    core.rlim_cur = core.rlim_max;
    if (setrlimit(RLIMIT_CORE, &core) < 0)
        return err_set(err, errno, "cannot limit core dumps");
    for (size_t i = 0; i < plan->limit_count; i++) {
        const struct plan_limit *limit = &plan->limits[i];
        /* At the first the kernel sends SIGXCPU, by which the log knows the limit, and SIGKILL at
         * the second: setrlimit(2). */
        rlim_t last = limit->value + (limit->resource == RLIMIT_CPU ? 1 : 0);
        struct rlimit now, set = {.rlim_cur = limit->value, .rlim_max = last};

        if (getrlimit(limit->resource, &now) < 0)
            return err_set(err, errno, "cannot read a resource limit (%s)", limit->origin);
        if (now.rlim_max < limit->value) /* never more than the caller's own */
            set = now;
        else if (now.rlim_max < last)
            set.rlim_max = now.rlim_max;
        if (setrlimit(limit->resource, &set) < 0)
            return err_set(err, errno, "cannot set a resource limit (%s)", limit->origin);
    }
    return 0;
}

static unsigned landlock_grants(const struct plan_landlock *rule)
{
    return (rule->write ? LANDLOCK_WRITE : 0u) | (rule->connect ? LANDLOCK_CONNECT : 0u);
}

static int make_rules(const struct plan *plan, int root, int ruleset, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < plan->landlock_count; i++)
        rc = landlock_allow(ruleset, plan->landlock_abi, root, plan->landlock[i].path,
                            landlock_grants(&plan->landlock[i]), err);
    return rc;
}

/* The rules are made while pid 1 changes the root, unless the filter has no openat2. */
static int make_ruleset(const struct plan *plan, int root, struct shared *shared, int *out)
{
    struct err early = {0}, *err = &shared->failure.err;
    auto_fd int ruleset = -1;
    int rc;

    if (!(plan->flags & PLAN_USE_LANDLOCK))
        return 0;
    ruleset = landlock_open(plan->landlock_abi, err);
    if (ruleset < 0)
        return ruleset;
    gate_wait(&shared->gates, GATE_ROOT_BUILT);
    rc = make_rules(plan, root, ruleset, &early);
    if (rc < 0) {
        gate_wait(&shared->gates, GATE_ROOT_STANDS);
        rc = make_rules(plan, -1, ruleset, err);
    }
    if (rc == 0)
        rc = landlock_allow_inherited(ruleset, plan->landlock_abi, err);
    if (rc == 0)
        *out = steal_fd(&ruleset);
    return rc;
}

/* The caller's keys are out of reach by an own session keyring, or, where the kernel gives none
 * (the quota of keys is used up, an outer filter forbids it), because the filter refuses all calls
 * for keys; the function tries this. Must follow the filter. */
static int check_keyring(int joined, struct err *err)
{
    int found = joined < 0 && joined != -ENOSYS ? sys_find_session_keyring() : -ENOSYS;

    if (joined >= 0 || found == -EPERM || found == -ENOSYS)
        return 0;
    return err_set(err, -joined,
                   "cannot make an own session keyring, and 'syscalls' in the policy lets the "
                   "program use the caller's");
}

/* Does the steps that need nothing of the root. After the filter only calls follow without which no
 * program would run: futex, chdir, open, Landlock's own, exec. */
static int prepare_self(const struct plan *plan, struct err *err)
{
    int keyring = sys_join_session_keyring();
    int rc;

    if ((plan->flags & PLAN_NEW_SESSION) && setsid() < 0)
        return err_set(err, errno, "cannot start a new session");
    rc = set_limits(plan, err);
    if (rc == 0)
        rc = no_new_privs(err);
    if (rc == 0)
        rc = caps_keep(plan->caps, err);
    if (rc == 0 && plan->filter)
        rc = filter_load(plan->filter, plan->filter_count, err);
    return rc < 0 ? rc : check_keyring(keyring, err);
}

/* systemd's socket activation names the pid that is meant (sd_listen_fds(3)): the caller's is ours.
 */
static void fix_listen_pid(const struct launch_program *program)
{
    for (size_t i = 0; program->env[i]; i++) {
        if (strncmp(program->env[i], "LISTEN_PID=", 11) == 0) {
            static char text[32];
            union {
                const char *const *in;
                const char **out;
            } env = {.in = program->env};

            snprintf(text, sizeof(text), "LISTEN_PID=%d", (int)getpid());
            env.out[i] = text;
        }
    }
}

/* Nothing else here would notice the host's root: every step below works there, too. */
static int check_root(const struct shared *shared, struct err *err)
{
    struct stat st;

    if (stat("/", &st) < 0)
        return err_set(err, errno, "cannot look at the sandbox's root");
    if (st.st_dev != shared->root_dev || st.st_ino != shared->root_inode)
        return err_plain(err, EXDEV, "the program is not in the sandbox's root");
    return 0;
}

static bool program_same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

/* exec(3p): a file that is no program is a script for the shell, as it would be for the caller's.
 */
static void execute(const char *path, const struct launch_program *program)
{
    union {
        const char *const *in;
        char *const *out;
    } argv = {.in = program->argv}, env = {.in = program->env}, sh;
    const char *words[256];
    size_t count = 0;

    execve(path, argv.out, env.out);
    if (errno != ENOEXEC)
        return;
    words[count++] = "sh";
    words[count++] = path;
    for (size_t i = 1; argv.in[0] && argv.in[i]; i++) {
        if (count == 255) {
            errno = E2BIG;
            return;
        }
        words[count++] = argv.in[i];
    }
    words[count] = NULL;
    sh.in = words;
    execve("/bin/sh", sh.out, env.out);
}

static const char *search_path(const struct launch_program *program)
{
    for (size_t i = 0; program->env[i]; i++) {
        if (strncmp(program->env[i], "PATH=", 5) == 0)
            return program->env[i] + 5;
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

/* As execvp(3): the last "not permitted" counts more than "not there". */
static void execute_by_search(const struct launch_program *program)
{
    char path[4096];
    int code = ENOENT;

    for (const char *dir = search_path(program); dir;
         dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
        size_t len = strcspn(dir, ":");

        snprintf(path, sizeof(path), "%.*s/%s", (int)len, dir, program->path);
        if (len == 0 || access(path, F_OK) < 0)
            continue;
        execute(path, program);
        code = errno;
    }
    errno = code;
}

static int exec_status(int code)
{
    return code == ENOENT || code == ENOTDIR ? STATUS_NOT_FOUND : STATUS_CANNOT_EXEC;
}

static int prepare_in_root(const struct plan *plan, const struct launch_program *program, int root,
                           struct shared *shared, const char **path_out)
{
    struct err *err = &shared->failure.err;
    auto_fd int ruleset = -1;
    int rc;

    rc = make_ruleset(plan, root, shared, &ruleset);
    if (rc < 0)
        return rc;
    gate_wait(&shared->gates, GATE_ROOT_STANDS);
    rc = check_root(shared, err);
    if (rc < 0)
        return rc;
    if (chdir(program->cwd) < 0)
        return err_set(err, errno, "cannot enter the working directory '%s'", program->cwd);
    if (program->path_as_called && program_same_file(program->path_as_called, program->path))
        *path_out = program->path_as_called;
    return ruleset < 0 ? 0 : landlock_enforce(ruleset, err);
}

/* An interactive shell looks for its own process group, and gives the terminal back to it in the
 * end; the launcher's group has no number in here. Without a group of its own the shell still runs.
 */
static void take_terminal(void)
{
    if (setpgid(0, 0) == 0)
        tcsetpgrp(STDIN_FILENO, getpid());
}

static int finish_namespaces(const struct plan *plan, int net, struct shared *shared)
{
    struct err *err = &shared->failure.err;

    if (plan->hostname && sethostname(plan->hostname, strlen(plan->hostname)) < 0)
        return err_set(err, errno, "cannot set the host name '%s'", plan->hostname);
    return net < 0 ? 0 : namespaces_own_net(net, err);
}

_Noreturn void program_main(const struct plan *plan, int root, int net, struct shared *shared)
{
    struct launch_failure *failure = &shared->failure;
    const struct launch_program *program;
    const char *path;

    /* Step 5 */
    gate_open(&shared->gates, GATE_PROGRAM_EXISTS);
    /* The bounding set counts for an exec alone, so it need not wait for the root. */
    if (finish_namespaces(plan, net, shared) < 0 || caps_bound(plan->caps, &failure->err) < 0 ||
        root_share(root, shared) < 0) {
        failure->status = STATUS_OURS;
        _exit(STATUS_OURS);
    }
    /* Step 7 */
    program = &shared->program_words;
    path = program->path;
    fix_listen_pid(program);
    if (prepare_self(&shared->plan, &failure->err) < 0 ||
        prepare_in_root(&shared->plan, program, root, shared, &path) < 0) {
        failure->status = STATUS_OURS;
        _exit(STATUS_OURS);
    }
    gate_wait(&shared->gates, GATES_BEFORE_EXEC);
    if (program->own_group)
        take_terminal();
    if (sigprocmask(SIG_SETMASK, &program->mask, NULL) < 0) {
        failure->status = STATUS_OURS;
        err_set(&failure->err, errno, "cannot restore the signal mask");
        _exit(STATUS_OURS);
    }
    if (strchr(path, '/'))
        execute(path, program);
    else
        execute_by_search(program);
    failure->status = exec_status(errno);
    err_set(&failure->err, errno, "cannot run '%s'", path);
    _exit(failure->status);
}
