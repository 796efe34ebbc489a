/* Any bytes as a policy over the default: refused with a message, or a policy whose printed form
 * loads again to the same one. */
#include <assert.h>
#include <string.h>

#include "policy-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#include "fuzz.h"

static void check_equal(const struct policy_values *a, const struct policy_values *b)
{
    for (int i = 0; i < POLICY_FIELD__COUNT; i++)
        assert(policy_value_eq((enum policy_field)i, &a->v[i], &b->v[i]));
}

static void check_round_trip(const struct policy *policy)
{
    struct policy again;
    struct err err = {0};
    struct buf text = {0};

    policy_print(policy, POLICY_SHOW_ALL, true, &text);
    policy_init(&again);
    /* The default's additions may make the text longer than a file may be. */
    if (text.len <= POLICY_BYTES_MAX) {
        assert(policy_load_text(&again, "again", text.data, text.len, NULL, &err) == 0);
        check_equal(&policy->base, &again.base);
        assert(policy->command_count == again.command_count);
        for (size_t i = 0; i < again.command_count; i++)
            check_equal(&policy->commands[i].in_force, &again.commands[i].in_force);
    }
    policy_finish(&again);
    buf_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy policy;
    struct err err = {0};

    policy_init(&policy);
    if (policy_load_text(&policy, "fuzz", (const char *)data, size, "/nonexistent", &err) < 0) {
        assert(err.msg[0] != '\0');
    } else {
        (void)policy_check(&policy, "/home/user", &err);
        check_round_trip(&policy);
    }
    policy_finish(&policy);
    return 0;
}
