/* How a start ended, as lines of the audit log. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "../base/scratch.h"

#include "session-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/guard/guard.h"
#include "svenv/launcher/supervise.h"

enum {
    LOG_MAX = 65536
};

static const char *const words[] = {"pip", "install", "x"};

/* A start with nothing to tell; a test changes what it is about. */
struct start_told {
    struct scratch s;
    char log[96];
    struct request request;
    struct plan_file file;
    struct plan plan;
    struct outcome outcome;
    struct guard guard;
    struct err failure;
    struct ended ended;
    struct buf text;
    int rc;
};

static struct start_told *told_new(enum plan_audit level)
{
    struct start_told *t = xcalloc(1, sizeof(*t));

    t->s = scratch_new();
    snprintf(t->log, sizeof(t->log), "%s/state/audit.jsonl", t->s.path);
    t->request = (struct request){.venv = "/p/.venv", .entry = "pip", .argv = words, .argc = 3};
    t->file = (struct plan_file){.venv = "/p/.venv", .policy_hash = "abc"};
    t->plan = (struct plan){.variant = "installer", .audit = level, .audit_log = t->log};
    t->outcome = (struct outcome){.how = OUTCOME_EXITED};
    t->ended = (struct ended){.request = &t->request,
                              .file = &t->file,
                              .plan = &t->plan,
                              .outcome = &t->outcome,
                              .guard = &t->guard};
    return t;
}

/* Return: the log, which is empty when there is none. */
static const char *tell(struct start_told *t)
{
    struct err err = {0};

    t->rc = session_audit(&t->ended, &err);
    buf_finish(&t->text);
    buf_add_str(&t->text, "");
    (void)file_read(AT_FDCWD, t->log, LOG_MAX, &t->text, NULL);
    return t->text.data;
}

static void told_drop(struct start_told *t)
{
    buf_finish(&t->text);
    scratch_drop(&t->s);
    free(t);
}

static unsigned lines_of(const char *text, const char *with)
{
    unsigned count = 0;

    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        auto_free char *line = xstrndup(text, (size_t)(end - text));

        count += strstr(line, with) != NULL;
    }
    return count;
}

#define EXPECT(t, part)                                                                            \
    cr_expect_not_null(strstr((t)->text.data, part), "no %s in %s", part, (t)->text.data)

/* --- which lines --------------------------------------------------------------------------------
 */

Test(launcher_audit, the_level_says_which_lines)
{
    static const struct {
        enum plan_audit level;
        bool refused;
        unsigned starts, denials;
    } rows[] = {
        {PLAN_AUDIT_OFF, true, 0, 0},    {PLAN_AUDIT_DENIED, false, 0, 0},
        {PLAN_AUDIT_DENIED, true, 0, 1}, {PLAN_AUDIT_ALL, false, 1, 0},
        {PLAN_AUDIT_ALL, true, 1, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct start_told *t = told_new(rows[i].level);
        struct plan_refusal refusal = {
            .path = "/secret", .why = "is not shown", .origin = "argument '/secret'"};

        t->plan.refusals = &refusal;
        t->plan.refusal_count = rows[i].refused;
        tell(t);
        cr_expect_eq(t->rc, 0);
        cr_expect_eq(lines_of(t->text.data, "\"event\":\"start\""), rows[i].starts, "row %zu", i);
        cr_expect_eq(lines_of(t->text.data, "\"event\":\"denied\""), rows[i].denials, "row %zu", i);
        cr_expect_eq(scratch_has(&t->s, "state"), rows[i].starts + rows[i].denials > 0,
                     "nothing is made for nothing");
        if (rows[i].denials > 0)
            EXPECT(t,
                   "\"path\",\"name\":\"/secret\",\"why\":\"is not shown (argument '/secret')\"");
        told_drop(t);
    }
}

Test(launcher_audit, a_log_that_cannot_be_written_is_an_error)
{
    struct start_told *t = told_new(PLAN_AUDIT_ALL);

    cr_assert_eq(symlinkat("elsewhere", t->s.fd, "state"), 0);
    tell(t);
    cr_expect_lt(t->rc, 0);
    cr_expect_not(scratch_has(&t->s, "elsewhere"));
    told_drop(t);
}

/* --- how it ended -------------------------------------------------------------------------------
 */

static void expect_end(struct start_told *t, const char *exit, unsigned denials)
{
    auto_free char *count = xasprintf("\"denials\":%u}", denials);

    tell(t);
    EXPECT(t, exit);
    EXPECT(t, count);
    cr_expect_eq(lines_of(t->text.data, "\"event\":\"denied\""), denials, "%s", t->text.data);
}

Test(launcher_audit, each_end_has_its_cause)
{
    static const struct plan_limit limits[] = {{.resource = RLIMIT_CPU, .value = 1},
                                               {.resource = RLIMIT_FSIZE, .value = 1}};
    static const struct {
        struct outcome outcome;
        bool limited; /* the policy has the limit, or the filter */
        const char *exit;
        const char *denied; /* NULL: nothing was */
    } rows[] = {
        {{.how = OUTCOME_EXITED, .value = 3}, true, "\"status\",\"value\":3", NULL},
        {{.how = OUTCOME_KILLED, .value = SIGTERM}, true, "\"signal\",\"value\":15", NULL},
        {{.how = OUTCOME_KILLED, .value = SIGXCPU}, true, "\"signal\"", "limits.cpu-time"},
        {{.how = OUTCOME_KILLED, .value = SIGXCPU}, false, "\"signal\"", NULL},
        {{.how = OUTCOME_KILLED, .value = SIGXFSZ}, true, "\"signal\"", "limits.file-size"},
        {{.how = OUTCOME_KILLED, .value = SIGXFSZ}, false, "\"signal\"", NULL},
        {{.how = OUTCOME_KILLED, .value = SIGSYS}, true, "\"signal\"", "system call filter"},
        {{.how = OUTCOME_KILLED, .value = SIGSYS}, false, "\"signal\"", NULL},
        {{.how = OUTCOME_EXITED, .value = SIGSYS}, true, "\"status\"", NULL},
        {{.how = OUTCOME_TIME_LIMIT}, true, "\"time-limit\"", "after 60 seconds (limits.wall-time"},
        {{.how = OUTCOME_EXITED, .oom_kills = 2}, true, "\"status\"", "2 processes ended for want"},
        {{.how = OUTCOME_EXITED, .oom_kills = -1}, true, "\"status\"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct start_told *t = told_new(PLAN_AUDIT_ALL);
        struct plan_limit copies[2] = {limits[0], limits[1]};

        t->outcome = rows[i].outcome;
        t->plan.wall_time = 60;
        t->plan.limits = copies;
        t->plan.limit_count = rows[i].limited ? 2 : 0;
        t->plan.filter_count = rows[i].limited ? 7 : 0;
        expect_end(t, rows[i].exit, rows[i].denied != NULL);
        if (rows[i].denied)
            EXPECT(t, rows[i].denied);
        told_drop(t);
    }
}

/* A start that never came to a program, and work after one that failed. */
Test(launcher_audit, a_failure_says_what_failed)
{
    struct start_told *t = told_new(PLAN_AUDIT_ALL);

    t->ended.outcome = NULL;
    t->ended.status = 125;
    t->ended.failure = &t->failure;
    snprintf(t->failure.msg, sizeof(t->failure.msg), "no namespaces here");
    expect_end(t, "\"not-started\",\"value\":125", 1);
    EXPECT(t, "\"start\",\"name\":\"pip\",\"why\":\"no namespaces here\"");
    told_drop(t);

    t = told_new(PLAN_AUDIT_ALL);
    t->request = (struct request){.venv = "/p/.venv", .program = "make", .argv = words, .argc = 1};
    t->ended.outcome = NULL;
    t->ended.failure = &t->failure;
    expect_end(t, "\"not-started\"", 1);
    EXPECT(t, "\"start\",\"name\":\"make\",\"why\":\"the installed sandbox-venv said why");
    told_drop(t);

    t = told_new(PLAN_AUDIT_ALL);
    t->ended.failure = &t->failure;
    snprintf(t->failure.msg, sizeof(t->failure.msg), "no room");
    expect_end(t, "\"status\",\"value\":0", 1);
    EXPECT(t, "\"refresh\",\"name\":null,\"why\":\"no room\"");
    told_drop(t);
}

Test(launcher_audit, what_held_the_program_is_told)
{
    static const struct {
        uint32_t flags;
        size_t filter_count;
        const char *part;
    } rows[] = {
        {PLAN_USE_LANDLOCK, 7, "\"landlock\":6,\"filter\":true}"},
        {0, 7, "\"landlock\":0,\"filter\":true}"},
        {PLAN_FILTER_OFF, 7, "\"landlock\":0,\"filter\":false}"},
        {PLAN_OWN_NET, 0, "\"net\"],\"landlock\":0,\"filter\":false}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct start_told *t = told_new(PLAN_AUDIT_ALL);

        t->plan.flags = rows[i].flags;
        t->plan.filter_count = rows[i].filter_count;
        t->plan.landlock_abi = 6;
        tell(t);
        EXPECT(t, rows[i].part);
        told_drop(t);
    }
}

/* --- what was taken out of the project ----------------------------------------------------------
 */

static struct guard_report *record_of(struct start_told *t, size_t count)
{
    struct guard_report *report = &t->guard.own;

    t->guard.report = report;
    snprintf(report->stamp, sizeof(report->stamp), "STAMP");
    report->count = count;
    for (size_t i = 0; i < count && i < TAKEN_KEPT; i++) {
        report->taken[i].moved = i % 2 == 0;
        snprintf(report->taken[i].rel, sizeof(report->taken[i].rel), "name%zu", i);
    }
    return report;
}

Test(launcher_audit, each_name_that_was_taken_has_a_line)
{
    struct start_told *t = told_new(PLAN_AUDIT_ALL);

    record_of(t, 2);
    expect_end(t, "\"status\"", 2);
    EXPECT(t, "\"name\":\"name0\",\"why\":\"moved to quarantine/STAMP (filesystem.protect); "
              "'sandbox-venv quarantine restore' takes it back\"");
    EXPECT(t, "\"name\":\"name1\",\"why\":\"renamed to .sandbox-venv-taken-... beside it");
    told_drop(t);
}

Test(launcher_audit, names_that_are_not_kept_are_counted)
{
    struct start_told *t = told_new(PLAN_AUDIT_ALL);

    record_of(t, TAKEN_KEPT + 5);
    tell(t);
    EXPECT(t, "\"denials\":33}");
    told_drop(t);
}

Test(launcher_audit, what_the_guard_could_not_do_is_told)
{
    static const struct {
        enum guard_stop stop;
        const char *part;
    } stops[] = {
        {GUARD_LOST, "\"name\":\"sub/.envrc\",\"why\":\"stopped: replaced on the host"},
        {GUARD_NO_MEMORY, "\"name\":null,\"why\":\"stopped: no memory left"},
        {GUARD_DIED, "\"name\":null,\"why\":\"stopped: the process that watches"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
        struct start_told *t = told_new(PLAN_AUDIT_DENIED);
        struct guard_report *report = record_of(t, 0);

        report->stop = stops[i].stop;
        report->opened = report->failed = report->incomplete = true;
        snprintf(report->lost, sizeof(report->lost), "sub/.envrc");
        tell(t);
        EXPECT(t, stops[i].part);
        EXPECT(t, "made writable for other users: taken back");
        EXPECT(t, "something could not be moved away");
        EXPECT(t, "more than could be looked through");
        cr_expect_eq(lines_of(t->text.data, "denied"), 4);
        told_drop(t);
    }
}

/* --- secrets ------------------------------------------------------------------------------------
 */

Test(launcher_audit, secrets_of_both_sides_are_taken_out)
{
    static const char *const line[] = {"curl", "callers-secret-value", "programs-secret-value",
                                       "plain-value"};
    static const char *const env[] = {"API_TOKEN=programs-secret-value", "PLAIN=plain-value", NULL};
    struct start_told *t = told_new(PLAN_AUDIT_ALL);
    struct arena arena = {NULL};

    setenv("CALLERS_TOKEN", "callers-secret-value", 1);
    t->request.argv = line;
    t->request.argc = ARRAY_SIZE(line);
    t->ended.secrets = session_secrets(&arena, env);
    tell(t);
    cr_expect_null(strstr(t->text.data, "callers-secret-value"), "%s", t->text.data);
    cr_expect_null(strstr(t->text.data, "programs-secret-value"), "%s", t->text.data);
    EXPECT(t, "plain-value");
    told_drop(t);
    arena_finish(&arena);
}

extern char **environ;

/* The caller's variables are in the environment as long as the launcher lives: only the rest is
 * kept. */
Test(launcher_audit, only_what_the_caller_has_not_is_copied)
{
    char own[] = "API_TOKEN=of-the-policy";
    const char *env[4] = {own, "PLAIN=x", NULL};
    struct arena arena = {NULL};
    const char *const *secrets = NULL;

    setenv("CALLERS_TOKEN", "value", 1);
    for (char **at = environ; *at; at++) {
        if (str_starts(*at, "CALLERS_TOKEN="))
            env[2] = *at;
    }
    cr_assert_not_null(env[2]);
    secrets = session_secrets(&arena, env);
    cr_expect_str_eq(secrets[0], own);
    cr_expect_neq(secrets[0], own, "it outlives the environment");
    cr_expect_null(secrets[1]);
    arena_finish(&arena);
}
