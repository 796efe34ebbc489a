/* Computes from a policy the filter's answer to each system call. */
#include "filter-internal.h"

#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/filter/filter.h"

/* Chromium-like sandboxes need these beside clone and unshare, whose rule then falls away. */
static const char *const user_namespace_calls[] = {"clone3", "chroot"};

/* They truncate by a path, or with flags that no filter sees; programs have other ways. */
static const char *const truncating_calls[] = {"truncate", "openat2"};

/* Of Landlock (landlock(7)). */
enum {
    ABI_WITH_TRUNCATE = 3,
    ABI_WITH_SCOPES = 6 /* signals and abstract sockets */
};

static void close_everything(struct filter_spec *spec, enum policy_syscalls profile)
{
    uint32_t unnamed = profile == SYSCALLS_OFF ? FILTER_ALLOW : FILTER_ERRNO(ENOSYS);

    for (size_t i = 0; i < SYSCALL_LIMIT; i++)
        spec->entries[i] = (struct filter_entry){unnamed, FILTER_ERRNO(ENOSYS), NULL};
    spec->beyond = unnamed;
}

/* Lays the profile's column of the table of sets over the spec. */
static void apply_sets(struct filter_spec *spec, enum policy_syscalls profile)
{
    for (size_t i = 0; i < filter_set_count; i++) {
        const struct filter_set *set = &filter_sets[i];
        uint32_t closed = set->actions[SYSCALLS_STRICT];

        for (const char *const *name = set->calls; *name; name++) {
            unsigned number = 0;

            if (syscall_number(*name, &number) < 0)
                continue; /* another architecture's */
            spec->entries[number].action = set->actions[profile];
            spec->entries[number].closed = closed == FILTER_ALLOW ? FILTER_ERRNO(EPERM) : closed;
        }
    }
}

static void set_call(struct filter_spec *spec, const char *name, uint32_t action)
{
    unsigned number = 0;

    if (syscall_number(name, &number) == 0)
        spec->entries[number].action = action;
}

/* Finds the number that a policy's line names.
 * Return: 1 with the number, 0 for a call of other architectures only, negative errno. */
static int policy_number(const struct policy_item *item, const char *field, unsigned *number_out,
                         struct err *err)
{
    int result = syscall_number(item->text, number_out);

    if (result == -ENOENT)
        return err_plain(err, EINVAL, "%s: %s: there is no system call '%s'",
                         item->origin ? item->origin : "policy", field, item->text);
    return result == 0 ? 1 : 0;
}

static int apply_allow(struct filter_spec *spec, const struct policy_value *list, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        unsigned number = 0;
        int found = policy_number(&list->items[i], "syscalls.allow", &number, err);

        if (found < 0)
            return found;
        if (found > 0)
            spec->entries[number].action = FILTER_ALLOW;
    }
    return 0;
}

static int apply_deny(struct filter_spec *spec, const struct policy_value *list, struct err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        unsigned number = 0;
        int found = policy_number(&list->items[i], "syscalls.deny", &number, err);

        if (found < 0)
            return found;
        if (found == 0)
            continue;
        spec->entries[number].action = spec->entries[number].closed;
        spec->entries[number].rule = NULL;
    }
    return 0;
}

/* An opened call keeps its argument rule: the policy's list opens names, not arguments. */
static void apply_rules(struct filter_spec *spec, const struct filter_setting *setting)
{
    for (size_t i = 0; i < filter_set_count; i++) {
        for (const char *const *name = filter_sets[i].calls; *name; name++) {
            unsigned number = 0;

            if (syscall_number(*name, &number) < 0 || spec->entries[number].action != FILTER_ALLOW)
                continue;
            spec->entries[number].rule = filter_rule_for(*name, setting);
        }
    }
}

int filter_spec_make(struct filter_spec *spec, const struct policy_values *values,
                     unsigned landlock_abi, struct err *err)
{
    const struct filter_setting setting = {
        .profile = (enum policy_syscalls)values->v[POLICY_SYSCALLS_PROFILE].number,
        .user_namespaces = values->v[POLICY_PROC_USERNS].number != 0,
        .signals_scoped = landlock_abi >= ABI_WITH_SCOPES,
        .contents_kept = landlock_abi == 0 || landlock_abi >= ABI_WITH_TRUNCATE,
    };
    const bool keeps = setting.profile != SYSCALLS_OFF && !setting.contents_kept;

    if (setting.profile >= SYSCALLS__COUNT)
        return err_plain(err, EINVAL, "syscalls.profile: unknown value %d", (int)setting.profile);
    close_everything(spec, setting.profile);
    apply_sets(spec, setting.profile);
    for (size_t i = 0; setting.user_namespaces && i < ARRAY_SIZE(user_namespace_calls); i++)
        set_call(spec, user_namespace_calls[i], FILTER_ALLOW);
    for (size_t i = 0; keeps && i < ARRAY_SIZE(truncating_calls); i++)
        set_call(spec, truncating_calls[i], FILTER_ERRNO(ENOSYS));

    int result = apply_allow(spec, &values->v[POLICY_SYSCALLS_ALLOW], err);

    if (result < 0)
        return result;
    apply_rules(spec, &setting);
    return apply_deny(spec, &values->v[POLICY_SYSCALLS_DENY], err);
}

static const char *make_note(struct arena *arena, const struct filter_spec *spec,
                             enum policy_syscalls profile)
{
    static const char *const names[] = {[SYSCALLS_DEFAULT] = "default",
                                        [SYSCALLS_STRICT] = "strict",
                                        [SYSCALLS_DEBUG] = "debug",
                                        [SYSCALLS_OFF] = "off"};
    _Static_assert(ARRAY_SIZE(names) == SYSCALLS__COUNT, "one name per profile");
    size_t open = 0;

    if (profile == SYSCALLS_OFF)
        return "off: only terminal injection and foreign architectures are refused";
    for (size_t i = 0; i < SYSCALL_LIMIT; i++)
        open += spec->entries[i].action == FILTER_ALLOW;
    return arena_printf(arena, "%s: %zu system calls", names[profile], open);
}

int filter_make(struct arena *arena, const struct policy_values *values, unsigned landlock_abi,
                const void **program_out, size_t *count_out, const char **note_out, struct err *err)
{
    auto_free struct filter_spec *spec = xcalloc(1, sizeof(*spec));
    int result = filter_spec_make(spec, values, landlock_abi, err);

    if (result < 0)
        return result;
    *program_out = filter_compile(arena, spec, count_out);
    *note_out =
        make_note(arena, spec, (enum policy_syscalls)values->v[POLICY_SYSCALLS_PROFILE].number);
    return 0;
}
