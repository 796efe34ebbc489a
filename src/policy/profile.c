/* The profiles, compiled in or of the site. */
#include "policy-internal.h"

#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"

const char *policy_shipped_profile(const char *name, size_t *len_out)
{
    for (size_t i = 0; i < policy_embedded_count; i++) {
        if (!str_eq(policy_embedded_profiles[i].name, name))
            continue;
        *len_out = policy_embedded_profiles[i].len;
        return policy_embedded_profiles[i].data;
    }
    return NULL;
}

static const char *known_profiles(struct arena *arena)
{
    const char *text = policy_embedded_profiles[0].name;

    for (size_t i = 1; i < policy_embedded_count; i++)
        text = arena_printf(arena, "%s, %s", text, policy_embedded_profiles[i].name);
    return text;
}

/* A profile of the site: a file beside the shipped ones. */
static int read_site_profile(struct policy *policy, const char *name, const char *templates,
                             struct buf *out, struct err *err)
{
    const char *path =
        templates ? arena_printf(&policy->arena, "%s/%s.yaml", templates, name) : NULL;
    int r = path ? policy_file_read(path, out, err) : 0;

    if (r == 0)
        return err_plain(err, ENOENT, "there is no profile '%s'; known: %s%s%s%s", name,
                         known_profiles(&policy->arena), path ? ", and '" : "", path ? path : "",
                         path ? "' does not exist" : "");
    return r;
}

static int lay_text(struct policy *policy, const char *name, const char *data, size_t len,
                    struct err *err)
{
    bool is_default = str_eq(name, POLICY_DEFAULT_PROFILE);
    const struct policy_reader reader = {
        .arena = &policy->arena,
        .name = is_default ? name : arena_printf(&policy->arena, "profile %s", name),
        .built_in = is_default,
    };
    struct policy_layer layer = {.profile = NULL};
    int r = policy_layer_parse(&reader, data, len, &layer, err);

    if (r < 0)
        return r;
    if (layer.profile)
        return err_plain(err, EINVAL, "%s: a profile cannot build on another one", reader.name);
    layer.profile = name;
    return policy_layer_merge(policy, &layer, err);
}

static int lay_shipped(struct policy *policy, const char *name, struct err *err)
{
    size_t len = 0;
    const char *data = policy_shipped_profile(name, &len);

    return lay_text(policy, name, data, len, err);
}

int policy_lay_profile(struct policy *policy, const char *name, const char *templates,
                       struct err *err)
{
    auto_buf struct buf text = {0};
    size_t len = 0;
    int r = lay_shipped(policy, POLICY_DEFAULT_PROFILE, err);

    if (r < 0 || !name || str_eq(name, POLICY_DEFAULT_PROFILE))
        return r;
    if (policy_shipped_profile(name, &len))
        return lay_shipped(policy, name, err);
    r = read_site_profile(policy, name, templates, &text, err);
    if (r < 0)
        return r;
    return lay_text(policy, arena_strdup(&policy->arena, name), text.data ? text.data : "",
                    text.len, err);
}
