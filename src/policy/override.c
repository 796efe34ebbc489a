/* Turns the older variables of the environment into policy. */
#include "svenv/policy/policy.h"

#include <errno.h>
#include <string.h>

#include "policy-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/str.h"

#define SECCOMP_ORIGIN "SANDBOX_SECCOMP_ALLOW"
#define CACHE_ORIGIN "SANDBOX_USE_PIP_CACHE"
#define BETWEEN_NAMES " \t\r\n,"

/* Appends to a list that is still to be laid over others. */
static void override_add_text(struct policy *policy, struct policy_value *value, const char *text,
                              const char *origin)
{
    struct policy_item *item =
        arena_push(&policy->arena, &value->items, &value->count, sizeof(*item));

    *item = (struct policy_item){.text = text, .origin = origin};
}

static int override_read_names(struct policy *policy, const char *text, struct policy_value *out,
                               struct err *err)
{
    for (text += strspn(text, BETWEEN_NAMES); *text != '\0'; text += strspn(text, BETWEEN_NAMES)) {
        size_t len = strcspn(text, BETWEEN_NAMES);
        const char *name = arena_strndup(&policy->arena, text, len);
        const char *fault = policy_text_fault(POLICY_TEXT_SYSCALL, name);

        if (fault)
            return err_plain(err, EINVAL, SECCOMP_ORIGIN ": '%s' %s", name, fault);
        if (out->count == POLICY_ITEMS_MAX)
            return err_plain(err, E2BIG, SECCOMP_ORIGIN ": more than %d names", POLICY_ITEMS_MAX);
        override_add_text(policy, out, name, SECCOMP_ORIGIN);
        text += len;
    }
    return 0;
}

int policy_apply_seccomp_allow(struct policy *policy, const char *text, struct err *err)
{
    struct policy_value allow = {.set = true, .origin = SECCOMP_ORIGIN};
    int r = override_read_names(policy, text, &allow, err);

    if (r < 0)
        return r;
    if (allow.count > 0)
        policy->overrides.v[POLICY_SYSCALLS_ALLOW] = allow;
    else
        policy->overrides.v[POLICY_SYSCALLS_PROFILE] =
            (struct policy_value){.set = true, .origin = SECCOMP_ORIGIN, .number = SYSCALLS_OFF};
    policy_resolve(policy);
    return 0;
}

static bool is_installer(const struct policy_command *command)
{
    const struct policy_value *venv = &command->in_force.v[POLICY_FS_VENV];

    return venv->set && venv->number == ACCESS_RW;
}

int policy_apply_pip_cache(struct policy *policy, const char *cache, struct err *err)
{
    const char *fault = policy_text_fault(POLICY_TEXT_PATH, cache);
    const char *path = arena_strdup(&policy->arena, cache);

    if (fault)
        return err_plain(err, EINVAL, CACHE_ORIGIN ": '%s' %s", cache, fault);
    for (size_t i = 0; i < policy->command_count; i++) {
        struct policy_command *command = &policy->commands[i];
        struct policy_value *write = &command->refine.v[POLICY_FS_WRITE];

        if (!is_installer(command))
            continue;
        if (!write->set) {
            *write = (struct policy_value){.set = true, .origin = CACHE_ORIGIN};
            override_add_text(policy, write, POLICY_INHERIT, CACHE_ORIGIN);
        }
        override_add_text(policy, write, path, CACHE_ORIGIN);
    }
    policy_resolve(policy);
    return 0;
}
