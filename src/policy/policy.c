/* Loads a policy: profile, the user's file, the venv's file. */
#include "svenv/policy/policy.h"

#include <errno.h>

#include "policy-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

void policy_init(struct policy *policy)
{
    *policy = (struct policy){.profile = NULL};
}

void policy_finish(struct policy *policy)
{
    arena_finish(&policy->arena);
    policy_init(policy);
}

static bool is_empty(const struct policy *policy)
{
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        if (policy->files.v[i].set)
            return false;
    }
    return policy->command_count == 0;
}

/* The profile that a layer names. An unknown name is a mistake in that layer's line. */
static int lay_profile_of(struct policy *policy, const struct policy_layer *layer,
                          const char *templates, struct err *err)
{
    int r = policy_lay_profile(policy, layer->profile, templates, err);

    if (r == -ENOENT && err && layer->profile && err->pos.line == 0)
        err->pos = layer->profile_pos;
    return r;
}

int policy_load_text(struct policy *policy, const char *name, const char *data, size_t len,
                     const char *templates, struct err *err)
{
    const struct policy_reader reader = {.arena = &policy->arena,
                                         .name = arena_strdup(&policy->arena, name)};
    struct policy_layer layer = {.profile = NULL};
    int r = policy_layer_parse(&reader, data, len, &layer, err);

    if (r == 0 && templates && is_empty(policy))
        r = lay_profile_of(policy, &layer, templates, err);
    if (r == 0)
        r = policy_layer_merge(policy, &layer, err);
    return r;
}

int policy_override_text(struct policy *policy, const char *name, const char *data, size_t len,
                         struct err *err)
{
    const struct policy_reader reader = {.arena = &policy->arena,
                                         .name = arena_strdup(&policy->arena, name)};
    struct policy_layer layer = {.profile = NULL};
    int r = policy_layer_parse(&reader, data, len, &layer, err);

    if (r < 0)
        return r;
    if (layer.profile || layer.command_count > 0)
        return err_plain(err, EINVAL, "%s: profile and commands cannot be set for one start", name);
    policy_values_merge(&policy->arena, &policy->overrides, &layer.values, true,
                        &policy->overrides);
    policy_resolve(policy);
    return 0;
}

/* A file of the layering; an absent one is an empty layer. */
static int read_layer(struct policy *policy, const char *path, const char *name,
                      struct policy_layer *layer, struct err *err)
{
    const struct policy_reader reader = {.arena = &policy->arena,
                                         .name = arena_strdup(&policy->arena, name)};
    auto_buf struct buf text = {0};
    int r = path ? policy_file_read(path, &text, err) : 0;

    if (r <= 0)
        return r;
    return policy_layer_parse(&reader, text.data ? text.data : "", text.len, layer, err);
}

int policy_load(struct policy *policy, const struct policy_sources *sources, struct err *err)
{
    const char *venv_name = sources->venv_file ? path_basename(sources->venv_file) : "";
    struct policy_layer user = {.profile = NULL};
    struct policy_layer venv = {.profile = NULL};
    int r = read_layer(policy, sources->user_file, "user policy", &user, err);

    if (r == 0)
        r = read_layer(policy, sources->venv_file, venv_name, &venv, err);
    if (sources->profile)
        venv.profile = arena_strdup(&policy->arena, sources->profile);
    if (r == 0)
        r = lay_profile_of(policy, venv.profile ? &venv : &user, sources->templates, err);
    if (r == 0)
        r = policy_layer_merge(policy, &user, err);
    if (r == 0)
        r = policy_layer_merge(policy, &venv, err);
    return r;
}

void policy_effective(const struct policy *policy, const struct policy_command *command,
                      struct policy_values *out)
{
    *out = command ? command->in_force : policy->base;
}
