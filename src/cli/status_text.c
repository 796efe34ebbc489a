/* Says to people all that `status` has found. */
#include "status-internal.h"
#include "svenv/base/mem.h"
#include "term-internal.h"

enum {
    LIST_SHOWN = 8
};

/* Lists that fit in one line of the screen: the key, and whether its items or their number are
 * shown. */
static const struct {
    const char *label;
    enum policy_field field;
    bool only_count;
} list_rows[] = {
    {"read", POLICY_FS_READ, false},         {"write", POLICY_FS_WRITE, false},
    {"hide", POLICY_FS_HIDE, false},         {"protect", POLICY_FS_PROTECT, true},
    {"mounts", POLICY_FS_MOUNTS, true},      {"pass", POLICY_ENV_PASS, true},
    {"allow", POLICY_SYSCALLS_ALLOW, false}, {"deny", POLICY_SYSCALLS_DENY, true},
};

static void text_add_title(struct buf *out, const struct status *status)
{
    term_add(out, TERM_BOLD, status->path);
    buf_add_str(out, "  ");
    if (!status->wrapped)
        term_add(out, TERM_WARN, "not wrapped: its programs run without a sandbox");
    else if (status->problems.count == 0)
        term_add(out, TERM_GOOD, "wrapped");
    else
        term_add(out, TERM_BAD, "wrapped, but something is wrong");
    buf_add_char(out, '\n');
}

static void text_add_entries(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};

    buf_printf(&text, "%zu in the sandbox", status_entries_in(status, ENTRY_WRAPPED));
    if (status_entries_in(status, ENTRY_BYPASS) > 0)
        buf_printf(&text, ", %zu outside it", status_entries_in(status, ENTRY_BYPASS));
    term_row(out, "entries", text.data);
}

static void add_python(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};

    buf_add_escaped(&text, status->venv.version ? status->venv.version : "?");
    buf_add_str(&text, " from ");
    buf_add_escaped(&text, status->venv.base_python ? status->venv.base_python : "?");
    term_row(out, "python", text.data);
}

static void text_add_project(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};

    if (status->venv.project) {
        buf_add_escaped(&text, status->venv.project);
        buf_printf(&text, " (%s)", status_value_name(status, POLICY_FS_PROJECT));
    } else {
        buf_add_str(&text, "none: ");
        buf_add_escaped(&text, status->venv.project_reason ? status->venv.project_reason : "");
    }
    term_row(out, "project", text.data);
}

static void text_add_list(struct buf *out, const char *label, const struct policy_value *value,
                          bool only_count)
{
    auto_buf struct buf text = {0};

    if (value->count == 0)
        return;
    if (only_count) {
        buf_printf(&text, "%zu %s", value->count, value->count == 1 ? "item" : "items");
    } else {
        for (size_t i = 0; i < value->count && i < LIST_SHOWN; i++) {
            buf_add_str(&text, i ? ", " : "");
            buf_add_escaped(&text, value->items[i].text ? value->items[i].text : "");
        }
        if (value->count > LIST_SHOWN)
            buf_printf(&text, " and %zu more", value->count - LIST_SHOWN);
    }
    term_row(out, label, text.data);
}

static void text_add_leads(struct buf *out, const struct strv *leads)
{
    for (size_t i = 0; i < leads->count && i <= LIST_SHOWN; i++) {
        auto_buf struct buf text = {0};

        if (i == LIST_SHOWN)
            buf_printf(&text, "and %zu more", leads->count - LIST_SHOWN);
        else
            buf_add_escaped(&text, leads->items[i]);
        term_row(out, i == 0 ? "leads to" : "", text.data);
    }
}

static void text_add_limits(struct buf *out, const struct status *status)
{
    enum policy_field field = status_limit((enum policy_field)0);
    auto_buf struct buf text = {0};

    for (; field < POLICY_FIELD__COUNT; field = status_limit(field + 1)) {
        long long limit = status->values.v[field].number;

        if (limit > 0)
            buf_printf(&text, "%s%s %lld", text.len ? ", " : "", policy_field_info(field)->key,
                       limit);
    }
    term_row(out, "limits", text.len ? text.data : "none of its own");
    text.len = 0;
    if (status->group_problem) {
        buf_add_str(&text, status->group_needed ? "memory and cpus cannot be held here"
                                                : "memory and cpus cannot be limited here: ");
        if (!status->group_needed)
            buf_add_escaped(&text, status->group_problem);
    } else {
        buf_printf(&text,
                   status->group_needed ? "memory, cpus and processes together: held by %s"
                                        : "memory and cpus can be limited here, by %s",
                   group_way_text(status->group));
    }
    term_row(out, "", text.data);
}

static void text_add_network(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};

    if (status->values.v[POLICY_NET_MODE].number == NET_MODE_HOST)
        term_add(&text, TERM_WARN,
                 "NOT restricted (mode: host): programs reach what you can reach");
    else
        buf_add_str(&text, status_value_name(status, POLICY_NET_MODE));
    term_row(out, "network", text.data);
}

static void text_add_isolation(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};
    const struct plan *plan = status->default_plan;

    buf_printf(&text, "%s: namespaces", status_value_name(status, POLICY_ISOLATION));
    if (plan && plan->flags & PLAN_USE_LANDLOCK)
        buf_printf(&text, ", Landlock (ABI %u)", plan->landlock_abi);
    if (plan && plan->filter)
        buf_add_str(&text, ", system call filter");
    if (plan && plan->filter_note)
        buf_printf(&text, " (%s)", plan->filter_note);
    term_row(out, "isolation", text.data);
}

static void text_add_audit(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};
    char time[LOG_TIME_SIZE];

    buf_add_str(&text, status_value_name(status, POLICY_AUDIT_LEVEL));
    if (status->denials.count > 0) {
        log_time_text(status->denials.last_ms, time);
        buf_printf(&text, "; %llu denied, last %s (sandbox-venv log)",
                   (unsigned long long)status->denials.count, time);
    }
    term_row(out, "audit", text.data);
}

static void text_add_policy(struct buf *out, const struct status *status)
{
    auto_buf struct buf text = {0};

    buf_add_escaped(&text, status->path);
    buf_add_str(&text, "/sandbox/policy.yaml (profile ");
    buf_add_escaped(&text, status->policy.profile ? status->policy.profile : "default");
    buf_add_str(&text, ")");
    term_row(out, "policy", text.data);
    text_add_project(out, status);
    text_add_network(out, status);
    for (size_t i = 0; i < ARRAY_SIZE(list_rows); i++)
        text_add_list(out, list_rows[i].label, &status->values.v[list_rows[i].field],
                      list_rows[i].only_count);
    text_add_leads(out, &status->leads);
    term_row(out, "lifetime", status_value_name(status, POLICY_LIFETIME));
    text_add_limits(out, status);
    text_add_isolation(out, status);
    text_add_audit(out, status);
}

static void text_add_lines(struct buf *out, const char *label, enum term_style style,
                           const struct strv *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        auto_buf struct buf text = {0};

        term_add(&text, style, lines->items[i]);
        term_row(out, i == 0 ? label : "", text.data);
    }
}

void status_add_text(const struct status *status, struct buf *out)
{
    text_add_title(out, status);
    if (!status->wrapped) {
        auto_buf struct buf cure = {0};

        buf_add_str(&cure, "sandbox-venv wrap ");
        buf_add_escaped(&cure, status->named);
        term_row(out, "to wrap", cure.data);
        return;
    }
    if (status->entry_count > 0) {
        text_add_entries(out, status);
        add_python(out, status);
    }
    if (status->has_policy)
        text_add_policy(out, status);
    text_add_lines(out, "missing", TERM_WARN, &status->missing);
    text_add_lines(out, "note", TERM_DIM, &status->notes);
    text_add_lines(out, "problem", TERM_BAD, &status->problems);
}
