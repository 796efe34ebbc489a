/* Says as JSON all that `status` has found. */
#include "status-internal.h"

#include <assert.h>

#include "svenv/audit/record.h"
#include "svenv/base/json.h"
#include "svenv/base/mem.h"

#define STATUS_VERSION 1 /* docs/formats.md, "status" */

static const char *const state_words[] = {
    [ENTRY_WRAPPED] = "wrapped", [ENTRY_BYPASS] = "bypass",   [ENTRY_MISSING] = "missing",
    [ENTRY_ORPHAN] = "orphan",   [ENTRY_IGNORED] = "ignored",
};
static_assert(ARRAY_SIZE(state_words) == ENTRY_STATE__COUNT, "a word per state");

static void json_add_str(struct json *json, const char *key, const char *value)
{
    json_key(json, key);
    json_str(json, value);
}

static void json_add_lines(struct json *json, const char *key, const struct strv *lines)
{
    json_key(json, key);
    json_open(json, '[');
    for (size_t i = 0; i < lines->count; i++)
        json_str(json, lines->items[i]);
    json_close(json, ']');
}

static void json_add_entries(struct json *json, const struct status *status)
{
    json_key(json, "entries");
    json_open(json, '[');
    for (size_t i = 0; i < status->entry_count; i++) {
        json_open(json, '{');
        json_add_str(json, "name", status->entries[i].name);
        json_add_str(json, "state", state_words[status->entries[i].state]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_add_isolation(struct json *json, const struct status *status)
{
    const struct plan *plan = status->default_plan;

    json_key(json, "isolation");
    json_open(json, '{');
    json_add_str(json, "level", status_value_name(status, POLICY_ISOLATION));
    json_key(json, "landlock_abi");
    json_uint(json, plan && plan->flags & PLAN_USE_LANDLOCK ? plan->landlock_abi : 0);
    json_key(json, "system_call_filter");
    json_bool(json, plan && plan->filter);
    json_close(json, '}');
}

static void json_add_limits(struct json *json, const struct status *status)
{
    enum policy_field field = status_limit((enum policy_field)0);

    json_key(json, "limits");
    json_open(json, '{');
    for (; field < POLICY_FIELD__COUNT; field = status_limit(field + 1)) {
        json_key(json, policy_field_info(field)->key);
        json_uint(json, (uint64_t)status->values.v[field].number);
    }
    json_key(json, "control_group");
    json_bool(json, status->group_needed && !status->group_problem);
    json_add_str(json, "control_group_by",
                 status->group_problem ? NULL : group_way_text(status->group));
    json_add_str(json, "control_group_problem", status->group_problem);
    json_close(json, '}');
}

static void json_add_audit(struct json *json, const struct status *status)
{
    char time[AUDIT_TIME_SIZE];

    json_key(json, "audit");
    json_open(json, '{');
    json_add_str(json, "level", status_value_name(status, POLICY_AUDIT_LEVEL));
    json_add_str(json, "log", status->audit_log);
    json_key(json, "denials");
    json_uint(json, status->denials.count);
    audit_time_text(status->denials.last_ms, time);
    json_add_str(json, "last_denial", status->denials.count > 0 ? time : NULL);
    json_close(json, '}');
}

static void json_add_policy(struct json *json, const struct status *status)
{
    json_add_str(json, "profile", status->policy.profile);
    json_add_str(json, "project_access", status_value_name(status, POLICY_FS_PROJECT));
    json_add_str(json, "network", status_value_name(status, POLICY_NET_MODE));
    json_key(json, "network_restricted");
    json_bool(json, status->values.v[POLICY_NET_MODE].number != NET_MODE_HOST);
    json_add_lines(json, "leads", &status->leads);
    json_add_str(json, "lifetime", status_value_name(status, POLICY_LIFETIME));
    json_add_limits(json, status);
    json_add_isolation(json, status);
    json_add_audit(json, status);
}

void status_add_json(const struct status *status, struct buf *out)
{
    struct json json;

    json_init(&json, out, true);
    json_open(&json, '{');
    json_key(&json, "version");
    json_int(&json, STATUS_VERSION);
    json_add_str(&json, "path", status->path);
    json_key(&json, "wrapped");
    json_bool(&json, status->wrapped);
    json_key(&json, "ok");
    json_bool(&json, status->wrapped && status->problems.count == 0);
    json_add_str(&json, "python", status->venv.version);
    json_add_str(&json, "base_python", status->venv.base_python);
    json_add_str(&json, "project", status->venv.project);
    json_add_entries(&json, status);
    if (status->has_policy)
        json_add_policy(&json, status);
    json_add_lines(&json, "problems", &status->problems);
    json_add_lines(&json, "missing", &status->missing);
    json_add_lines(&json, "notes", &status->notes);
    json_close(&json, '}');
    buf_add_char(out, '\n');
}
