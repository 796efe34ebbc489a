/* One start as lines of the audit log. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "svenv/audit/record.h"
#include "svenv/audit/writer.h"
#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/secret.h"
#include "svenv/base/str.h"
#include "svenv/launcher/supervise.h"

#include "session-internal.h"
#include "svenv/guard/guard.h"

extern char **environ;

struct denials {
    struct arena arena;
    struct audit_denial *items;
    size_t count;
};

static void deny(struct denials *denials, const char *what, const char *name, const char *why)
{
    struct audit_denial *denial =
        arena_push(&denials->arena, &denials->items, &denials->count, sizeof(*denial));

    *denial = (struct audit_denial){.what = what, .name = name, .why = why};
}

/* A limit of the policy ends a program by its signal. */
static const struct {
    int number;
    int resource;
    const char *what;
    const char *why;
} limits[] = {
    {SIGXCPU, RLIMIT_CPU, "cpu-time", "stopped by limits.cpu-time"},
    {SIGXFSZ, RLIMIT_FSIZE, "file-size", "stopped by limits.file-size"},
};

static bool has_limit(const struct plan *plan, int resource)
{
    for (size_t i = 0; i < plan->limit_count; i++) {
        if (plan->limits[i].resource == resource)
            return true;
    }
    return false;
}

static void deny_by_signal(struct denials *denials, const struct plan *plan, int number)
{
    if (number == SIGSYS && plan->filter_count > 0)
        deny(denials, "syscall", NULL, "killed by the system call filter (syscalls)");
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        if (limits[i].number == number && has_limit(plan, limits[i].resource))
            deny(denials, limits[i].what, NULL, limits[i].why);
    }
}

static void deny_failure(struct denials *denials, const struct ended *ended)
{
    const struct request *request = ended->request;
    const char *name = request->entry ? request->entry : request->program;
    const char *why = ended->failure->msg;

    if (*why == '\0')
        why = "the installed sandbox-venv said why on standard error";
    if (ended->outcome == NULL)
        deny(denials, "start", name, why);
    else
        deny(denials, "refresh", NULL, why);
}

static bool names_file(enum guard_stop stop)
{
    return stop == GUARD_LOST || stop == GUARD_TOUCHED || stop == GUARD_SHOWN ||
           stop == GUARD_REPLACED;
}

static void deny_taken(struct denials *denials, const struct guard *guard)
{
    static const char *const stops[] = {
        [GUARD_LOST] = "stopped: replaced on the host, and cannot be protected again",
        [GUARD_TOUCHED] = "stopped: saved on the host, and perhaps changed before it was protected",
        [GUARD_SHOWN] = "stopped: saved on the host, and perhaps read before it was hidden",
        [GUARD_REPLACED] = "stopped: replaced or removed on the host while the program ran",
        [GUARD_NO_MEMORY] = "stopped: no memory left to watch the project",
        [GUARD_DIED] = "stopped: the process that watches the project has ended",
    };
    const struct guard_report *report = guard->report;

    if (report == NULL) /* it never began */
        return;
    for (size_t i = 0; i < report->count && i < TAKEN_KEPT; i++)
        deny(denials, "appeared", report->taken[i].rel,
             report->taken[i].moved
                 ? arena_printf(&denials->arena,
                                "moved to quarantine/%s (filesystem.protect); 'sandbox-venv "
                                "quarantine restore' takes it back",
                                report->stamp)
                 : "renamed to " NAME_TAKEN "... beside it (filesystem.protect)");
    if (report->count > TAKEN_KEPT)
        deny(denials, "appeared", NULL,
             arena_printf(&denials->arena, "%zu more were moved to quarantine/%s",
                          report->count - TAKEN_KEPT, report->stamp));
    if (report->stop != GUARD_GOES_ON)
        deny(denials, "appeared", names_file(report->stop) ? report->lost : NULL,
             stops[report->stop]);
    for (size_t i = 0; i < report->made_count && i < MADE_KEPT; i++)
        deny(denials, "virtualenv", report->made[i],
             "appeared in the project, and programs in the sandbox can write it");
    if (report->made_count > MADE_KEPT)
        deny(denials, "virtualenv", NULL,
             arena_printf(&denials->arena, "%zu more appeared", report->made_count - MADE_KEPT));
    if (report->opened)
        deny(denials, "mode", NULL, "the project was made writable for other users: taken back");
    if (report->failed)
        deny(denials, "appeared", NULL, "something could not be moved away (filesystem.protect)");
    if (report->incomplete)
        deny(denials, "appeared", NULL, "more than could be looked through (filesystem.protect)");
}

static void audit_collect(struct denials *denials, const struct ended *ended)
{
    const struct plan *plan = ended->plan;
    const struct outcome *outcome = ended->outcome;

    for (size_t i = 0; i < plan->refusal_count; i++) {
        const struct plan_refusal *refusal = &plan->refusals[i];

        deny(denials, "path", refusal->path,
             arena_printf(&denials->arena, "%s (%s)", refusal->why, refusal->origin));
    }
    if (outcome != NULL && outcome->how == OUTCOME_TIME_LIMIT)
        deny(denials, "wall-time", NULL,
             arena_printf(&denials->arena, "stopped after %llu seconds (limits.wall-time)",
                          (unsigned long long)plan->wall_time));
    if (outcome != NULL && outcome->oom_kills > 0)
        deny(denials, "memory", NULL,
             arena_printf(&denials->arena,
                          "%lld processes ended for want of memory (limits.memory)",
                          (long long)outcome->oom_kills));
    if (outcome != NULL && outcome->how == OUTCOME_KILLED)
        deny_by_signal(denials, plan, outcome->value);
    deny_taken(denials, ended->guard);
    if (ended->failure != NULL)
        deny_failure(denials, ended);
}

static int64_t milliseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000 + time.tv_usec / 1000;
}

static struct audit_end end_of(const struct ended *ended)
{
    const struct outcome *outcome = ended->outcome;
    struct audit_end end = {
        .cause = AUDIT_CAUSE_NOT_STARTED, .value = ended->status, .wall_ms = ended->wall_ms};

    if (outcome == NULL)
        return end;
    end.cause = outcome->how == OUTCOME_TIME_LIMIT ? AUDIT_CAUSE_TIME_LIMIT
                : outcome->how == OUTCOME_KILLED   ? AUDIT_CAUSE_SIGNAL
                                                   : AUDIT_CAUSE_STATUS;
    end.value = outcome->value;
    end.user_ms = milliseconds(outcome->usage.ru_utime);
    end.system_ms = milliseconds(outcome->usage.ru_stime);
    end.max_rss_kib = outcome->usage.ru_maxrss;
    return end;
}

static const char *const *caller_variables(void)
{
    union {
        char **in;
        const char *const *out;
    } env = {.in = environ};

    return env.out;
}

/* A variable that passes from the caller to the program is the same text in memory. */
static bool is_callers(const char *assignment)
{
    const char *const *env = caller_variables();

    while (*env != NULL && *env != assignment)
        env++;
    return *env != NULL;
}

static void push_variable(struct arena *arena, const char ***list, size_t *count, const char *text)
{
    const char **slot = arena_push(arena, list, count, sizeof(*slot));

    *slot = text;
}

const char *const *session_secrets(struct arena *arena, const char *const *env)
{
    const char **secrets = NULL;
    size_t count = 0;

    for (; *env != NULL; env++) {
        if (!is_callers(*env) && secret_is_sought(*env, strcspn(*env, "=")))
            push_variable(arena, &secrets, &count, arena_strdup(arena, *env));
    }
    push_variable(arena, &secrets, &count, NULL);
    return secrets;
}

/* Whose secrets are taken out of the lines. */
static const char *const *all_secrets(struct arena *arena, const struct ended *ended)
{
    const char *const *of_program =
        ended->env ? session_secrets(arena, ended->env) : ended->secrets;
    const char **all = NULL;
    size_t count = 0;

    for (const char *const *at = caller_variables(); *at != NULL; at++)
        push_variable(arena, &all, &count, *at);
    for (const char *const *at = of_program; at != NULL && *at != NULL; at++)
        push_variable(arena, &all, &count, *at);
    push_variable(arena, &all, &count, NULL);
    return all;
}

static struct audit_subject subject_of(struct arena *arena, const struct ended *ended)
{
    const struct plan *plan = ended->plan;

    return (struct audit_subject){
        .time_ms = ended->began_ms,
        .launcher = getpid(),
        .venv = ended->file->venv,
        .entry = ended->request->entry,
        .argv = ended->request->argv,
        .argc = ended->request->argc,
        .variant = plan->variant,
        .policy = ended->file->policy_hash,
        .env = all_secrets(arena, ended),
        .own_net = (plan->flags & PLAN_OWN_NET) != 0,
        .landlock_abi = plan->flags & PLAN_USE_LANDLOCK ? plan->landlock_abi : 0,
        .filter = plan->filter_count > 0 && !(plan->flags & PLAN_FILTER_OFF),
    };
}

int session_audit(const struct ended *ended, struct err *err)
{
    struct denials denials = {.count = 0};
    struct audit_subject subject;
    auto_buf struct buf lines = {0};
    int rc = 0;

    if (ended->plan->audit == PLAN_AUDIT_OFF)
        return 0;
    audit_collect(&denials, ended);
    if (ended->plan->audit != PLAN_AUDIT_ALL && denials.count == 0) {
        arena_finish(&denials.arena);
        return 0;
    }
    subject = subject_of(&denials.arena, ended);
    if (ended->plan->audit == PLAN_AUDIT_ALL) {
        struct audit_end end = end_of(ended);

        audit_add_start(&lines, &subject, &end, denials.count);
    }
    audit_add_denials(&lines, &subject, denials.items, denials.count);
    if (lines.len > 0)
        rc = audit_append(ended->plan->audit_log, lines.data, lines.len, err);
    arena_finish(&denials.arena);
    return rc;
}
