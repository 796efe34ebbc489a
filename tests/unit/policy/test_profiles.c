#include <errno.h>
#include <stdio.h>

#include "policy_test.h"

static const char *const shipped[] = {"default", "strict", "open", "debug"};

Test(profiles, load_check_and_set_everything)
{
    for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
        auto_policy struct policy p;
        auto_buf struct buf text = {0};
        struct err err;

        buf_printf(&text, V1 "profile: %s\n", shipped[i]);
        must_load(&p, text.data, true);
        cr_assert_str_eq(p.profile, shipped[i]);
        cr_assert_eq(policy_check(&p, HOME, &err), 0, "%s: %s", shipped[i], err.msg);
        for (int f = 0; f < POLICY_FIELD__COUNT; f++)
            cr_assert(p.base.v[f].set, "%s does not set field %d", shipped[i], f);
    }
}

Test(profiles, compiled_in_text_is_the_file)
{
    for (size_t i = 0; i < ARRAY_SIZE(shipped); i++) {
        auto_free char *path = xasprintf(SVENV_SOURCE "/templates/%s.yaml", shipped[i]);
        FILE *file = fopen(path, "re");
        static char text[65536];
        size_t len = 0;
        size_t embedded_len = 0;
        const char *embedded = policy_shipped_profile(shipped[i], &embedded_len);

        cr_assert(file, "%s", path);
        len = fread(text, 1, sizeof(text), file);
        fclose(file);
        cr_assert(embedded);
        cr_assert_eq(len, embedded_len);
        cr_assert_arr_eq(text, embedded, len);
    }
    cr_assert_null(policy_shipped_profile("nope", &(size_t){0}));
}

Test(profiles, installers_have_the_venv_and_no_dotenv)
{
    static const char *const names[] = {"installer", "manager"};
    auto_policy struct policy p;

    must_load(&p, V1, true);
    cr_assert_eq(p.base.v[POLICY_FS_VENV].number, ACCESS_RO);
    cr_assert_eq(p.base.v[POLICY_NET_MODE].number, NET_MODE_HOST);
    cr_assert_str_eq(p.base.v[POLICY_ENV_DOTENV].text, ".env");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct policy_values *v = &must_find(&p, names[i])->in_force;

        cr_assert_eq(v->v[POLICY_FS_VENV].number, ACCESS_RW);
        cr_assert_eq(v->v[POLICY_LIFETIME].number, LIFETIME_PROGRAM);
        cr_assert_str_eq(v->v[POLICY_ENV_DOTENV].text, "");
    }
    cr_assert_eq(must_find(&p, "installer")->in_force.v[POLICY_FS_PROJECT].number,
                 PROJECT_ARGUMENTS);
    cr_assert_eq(must_find(&p, "manager")->in_force.v[POLICY_FS_PROJECT].number, PROJECT_RW);
    cr_assert_str_eq(p.commands[0].name, "query");
}

static bool passes_exactly(const struct policy *p, const char *name)
{
    const struct policy_value *pass = &p->base.v[POLICY_ENV_PASS];

    for (size_t i = 0; i < pass->count; i++) {
        if (str_glob(pass->items[i].text, name))
            return true;
    }
    return false;
}

Test(profiles, default_passes_what_is_needed_and_no_more)
{
    static const char *const passed[] = {"LC_ALL", "PATH",  "TERM",          "https_proxy",
                                         "CC",     "TZ",    "PIP_INDEX_URL", "UV_LINK_MODE",
                                         "CI",     "LINES", "LISTEN_FDS",    "PYTHONUNBUFFERED"};
    static const char *const kept[] = {"PYTHONPATH",    "PYTHONSTARTUP",  "LD_PRELOAD",
                                       "SSH_AUTH_SOCK", "CONDA_PREFIX",   "AWS_PROFILE",
                                       "GITHUB_TOKEN",  "OPENAI_API_KEY", "DISPLAY",
                                       "GITHUB_ENV",    "BWRAP_ARGS",     "SANDBOX_X"};
    auto_policy struct policy p;

    must_load(&p, V1, true);
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
        cr_assert(passes_exactly(&p, passed[i]), "%s", passed[i]);
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        cr_assert_not(passes_exactly(&p, kept[i]), "%s", kept[i]);
}

Test(profiles, strict_closes_the_network_but_for_installers)
{
    auto_policy struct policy p;

    must_load(&p, V1 "profile: strict\n", true);
    cr_assert_eq(p.base.v[POLICY_NET_MODE].number, NET_MODE_NONE);
    cr_assert_eq(p.base.v[POLICY_SYSCALLS_PROFILE].number, SYSCALLS_STRICT);
    cr_assert_eq(must_find(&p, "installer")->in_force.v[POLICY_NET_MODE].number, NET_MODE_HOST);
    cr_assert_eq(must_find(&p, "installer")->in_force.v[POLICY_FS_VENV].number, ACCESS_RW);
    cr_assert(str_starts(p.base.v[POLICY_NET_MODE].origin, "profile strict:"));
}

Test(profiles, unknown_ones_are_named)
{
    auto_policy struct policy p;
    struct err err;

    cr_assert_eq(load(&p, V1 "profile: nope\n", true, &err), -ENOENT);
    cr_assert(strstr(err.msg, "no profile 'nope'; known: default, strict, open, debug"), "%s",
              err.msg);
}
