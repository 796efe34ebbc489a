/* The launcher: one start from top to bottom. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svenv/audit/record.h"
#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/status.h"
#include "svenv/base/str.h"
#include "svenv/launch/launch.h"
#include "svenv/launcher/supervise.h"
#include "svenv/start/command.h"

#include "helper-internal.h"
#include "memory-internal.h"
#include "session-internal.h"
#include "supervise-internal.h"
#include "svenv/guard/guard.h"

/* Everything of one start; freed by the end of the process. */
struct run {
    struct arena arena; /* until the program has executed */
    struct arena kept;  /* from then on */
    struct request request;
    sigset_t mask;
    struct session session;
    struct start start;
    struct dotenv dotenv;
    struct plan plan;
    struct launch_program program;
    const char *const *secrets; /* of its environment, once that has been given back */
    struct launch launch;
    int64_t began_ms;
    int64_t began_clock_ms;
    int64_t ended_clock_ms; /* 0: not yet */
    bool ran;               /* the program did, and has ended */
    struct guard guard;
};

/* A console script sees the name it was called by, the interpreter a path that it can find its
 * pyvenv.cfg from: getpath would search PATH for a bare name. */
static void set_program(struct run *run)
{
    const struct request *request = &run->request;
    const char **argv = arena_alloc(&run->arena, (request->argc + 1) * sizeof(*argv));

    memcpy(argv, request->argv, request->argc * sizeof(*argv));
    run->program = (struct launch_program){.path = request->program, .mask = run->mask};
    if (request->entry) {
        run->program.path = arena_printf(&run->arena, "%s/bin/%s", request->venv, request->entry);
        if (request->called_as && strchr(request->called_as, '/'))
            run->program.path_as_called = request->called_as;
        if (is_python_name(request->entry) && !strchr(argv[0], '/'))
            argv[0] = run->program.path;
    }
    run->program.own_group = request->shell && tcgetpgrp(STDIN_FILENO) == getpgrp();
    run->program.argv = argv;
    run->program.cwd = run->plan.chdir ? run->plan.chdir : run->start.cwd;
    run->program.env = plan_environment(&run->arena, &run->plan, &run->start);
    memory_of_launcher(&run->program);
    memcpy(&run->program.memory[LAUNCH_PLANS], run->session.maps, sizeof(run->session.maps));
}

/* Which plan, and with it which namespaces: the sandbox is begun as soon as that is known, and the
 * rest of the plan is worked out beside the kernel's part. */
static int begin(struct run *run, struct plan_variant **variant_out, struct err *err)
{
    struct plan head = {0};
    const struct group_asker systemd = {.ask = helper_ask_systemd, .context = &run->mask};
    int rc;

    run->start.entry = run->request.entry;
    run->start.argv = run->request.argv;
    run->start.argc = run->request.argc;
    *variant_out = plan_choose(&run->arena, &run->session.file, &run->start);
    rc = plan_peek(*variant_out, &head, err);
    if (rc == 0)
        rc = launch_prepare(&head, &systemd, &run->launch, err);
    if (rc == 0)
        memory_failure(run->launch.failure);
    memory_warm();
    return rc;
}

/* A plan holds when nothing that it was made from has changed, nothing unknown lies in the project,
 * and it can be read. */
static bool holds(struct run *run, struct plan_variant *variant)
{
    return session_holds(&run->session, &run->request) &&
           places_open(&run->guard.places, &run->session.file) &&
           plan_load(&run->session.file, variant, NULL) == 0;
}

/* Whether the plan that was found still holds is asked beside the kernel's opening of the
 * namespaces, so those are begun by a plan that may be old or damaged. A failure of that says
 * nothing yet: only under a plan that holds it is the user's to know. Any other plan is made again,
 * and so is all that was begun with it. */
static int begin_with_valid(struct run *run, struct plan_variant **variant_out, struct err *err)
{
    struct err failure = {0};
    int rc = session_open(&run->request, &run->mask, &run->session, err);

    if (rc < 0)
        return rc;
    if (!run->session.settled) {
        rc = begin(run, variant_out, &failure);
        if (holds(run, *variant_out)) {
            run->session.settled = true;
            if (rc < 0)
                *err = failure;
            return rc;
        }
        launch_abandon(&run->launch);
        rc = session_renew(&run->session, &run->request, &run->mask, err);
    }
    if (rc < 0)
        return rc;
    places_open(&run->guard.places, &run->session.file);
    return begin(run, variant_out, err);
}

static int complete(struct run *run, struct plan_variant *variant, struct err *err)
{
    bool has_dotenv = false;
    int rc = plan_load(&run->session.file, variant, err);

    if (rc == 0)
        rc = host_collect(&run->arena, &run->request, &run->start, err);

    if (rc == 0)
        rc = host_dotenv(&run->arena, &variant->plan, &run->session.file, &run->dotenv, &has_dotenv,
                         err);
    if (rc < 0)
        return rc;
    run->start.dotenv = has_dotenv ? &run->dotenv : NULL;
    rc = plan_start(&run->arena, &run->session.file, variant, &run->start, &run->plan, err);
    if (rc == 0)
        set_program(run);
    return rc;
}

static void print_plan(const struct run *run)
{
    auto_buf struct buf text = {0};

    plan_print(&run->plan, &text);
    for (size_t done = 0; done < text.len;) {
        ssize_t put = write(STDERR_FILENO, text.data + done, text.len - done);

        if (put <= 0)
            return;
        done += (size_t)put;
    }
}

/* One line when the log cannot be written: the program has run, and its status stands. */
static void record(struct run *run, struct plan_variant *variant, const struct outcome *outcome,
                   const struct err *failure)
{
    int64_t end_ms = run->ended_clock_ms ? run->ended_clock_ms : clock_ms();
    struct ended ended = {
        .request = &run->request,
        .file = &run->session.file,
        .plan = run->plan.variant ? &run->plan : &variant->plan,
        .secrets = run->program.env ? session_secrets(&run->arena, run->program.env) : run->secrets,
        .began_ms = run->began_ms,
        .wall_ms = end_ms - run->began_clock_ms,
        .outcome = run->ran ? outcome : NULL,
        .guard = &run->guard,
        .status = failure ? STATUS_OURS : outcome->value,
        .failure = failure};
    struct err err = {0};

    if (!run->ran && !failure)
        ended.failure = &run->launch.failure->err;
    if (plan_load(&run->session.file, variant, NULL) == 0 && session_audit(&ended, &err) < 0)
        log_err(&err);
}

/* In the guard's process, after the launcher's end: only what was taken out of the project since
 * then is new. */
static void record_late(void *context)
{
    struct run *run = context;
    struct outcome outcome = {.how = OUTCOME_EXITED};

    if (run->plan.audit == PLAN_AUDIT_ALL)
        run->plan.audit = PLAN_AUDIT_DENIED;
    run->plan.refusal_count = 0;
    run->ran = true;
    record(run, run->session.file.variants, &outcome, NULL);
}

/* What the set-up needed is given back, with the plan as it was read: a program may run for days.
 */
static void give_back(struct run *run, struct plan_variant **variant_out)
{
    memory_settle();
    plan_keep(&run->kept, &run->session.file, &run->plan);
    *variant_out = run->session.file.variants;
    run->request.venv = arena_strdup(&run->kept, run->request.venv);
    if (run->request.entry)
        run->request.entry = arena_strdup(&run->kept, run->request.entry);
    guard_keep(&run->guard, &run->kept, run->request.venv);
    run->secrets = session_secrets(&run->kept, run->program.env);
    run->arena = (struct arena){NULL};
    run->start = (struct start){NULL};
    run->dotenv = (struct dotenv){NULL};
    run->program = (struct launch_program){NULL};
    memory_give_back();
    session_give_back(&run->session);
}

static int execute(struct run *run, struct plan_variant **variant_out, struct outcome *outcome,
                   struct err *err)
{
    struct launch *launch = &run->launch;
    auto_fd int files = -1;
    int signals = supervise_signals(err);
    int rc = signals < 0 ? signals : 0;

    if (rc == 0 && (run->plan.flags & PLAN_INSTALLER))
        rc = session_before_install(run->request.venv, &run->mask, &files, err);
    guard_begin(&run->guard, &run->plan, run->request.venv);
    if (rc == 0)
        rc = launch_go(launch, &run->plan, &run->program, err);
    if (rc < 0) {
        launch_abandon(launch);
        return rc;
    }
    give_back(run, variant_out);
    run->guard.late = record_late;
    run->guard.late_context = run;
    supervise(&run->plan, launch, &run->guard, signals, outcome);
    launch_ended(launch, outcome->how == OUTCOME_TIME_LIMIT);
    run->ended_clock_ms = outcome->ended_ms;
    run->ran = launch->failure->err.code == 0;
    guard_tell(&run->guard, true);
    if (!run->ran) {
        log_err(&launch->failure->err);
        *outcome = (struct outcome){.how = OUTCOME_EXITED, .value = launch->failure->status};
    }
    if (outcome->how == OUTCOME_TIME_LIMIT)
        log_line("stopped after %llu seconds (limits.wall-time)",
                 (unsigned long long)run->plan.wall_time);
    if (outcome->oom_kills > 0)
        log_line("the kernel ended %lld of its processes for want of memory (limits.memory)",
                 (long long)outcome->oom_kills);
    if (run->ran && (run->plan.flags & PLAN_INSTALLER))
        hint_installer(&run->plan, &run->request,
                       outcome->how == OUTCOME_EXITED && outcome->value == 0);
    if (run->plan.flags & PLAN_INSTALLER)
        rc = session_after_install(run->request.venv, &run->mask, files, err);
    return rc;
}

static int run_program(struct run *run, struct plan_variant **variant_out, struct outcome *outcome,
                       struct err *err)
{
    int rc = begin_with_valid(run, variant_out, err);

    if (rc == 0)
        rc = complete(run, *variant_out, err);
    if (rc == 0 && getenv("VERBOSE") && *getenv("VERBOSE"))
        print_plan(run);
    if (rc == 0)
        return execute(run, variant_out, outcome, err);
    launch_abandon(&run->launch);
    return rc;
}

static int fail(const struct err *err, int status)
{
    if (err->msg[0])
        log_err(err);
    return status;
}

int main(int argc, char **argv)
{
    struct run *run = memory_that_stays(sizeof(*run));
    struct plan_variant *variant = NULL;
    struct outcome outcome = {0};
    struct err err = {0};
    sigset_t all;
    int rc;
    union {
        char **in;
        const char *const *out;
    } words = {.in = argv};

    if (!run) {
        err_set(&err, ENOMEM, "cannot make memory for a start");
        return fail(&err, STATUS_OURS);
    }
    run->began_ms = audit_now_ms();
    run->began_clock_ms = clock_ms();
    sigfillset(&all);
    /* An ignored SIGCHLD would take the program's status away. */
    if (sigprocmask(SIG_SETMASK, &all, &run->mask) < 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
        err_set(&err, errno, "cannot take over the caller's signals");
        return fail(&err, STATUS_OURS);
    }
    if (request_parse(&run->arena, argc, words.out, &run->request, &err) < 0)
        return fail(&err, STATUS_OURS);
    if (request_is_shell(&run->request)) {
        sigprocmask(SIG_SETMASK, &run->mask, NULL);
        return fail(&err, request_run_shell(&run->request, &err) < 0 ? STATUS_OURS : 0);
    }
    if (session_nested()) {
        int code;

        sigprocmask(SIG_SETMASK, &run->mask, NULL);
        code = session_run_nested(&run->request, &err);
        return fail(&err, code == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXEC);
    }
    if (descriptors_sanitize(&err) < 0)
        return fail(&err, STATUS_OURS);
    rc = run_program(run, &variant, &outcome, &err);
    if (rc < 0)
        fail(&err, STATUS_OURS);
    if (variant)
        record(run, variant, &outcome, rc < 0 ? &err : NULL);
    if (!outcome.alive)
        launch_end_group(&run->launch);
    if (rc < 0)
        return STATUS_OURS;
    guard_leave(&run->guard, outcome.alive ? run->launch.init : -1);
    outcome_repeat(&outcome);
}
