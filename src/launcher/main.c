/* The launcher: one start from top to bottom. The table `steps` leads to a program that runs, and
 * undoes the steps before one that fails; see_to_its_end() is the part after it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svenv/audit/record.h"
#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/status.h"
#include "svenv/base/str.h"
#include "svenv/formats/dotenv.h"
#include "svenv/guard/guard.h"
#include "svenv/launch/launch.h"
#include "svenv/launcher/host.h"
#include "svenv/launcher/supervise.h"
#include "svenv/start/command.h"
#include "svenv/start/start.h"
#include "svenv/sys/pending.h"

#include "again-internal.h"
#include "helper-internal.h"
#include "loaded-internal.h"
#include "memory-internal.h"
#include "session-internal.h"
#include "supervise-internal.h"

/* Everything of one start; freed by the end of the process. */
struct run {
    int word_count; /* of the command line */
    const char *const *words;
    struct arena arena; /* until the program has executed */
    struct arena kept;  /* from then on */
    struct request request;
    sigset_t mask;
    struct session session;
    struct plan_variant *variant; /* of the session's plan; NULL: none is chosen yet */
    struct start start;
    struct dotenv dotenv;
    struct plan plan;
    struct launch_program program;
    const char *const *secrets; /* of its environment, once that has been given back */
    bool settled;               /* give_back() was called */
    struct launch launch;
    struct before_program before; /* signals: -1: not yet */
    int files;                    /* see session_before_install(); -1: there is no such list */
    struct outcome outcome;
    int status; /* of this process when a step fails */
    int64_t began_ms;
    int64_t began_clock_ms;
    int64_t ended_clock_ms; /* 0: not yet */
    bool ran;               /* the program did, and has ended */
    struct guard guard;
    struct again again;
    bool opened; /* there is a plan */
    bool told;   /* the user, what the plan does not show */
};

static int take_over_signals(struct run *run, struct err *err)
{
    sigset_t all;

    sigfillset(&all);
    /* An ignored SIGCHLD would take the program's status away. */
    if (sigprocmask(SIG_SETMASK, &all, &run->mask) < 0 || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        return err_set(err, errno, "cannot take over the caller's signals");
    return 0;
}

static int read_request(struct run *run, struct err *err)
{
    return request_parse(&run->arena, run->word_count, run->words, &run->request, err);
}

/* `shell`, and anything inside a sandbox, is not for this process to start. */
static int hand_over(struct run *run, struct err *err)
{
    bool is_shell = request_is_shell(&run->request);
    int rc;

    if (!is_shell && !session_nested())
        return 0;
    sigprocmask(SIG_SETMASK, &run->mask, NULL);
    if (is_shell)
        return request_run_shell(&run->request, err);
    rc = session_run_nested(&run->request, err);
    run->status = rc == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXEC;
    return rc;
}

static int keep_harmless_descriptors(struct run *run, struct err *err)
{
    (void)run;
    return descriptors_sanitize(err);
}

static int open_plan(struct run *run, struct err *err)
{
    int rc = session_open(&run->request, &run->mask, &run->session, err);

    run->opened = rc == 0;
    return rc;
}

/* A console script sees the name that it was called by. The interpreter sees a path, from which it
 * finds its pyvenv.cfg: getpath would search PATH for a bare name. */
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
        if (interpreter_is_name(request->entry) && !strchr(argv[0], '/'))
            argv[0] = run->program.path;
    }
    run->program.own_group = request->shell && tcgetpgrp(STDIN_FILENO) == getpgrp();
    run->program.argv = argv;
    run->program.cwd = run->plan.chdir ? run->plan.chdir : run->start.cwd;
    run->program.env = plan_environment(&run->arena, &run->plan, &run->start);
    memory_of_launcher(&run->program);
    memcpy(&run->program.memory[LAUNCH_PLANS], run->session.maps, sizeof(run->session.maps));
}

static void take_back(struct run *run)
{
    memory_failure(NULL);
    launch_abandon(&run->launch);
    seen_close(&run->guard.seen);
}

/* Chooses the plan, and with it the namespaces: the sandbox is begun as soon as these are known,
 * and the rest of the plan is worked out beside the kernel's part. file: may be a plan that does
 * not hold. */
static int begin_sandbox(struct run *run, struct plan_file *file, struct err *err)
{
    struct plan head = {0};
    const struct group_asker systemd = {.ask = helper_ask_systemd, .context = &run->mask};
    int rc;

    run->start.entry = run->request.entry;
    run->start.called_as = run->request.called_as;
    run->start.argv = run->request.argv;
    run->start.argc = run->request.argc;
    run->variant = plan_choose(&run->arena, file, &run->start);
    rc = plan_peek(run->variant, &head, err);
    if (rc == 0)
        rc = launch_prepare(&head, &systemd, &run->launch, err);
    if (rc < 0)
        return rc;
    memory_failure(run->launch.failure);
    if (memory_warm())
        return 0;
    take_back(run);
    return err_set(err, ENOMEM, "cannot make memory for a start");
}

/* A plan holds when nothing that it was made from has changed, nothing unknown lies in the project,
 * and it can be read. */
static bool plan_still_holds(struct run *run, struct plan_file *file)
{
    return session_holds(&run->session, &run->request) && plan_load_project(file, NULL) == 0 &&
           seen_open(&run->guard.seen, file) && plan_load(file, run->variant, NULL) == 0;
}

/* A failure under a plan that holds is told to the user. */
static int begin_by_settled_plan(struct run *run, struct err *err)
{
    struct plan_file *file = session_plan(&run->session);
    int rc = plan_load_project(file, err);

    if (rc < 0)
        return rc;
    if (!seen_open(&run->guard.seen, file) && run->request.plan_fd < 0 &&
        again_unknown(&run->again)) {
        seen_close(&run->guard.seen);
        return err_plain(err, ESTALE, "the project changed while its plan was made");
    }
    rc = begin_sandbox(run, file, err);
    if (rc < 0)
        take_back(run);
    return rc;
}

/* The launcher asks whether the plan still holds while the kernel opens the namespaces. So
 * begin_sandbox() goes by a plan that may be old or damaged, and may fail for that alone. The user
 * is told of its failure only when the plan turns out to hold. Otherwise the plan is made again,
 * and so is all that was begun with it. No other step gets at a plan before: see session_plan(). */
static int begin_by_a_plan_that_holds(struct run *run, struct err *err)
{
    struct session *session = &run->session;
    struct plan_file *found = session_any_plan(session);
    struct err failure = {0};
    int rc;

    if (session->settled)
        return begin_by_settled_plan(run, err);
    rc = begin_sandbox(run, found, &failure);
    session->settled = plan_still_holds(run, found);
    if (session->settled && rc == 0)
        return 0;
    take_back(run);
    if (session->settled) {
        *err = failure;
        return rc;
    }
    if (run->again.tries > 0) /* it lies in memory that goes with the next plan */
        run->variant = NULL;
    rc = session_renew(session, &run->request, &run->mask, err);
    return rc < 0 ? rc : begin_by_settled_plan(run, err);
}

static void tell_refusals(const struct plan *plan)
{
    for (size_t i = 0; i < plan->refusal_count; i++) {
        const struct plan_refusal *refusal = &plan->refusals[i];

        if (refusal->told)
            log_line("'%s' is not shown (%s): %s", refusal->path, refusal->origin, refusal->why);
    }
}

static int complete_plan(struct run *run, struct err *err)
{
    struct plan_file *file = session_plan(&run->session);
    const char *why = NULL, *unread = NULL;
    int rc = plan_load(file, run->variant, err);

    if (rc == 0)
        rc = host_collect(&run->arena, &run->start, err);
    if (rc < 0)
        return rc;
    if (host_dotenv(&run->arena, &run->variant->plan, file, &run->dotenv, &why))
        run->start.dotenv = &run->dotenv;
    loaded_watch(file, &run->start);
    rc = plan_start(&run->arena, file, run->variant, &run->start, &run->plan, err);
    if (rc < 0)
        return rc;
    set_program(run);
    if (!run->told) {
        unread = host_dotenv_unread(&run->arena, &run->dotenv, run->plan.dotenv, why);
        if (unread)
            log_line("%s", unread);
        tell_refusals(&run->plan);
    }
    run->told = true;
    return 0;
}

static int print_start(struct run *run, struct err *err)
{
    const char *verbose = getenv("VERBOSE");
    const char *from = NULL;
    auto_buf struct buf text = {0};

    (void)err;
    if (!verbose || !*verbose)
        return 0;
    from = loaded_from(&run->arena, session_plan(&run->session), "VERBOSE");
    if (from) {
        log_line("VERBOSE is not obeyed, because it may come from '%s'", from);
        return 0;
    }
    plan_print(&run->plan, &text);
    (void)fd_write_all(STDERR_FILENO, text.data, text.len);
    return 0;
}

/* Before the program: once it runs nothing may fail any more. */
static int open_signals(struct run *run, struct err *err)
{
    int fd = supervise_signals(err);

    if (fd < 0)
        return fd;
    run->before.signals = fd;
    run->before.terminal = job_terminal();
    terminal_note(run->before.terminal, &run->before.modes);
    return 0;
}

static void close_signals(struct run *run)
{
    close(run->before.signals);
}

static int look_before_install(struct run *run, struct err *err)
{
    if (!(run->plan.flags & PLAN_INSTALLER))
        return 0;
    return session_before_install(run->request.venv, &run->mask, &run->files, err);
}

/* No installer has started. */
static void forget_files(struct run *run)
{
    if (run->files < 0)
        return;
    session_forget_install(run->request.venv, run->files);
    close(run->files);
}

static int guard_project(struct run *run, struct err *err)
{
    guard_begin(&run->guard, &run->plan, run->request.venv);
    return guard_own_begin(&run->guard, err);
}

static int start_program(struct run *run, struct err *err)
{
    return launch_go(&run->launch, &run->plan, &run->program, err);
}

/* From the call of the launcher to a program that runs, in this order. A step that fails has taken
 * back its own; then those before it are undone, the last first. A step without an undo leaves
 * nothing that outlives this process. */
struct step {
    int (*take)(struct run *run, struct err *err); /* Return: 0, or negative errno with *err */
    void (*undo)(struct run *run);
};

static const struct step first_steps[] = {
    {take_over_signals, NULL},
    {read_request, NULL},
    {hand_over, NULL},
    {keep_harmless_descriptors, NULL},
};

/* A change on the host meanwhile can fail these, and they are taken again. */
static const struct step steps[] = {
    {open_plan, NULL},
    {begin_by_a_plan_that_holds, take_back},
    {complete_plan, NULL},
    {print_start, NULL},
    {open_signals, close_signals},
    {look_before_install, forget_files},
    {guard_project, NULL},
    {start_program, NULL},
};

static int take_all(const struct step *table, size_t count, struct run *run, struct err *err)
{
    size_t taken = 0;
    int rc = 0;

    while (taken < count && (rc = table[taken].take(run, err)) == 0)
        taken++;
    while (rc < 0 && taken-- > 0) {
        if (table[taken].undo)
            table[taken].undo(run);
    }
    return rc;
}

/* The editor saves, or git switches branches, between the look at a file and its mount. A plan that
 * was made for this start alone cannot be made again here. */
static bool is_to_be_tried_again(struct run *run, const struct err *err)
{
    return run->opened && run->request.plan_fd < 0 && !memory_is_scarce() &&
           again_try(&run->again, err->code, !session_is_stale(&run->session, &run->request));
}

static void forget_try(struct run *run)
{
    run->variant = NULL;
    run->start = (struct start){.entry = NULL};
    run->dotenv = (struct dotenv){.count = 0};
    run->plan = (struct plan){.op_count = 0};
    run->program = (struct launch_program){.path = NULL};
    run->before.signals = run->files = -1;
}

static int take_steps(struct run *run, struct err *err)
{
    int rc = take_all(first_steps, ARRAY_SIZE(first_steps), run, err);

    if (rc < 0)
        return rc;
    while ((rc = take_all(steps, ARRAY_SIZE(steps), run, err)) < 0 &&
           is_to_be_tried_again(run, err)) {
        forget_try(run);
        *err = (struct err){0};
    }
    return rc;
}

/* One line when the log cannot be written: the program has run, and its status stands. */
static void record_start(struct run *run, const struct outcome *outcome, const struct err *failure)
{
    struct plan_file *file = session_any_plan(&run->session);
    int64_t end_ms = run->ended_clock_ms ? run->ended_clock_ms : clock_ms();
    struct ended ended = {.request = &run->request,
                          .file = file,
                          .plan = run->plan.variant ? &run->plan : &run->variant->plan,
                          .env = run->program.env,
                          .secrets = run->secrets,
                          .began_ms = run->began_ms,
                          .wall_ms = end_ms - run->began_clock_ms,
                          .outcome = run->ran ? outcome : NULL,
                          .guard = &run->guard,
                          .status = failure ? STATUS_OURS : outcome->value,
                          .failure = failure};
    struct err err = {0};

    if (!run->ran && !failure)
        ended.failure = &run->launch.failure->err;
    if (plan_load(file, run->variant, NULL) == 0 && session_audit(&ended, &err) < 0)
        log_err(&err);
}

/* In the guard's process, after the launcher's end: only what was taken out of the project since
 * then is new. */
static void record_late(void *context)
{
    struct run *run = context;
    const struct outcome outcome = {.how = OUTCOME_EXITED};

    if (run->plan.audit == PLAN_AUDIT_ALL)
        run->plan.audit = PLAN_AUDIT_DENIED;
    run->plan.refusal_count = 0;
    run->ran = true;
    record_start(run, &outcome, NULL);
}

/* The set-up's memory is given back, with the plan as it was read: a program may run for days. */
static void give_back(void *context)
{
    struct run *run = context;
    struct plan_file *file = session_plan(&run->session);

    if (run->settled)
        return;
    run->settled = true;
    memory_settle();
    plan_keep(&run->kept, file, &run->plan);
    run->variant = file->variants;
    run->request.venv = arena_strdup(&run->kept, run->request.venv);
    if (run->request.entry)
        run->request.entry = arena_strdup(&run->kept, run->request.entry);
    guard_keep(&run->guard, &run->kept, run->request.venv);
    run->secrets = session_secrets(&run->kept, run->program.env);
    run->arena = (struct arena){NULL};
    run->start = (struct start){.entry = NULL};
    run->dotenv = (struct dotenv){.count = 0};
    run->program = (struct launch_program){.path = NULL};
    memory_give_back();
    session_give_back(&run->session);
}

static void tell_end(const struct run *run)
{
    const struct outcome *outcome = &run->outcome;

    if (!run->ran)
        log_err(&run->launch.failure->err);
    if (outcome->how == OUTCOME_TIME_LIMIT)
        log_line("stopped after %llu seconds (limits.wall-time)",
                 (unsigned long long)run->plan.wall_time);
    if (outcome->oom_kills > 0)
        log_line("the kernel ended %lld of its processes for want of memory (limits.memory)",
                 (long long)outcome->oom_kills);
    if (run->ran && (run->plan.flags & PLAN_INSTALLER))
        hint_installer(&run->plan, &run->request,
                       outcome->how == OUTCOME_EXITED && outcome->value == 0);
}

/* The program has executed, or could not. Return: 0, or negative errno with *err when what is to be
 * done after an installer failed. */
static int see_to_its_end(struct run *run, struct err *err)
{
    struct outcome *outcome = &run->outcome;

    run->guard.late = record_late;
    run->guard.late_context = run;
    supervise(&run->plan, &run->launch, &run->guard, &run->before, &(struct settle){give_back, run},
              outcome);
    launch_ended(&run->launch, outcome->how == OUTCOME_TIME_LIMIT);
    run->ended_clock_ms = outcome->ended_ms;
    run->ran = run->launch.failure->err.code == 0;
    guard_tell(&run->guard, true);
    guard_take_from_private(&run->guard);
    if (!run->ran)
        *outcome = (struct outcome){.how = OUTCOME_EXITED, .value = run->launch.failure->status};
    tell_end(run);
    if (!(run->plan.flags & PLAN_INSTALLER))
        return 0;
    return session_after_install(run->request.venv, &run->mask, run->files, err);
}

/* An error without a message: the user was told where it failed. */
static void tell_failure(const struct err *err)
{
    if (err->msg[0])
        log_err(err);
}

/* Without a program that ^C could end it ends the start: this process dies of it as any other. */
static void end_as_asked(const struct run *run)
{
    int number = pending_end();

    if (!run->ran && number != 0)
        outcome_repeat(&(struct outcome){.how = OUTCOME_KILLED, .value = number});
}

int main(int argc, char **argv)
{
    struct run *run = memory_that_stays(sizeof(*run));
    struct err err = {0};
    union {
        char **in;
        const char *const *out;
    } words = {.in = argv};
    int rc;

    if (!run) {
        err_set(&err, ENOMEM, "cannot make memory for a start");
        tell_failure(&err);
        return STATUS_OURS;
    }
    run->word_count = argc;
    run->words = words.out;
    run->before.signals = run->files = -1;
    run->status = STATUS_OURS;
    run->began_ms = audit_now_ms();
    run->began_clock_ms = clock_ms();
    rc = take_steps(run, &err);
    if (rc == 0)
        rc = see_to_its_end(run, &err);
    if (rc < 0 && (run->ran || pending_end() == 0))
        tell_failure(&err);
    if (run->variant)
        record_start(run, &run->outcome, rc < 0 ? &err : NULL);
    if (!run->outcome.alive)
        launch_end_group(&run->launch);
    if (rc < 0) {
        end_as_asked(run);
        return run->status;
    }
    if (run->outcome.alive)
        give_back(run); /* the guard's process, which may begin now, allocates */
    guard_leave(&run->guard, run->outcome.alive ? run->launch.init : -1);
    outcome_repeat(&run->outcome);
}
