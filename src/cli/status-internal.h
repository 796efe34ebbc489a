/* The facts that `status` finds out, and its two ways of saying them. */
#ifndef SVENV_CLI_STATUS_INTERNAL_H
#define SVENV_CLI_STATUS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "log-internal.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"
#include "svenv/policy/policy.h"
#include "svenv/sys/group.h"

struct status {
    const char *named; /* as the person says */
    char *path;
    struct user user;
    bool wrapped;
    struct venv venv;
    struct entry_status *entries;
    size_t entry_count;
    struct policy policy;
    struct policy_values values;
    bool has_policy;
    struct plan_file plan;
    const struct plan *default_plan; /* NULL: it can't be computed */
    unsigned landlock_abi;
    enum group_way group; /* what holds, or would hold, memory, cpus and processes together */
    bool group_needed;    /* by the policy */
    char *group_problem;  /* NULL: one can be made here */
    char *audit_log;      /* NULL: none */
    struct log_denials denials;
    struct strv leads;    /* files covered because something protected leads there, and why */
    struct strv problems; /* what makes --check fail, one line each */
    struct strv missing;  /* isolation that this kernel or this policy does not give */
    struct strv notes;    /* what heals by itself */
};

size_t status_entries_in(const struct status *status, enum entry_state state);
/* The name of an enum field's value in force. */
const char *status_value_name(const struct status *status, enum policy_field field);

/* The first field from `from` on that is a key of the policy's section `limits`;
 * POLICY_FIELD__COUNT: there is none. All of them are shown. */
enum policy_field status_limit(enum policy_field from);

void status_add_text(const struct status *status, struct buf *out);
void status_add_json(const struct status *status, struct buf *out);

#endif
