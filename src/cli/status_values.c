/* The values that both ways of saying a status print. */
#include "status-internal.h"
#include "svenv/base/str.h"

size_t status_entries_in(const struct status *status, enum entry_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < status->entry_count; i++)
        count += status->entries[i].state == state;
    return count;
}

const char *status_value_name(const struct status *status, enum policy_field field)
{
    return policy_field_info(field)->names[status->values.v[field].number];
}

enum policy_field status_limit(enum policy_field from)
{
    while (from < POLICY_FIELD__COUNT && !str_eq(policy_field_info(from)->section, "limits"))
        from++;
    return from;
}
