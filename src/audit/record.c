/* The lines of the audit log: a start, a denial, an install. */
#include "svenv/audit/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "svenv/base/json.h"
#include "svenv/base/mem.h"
#include "svenv/base/redact.h"
#include "svenv/base/secret.h"
#include "svenv/base/str.h"

#define FORMAT_VERSION 1
#define WORDS_MAX 64
#define WORD_MAX 256
#define ARGV_MAX 2048
#define TEXT_MAX 1024
#define LIST_MAX 64

static const char *const cause_names[] = {
    [AUDIT_CAUSE_STATUS] = "status",
    [AUDIT_CAUSE_SIGNAL] = "signal",
    [AUDIT_CAUSE_TIME_LIMIT] = "time-limit",
    [AUDIT_CAUSE_NOT_STARTED] = "not-started",
};
_Static_assert(ARRAY_SIZE(cause_names) == AUDIT_CAUSE__COUNT, "one name per cause");

int64_t audit_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void audit_time_text(int64_t time_ms, char out[AUDIT_TIME_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm = {0};

    gmtime_r(&seconds, &tm);
    snprintf(out, AUDIT_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)(time_ms % 1000));
}

static void record_add_str(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_str(json, value);
}

static void add_int(struct json *json, const char *key, int64_t value)
{
    json_key(json, key);
    json_int(json, value);
}

static void record_add_text(struct json *json, const char *key, const char *text,
                            const struct audit_subject *subject)
{
    auto_buf struct buf plain = {0};

    json_key(json, key);
    if (text == NULL) {
        json_str(json, NULL);
        return;
    }
    redact_text(text, TEXT_MAX, subject->env, &plain);
    json_str(json, plain.data);
}

/* Is this word the value of a secret that the words before it name: "--password", or "--setenv"
 * and a variable? */
static bool is_announced(const char *const *argv, size_t i)
{
    if (i > 1 && str_eq(argv[i - 2], "--setenv") &&
        secret_is_name(argv[i - 1], strlen(argv[i - 1])))
        return true;
    return i > 0 && redact_announces(argv[i - 1]) && argv[i][0] != '-';
}

static void add_argv(struct json *json, const struct audit_subject *subject)
{
    size_t total = 0;
    size_t i = 0;

    json_key(json, "argv");
    json_open(json, '[');
    for (; i < subject->argc && i < WORDS_MAX && total < ARGV_MAX; i++) {
        auto_buf struct buf word = {0};

        if (is_announced(subject->argv, i))
            buf_add_str(&word, "***");
        else
            redact_text(subject->argv[i], WORD_MAX, subject->env, &word);
        json_str(json, word.data);
        total += word.len;
    }
    json_close(json, ']');
    if (i < subject->argc)
        add_int(json, "argv_left_off", (int64_t)(subject->argc - i));
}

static void record_add_isolation(struct json *json, const struct audit_subject *subject)
{
    static const char *const namespaces[] = {"user", "mount", "pid", "ipc", "uts", "cgroup"};

    json_key(json, "isolation");
    json_open(json, '{');
    json_key(json, "namespaces");
    json_open(json, '[');
    for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
        json_str(json, namespaces[i]);
    if (subject->own_net)
        json_str(json, "net");
    json_close(json, ']');
    add_int(json, "landlock", subject->landlock_abi);
    json_key(json, "filter");
    json_bool(json, subject->filter);
    json_close(json, '}');
}

static void record_begin(struct json *json, struct buf *out, const char *event,
                         const struct audit_subject *subject)
{
    char time[AUDIT_TIME_SIZE];

    audit_time_text(subject->time_ms, time);
    json_init(json, out, false);
    json_open(json, '{');
    add_int(json, "version", FORMAT_VERSION);
    record_add_str(json, "event", event);
    record_add_str(json, "time", time);
    add_int(json, "launcher", subject->launcher);
    record_add_str(json, "venv", subject->venv);
    record_add_str(json, "policy", subject->policy);
}

static void begin_start(struct json *json, struct buf *out, const char *event,
                        const struct audit_subject *subject)
{
    record_begin(json, out, event, subject);
    record_add_str(json, "entry", subject->entry);
    add_argv(json, subject);
    record_add_str(json, "variant", subject->variant);
    record_add_isolation(json, subject);
}

static void record_finish(struct json *json, struct buf *out)
{
    json_close(json, '}');
    buf_add_char(out, '\n');
}

void audit_add_start(struct buf *out, const struct audit_subject *subject,
                     const struct audit_end *end, size_t denial_count)
{
    struct json json;

    begin_start(&json, out, "start", subject);
    json_key(&json, "exit");
    json_open(&json, '{');
    record_add_str(&json, "cause", cause_names[end->cause]);
    add_int(&json, "value", end->value);
    json_close(&json, '}');
    add_int(&json, "wall_ms", end->wall_ms);
    json_key(&json, "usage");
    json_open(&json, '{');
    add_int(&json, "user_ms", end->user_ms);
    add_int(&json, "system_ms", end->system_ms);
    add_int(&json, "max_rss_kib", end->max_rss_kib);
    json_close(&json, '}');
    add_int(&json, "denials", (int64_t)denial_count);
    record_finish(&json, out);
}

void audit_add_denials(struct buf *out, const struct audit_subject *subject,
                       const struct audit_denial *denials, size_t count)
{
    size_t shown = count < AUDIT_DENIALS_MAX ? count : AUDIT_DENIALS_MAX;

    for (size_t i = 0; i < shown; i++) {
        struct json json;

        begin_start(&json, out, "denied", subject);
        json_key(&json, "denied");
        json_open(&json, '{');
        record_add_str(&json, "what", denials[i].what);
        record_add_text(&json, "name", denials[i].name, subject);
        record_add_text(&json, "why", denials[i].why, subject);
        json_close(&json, '}');
        if (i + 1 == shown && shown < count)
            add_int(&json, "denials_left_off", (int64_t)(count - shown));
        record_finish(&json, out);
    }
}

static void record_add_list(struct json *json, const char *key, const struct strv *list,
                            const struct audit_subject *subject)
{
    json_key(json, key);
    json_open(json, '[');
    for (size_t i = 0; i < list->count && i < LIST_MAX; i++) {
        auto_buf struct buf name = {0};

        redact_text(list->items[i], WORD_MAX, subject->env, &name);
        json_str(json, name.data);
    }
    json_close(json, ']');
}

void audit_add_install(struct buf *out, const struct audit_subject *subject,
                       const struct audit_install *install)
{
    const struct {
        const char *key;
        const char *count_key;
        const struct strv *list;
    } rows[] = {
        {"start_up", "start_up_count", install->start_up},
        {"entries", "entry_count", install->entries},
        {"elf", "elf_count", install->elf},
        {"setuid", "setuid_count", install->setuid},
        {"obeyed", "obeyed_count", install->obeyed},
    };
    struct json json;

    record_begin(&json, out, "install", subject);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        record_add_list(&json, rows[i].key, rows[i].list, subject);
        add_int(&json, rows[i].count_key, (int64_t)rows[i].list->count);
    }
    json_key(&json, "incomplete");
    json_bool(&json, install->incomplete);
    json_key(&json, "late");
    json_bool(&json, install->late);
    record_finish(&json, out);
}
