/* One line of the audit log as text for people. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "log-internal.h"
#include "svenv/audit/reader.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "term-internal.h"

enum {
    COMMAND_SHOWN = 100, /* bytes of a command line */
    NAMES_SHOWN = 6
};

void log_time_text(int64_t time_ms, char out[LOG_TIME_SIZE])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm = {0};

    localtime_r(&seconds, &tm);
    if (strftime(out, LOG_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        out[0] = '\0';
}

static void log_text_add_text(struct buf *out, enum term_style style, const char *text)
{
    term_add(out, style, text ? text : "?");
}

/* The entry's name in place of a path that is the same for all of them. */
static void add_command(struct buf *out, const struct audit_line *line)
{
    const struct json_node *argv = json_get(&line->root, "argv");
    const char *entry = audit_text(line, "entry", NULL);
    auto_buf struct buf text = {0};

    if (entry)
        buf_add_str(&text, entry);
    for (size_t i = entry ? 1 : 0; argv && i < argv->count && text.len < COMMAND_SHOWN; i++) {
        buf_add_str(&text, text.len > 0 ? " " : "");
        buf_add_str(&text, argv->items[i].text ? argv->items[i].text : "");
    }
    if (text.len > COMMAND_SHOWN) {
        text.len = COMMAND_SHOWN;
        while (text.len > 0 && ((unsigned char)text.data[text.len] & 0xC0) == 0x80)
            text.len--;
        text.data[text.len] = '\0';
        buf_add_str(&text, "...");
    }
    log_text_add_text(out, TERM_PLAIN, text.data);
}

static void add_start(struct buf *out, const struct audit_line *line)
{
    int64_t value = audit_number(line, "exit", "value");
    const char *cause = audit_text(line, "exit", "cause");
    int64_t wall = audit_number(line, "wall_ms", NULL);
    bool is_fine = str_eq(cause, "status") && value == 0;
    auto_buf struct buf end = {0};

    buf_add_str(&end, str_eq(cause, "status") ? "exit" : cause ? cause : "?");
    buf_printf(&end, " %" PRId64, value);
    log_text_add_text(out, is_fine ? TERM_GOOD : TERM_WARN, end.data);
    buf_printf(out, "  %" PRId64 ".%" PRId64 " s  ", wall / 1000, wall % 1000 / 100);
    add_command(out, line);
}

static void add_denied(struct buf *out, const struct audit_line *line)
{
    const char *name = audit_text(line, "denied", "name");
    int64_t left_off = audit_number(line, "denials_left_off", NULL);

    log_text_add_text(out, TERM_BAD, "denied");
    buf_add_char(out, ' ');
    log_text_add_text(out, TERM_PLAIN, audit_text(line, "denied", "what"));
    if (name) {
        buf_add_char(out, ' ');
        log_text_add_text(out, TERM_BOLD, name);
    }
    buf_add_str(out, ": ");
    log_text_add_text(out, TERM_PLAIN, audit_text(line, "denied", "why"));
    if (left_off > 0)
        buf_printf(out, " (and %" PRId64 " more)", left_off);
    buf_add_str(out, "  ");
    term_add(out, TERM_DIM, "by");
    buf_add_char(out, ' ');
    add_command(out, line);
}

/* The kinds of files that an install left, most surprising first. */
static const struct {
    const char *key;
    const char *count_key;
    const char *label;
    enum term_style style;
    bool only_count;
} install_rows[] = {
    {"setuid", "setuid_count", "setuid files", TERM_BAD, false},
    {"obeyed", "obeyed_count", "moved to the quarantine", TERM_BAD, false},
    {"start_up", "start_up_count", "runs whenever Python starts", TERM_WARN, false},
    {"entries", "entry_count", "commands", TERM_PLAIN, false},
    {"elf", "elf_count", "native files", TERM_PLAIN, true},
};

static void add_names(struct buf *out, const struct json_node *list, int64_t count)
{
    size_t shown = 0;

    for (; list && shown < list->count && shown < NAMES_SHOWN; shown++) {
        const char *text = list->items[shown].text;

        buf_add_str(out, shown > 0 ? ", " : " ");
        log_text_add_text(out, TERM_BOLD, text ? path_basename(text) : NULL);
    }
    if (count > (int64_t)shown)
        buf_printf(out, " and %" PRId64 " more", count - (int64_t)shown);
}

static void add_install(struct buf *out, const struct audit_line *line)
{
    const struct json_node *incomplete = json_get(&line->root, "incomplete");
    const struct json_node *late = json_get(&line->root, "late");

    log_text_add_text(out, TERM_PLAIN, "installed");
    for (size_t i = 0; i < ARRAY_SIZE(install_rows); i++) {
        int64_t count = audit_number(line, install_rows[i].count_key, NULL);

        if (count == 0)
            continue;
        buf_add_str(out, "  ");
        if (install_rows[i].only_count)
            buf_printf(out, "%" PRId64 " ", count);
        log_text_add_text(out, install_rows[i].style, install_rows[i].label);
        if (!install_rows[i].only_count) {
            buf_add_char(out, ':');
            add_names(out, json_get(&line->root, install_rows[i].key), count);
        }
    }
    if (incomplete && incomplete->number)
        log_text_add_text(out, TERM_WARN, "  (not everything could be looked at)");
    if (late && late->number)
        log_text_add_text(out, TERM_WARN, "  (looked at late: its launcher was killed)");
}

/* A history's line: the difference, indented. */
static void log_text_add_policy(struct buf *out, const struct audit_line *line)
{
    const char *hash = audit_text(line, "policy", NULL);
    const char *diff = audit_text(line, "diff", NULL);
    auto_free char *brief =
        xstrndup(hash ? hash : "?", hash && strlen(hash) > 16 ? 16 : strlen(hash ? hash : "?"));

    log_text_add_text(out, TERM_BOLD, brief);
    if (!diff || !*diff)
        buf_add_str(out, "  the first");
    while (diff && *diff) {
        size_t len = strcspn(diff, "\n");
        auto_free char *text = xstrndup(diff, len);

        buf_add_str(out, "\n  ");
        log_text_add_text(out, *text == '+' ? TERM_GOOD : *text == '-' ? TERM_BAD : TERM_DIM, text);
        diff += len + (diff[len] == '\n');
    }
}

void log_add_line(struct buf *out, const struct audit_line *line, bool with_venv)
{
    static void (*const adders[])(struct buf * out, const struct audit_line *line) = {
        [AUDIT_EVENT_START] = add_start,
        [AUDIT_EVENT_DENIED] = add_denied,
        [AUDIT_EVENT_INSTALL] = add_install,
        [AUDIT_EVENT_POLICY] = log_text_add_policy,
    };
    static_assert(ARRAY_SIZE(adders) == AUDIT_EVENT__COUNT, "one way to print per event");
    char time[LOG_TIME_SIZE];

    log_time_text(line->time_ms, time);
    log_text_add_text(out, TERM_DIM, time);
    buf_add_str(out, "  ");
    if (with_venv) {
        log_text_add_text(out, TERM_DIM, line->venv);
        buf_add_str(out, "  ");
    }
    adders[line->event](out, line);
    buf_add_char(out, '\n');
}
