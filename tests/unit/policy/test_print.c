#include "policy_test.h"

#include "policy-internal.h"

static void must_be_equal(const struct policy *a, const struct policy *b)
{
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        char name[64];

        cr_assert(policy_value_eq((enum policy_field)i, &a->base.v[i], &b->base.v[i]), "%s",
                  policy_field_name((enum policy_field)i, name, sizeof(name)));
    }
    cr_assert_eq(a->command_count, b->command_count);
    for (size_t c = 0; c < a->command_count; c++) {
        cr_assert_str_eq(a->commands[c].name, b->commands[c].name);
        cr_assert_eq(a->commands[c].match_count, b->commands[c].match_count);
        for (int i = 0; i < POLICY_FIELD__COUNT; i++)
            cr_assert(policy_value_eq((enum policy_field)i, &a->commands[c].in_force.v[i],
                                      &b->commands[c].in_force.v[i]));
    }
}

static const char rich[] =
    V1 "profile: strict\n"
       "filesystem:\n"
       "  read: [\"~\", ~/a b, \"/x: y\", \"#c\", \"- d\", /\xc3\xa9, \"q\\\"\\\\\"]\n"
       "  hide: [\"!secrets\", \"*.log\", \"0\", \"true\", inherit]\n"
       "  mounts:\n"
       "    - bind: [\"/a, b\", \"/c]\"]\n"
       "    - tmpfs: [/t, 1K]\n"
       "    - tmpfs: [/u, 0, \"0700\"]\n"
       "    - dir: [/d, \"0755\"]\n"
       "    - chmod: [/d, \"0500\"]\n"
       "    - symlink: [\"../x\", /l]\n"
       "    - proc: /proc\n"
       "environment:\n"
       "  set: {A: \"line\\nbreak\\t\\x7f\", B: \"\", F: "
       "\"\\x8f\\u2028\\u202e\\uFEFF\\U0001F600\", C: \"~\", D: null_, E: \"null\"}\n"
       "  pass: [\"!CI\", X_*]\n"
       "limits: {file-size: 1536, cpu-time: 90s, processes: 0}\n"
       "commands:\n"
       "  - match: [\"python -m foo\", \"b*\"]\n"
       "    filesystem: {read: [inherit, /cmd], protect: [\"!.git\"], mounts: [\"!/t\"]}\n"
       "  - name: installer\n"
       "    network: {mode: none}\n"
       "    environment: {set: {Z: 1}}\n";

Test(print, loads_again_to_the_same)
{
    static const char *const texts[] = {V1, V1 "profile: strict\n", V1 "profile: open\n", rich};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        for (int origins = 0; origins < 2; origins++) {
            auto_policy struct policy first;
            auto_policy struct policy second;
            auto_buf struct buf text = {0};

            must_load(&first, texts[i], true);
            policy_print(&first, POLICY_SHOW_ALL, origins, &text);
            must_load(&second, text.data, false);
            must_be_equal(&first, &second);
        }
    }
}

Test(print, shows_origins)
{
    auto_policy struct policy p;
    auto_buf struct buf text = {0};

    must_load(&p, V1 "network: {mode: none}\nfilesystem: {read: [/a]}\n", true);
    policy_print(&p, POLICY_SHOW_SAFE, true, &text);
    cr_assert(strstr(text.data, "  mode: none  # from policy.yaml:2:17\n"));
    cr_assert(strstr(text.data, "    - /a  # from policy.yaml:3:21\n"));
    cr_assert(strstr(text.data, "lifetime: tree  # from default\n"));
}

/* Which values stand where a person, a record or a file asks. */
Test(print, values_of_variables)
{
    static const char policy[] =
        V1 "environment:\n  set: {GITHUB_PAT: x1, db_pass: x2, PLAIN: y1, "
           "PIP_INDEX_URL: \"https://u:x3@h/\", ODD: (hidden)}\n"
           "commands:\n  - {match: [a], environment: {set: {SENTRY_DSN: x4, OTHER: y2}}}\n";
    static const char *const wanted[] = {
        [POLICY_SHOW_SAFE] = "    GITHUB_PAT: (hidden)\n    db_pass: (hidden)\n    PLAIN: y1\n"
                             "    PIP_INDEX_URL: \"https://***@h/\"\n    ODD: \"(hidden)\"\n",
        [POLICY_SHOW_NAMES] = "    GITHUB_PAT: (hidden)\n    db_pass: (hidden)\n"
                              "    PLAIN: (hidden)\n    PIP_INDEX_URL: (hidden)\n"
                              "    ODD: (hidden)\n",
        [POLICY_SHOW_ALL] = "    GITHUB_PAT: x1\n    db_pass: x2\n    PLAIN: y1\n"
                            "    PIP_INDEX_URL: \"https://u:x3@h/\"\n    ODD: \"(hidden)\"\n",
    };
    static const char *const below[] = {
        [POLICY_SHOW_SAFE] = "        SENTRY_DSN: (hidden)\n        OTHER: y2\n",
        [POLICY_SHOW_NAMES] = "        SENTRY_DSN: (hidden)\n        OTHER: (hidden)\n",
        [POLICY_SHOW_ALL] = "        SENTRY_DSN: x4\n        OTHER: y2\n",
    };

    for (int show = 0; show < POLICY_SHOW__COUNT; show++) {
        auto_policy struct policy p;
        auto_policy struct policy base;
        auto_buf struct buf text = {0};
        auto_buf struct buf diff = {0};

        must_load(&p, policy, true);
        must_load(&base, V1, true);
        policy_print(&p, (enum policy_show)show, false, &text);
        policy_print_diff(&p, &base, (enum policy_show)show, &diff);
        cr_expect(strstr(text.data, wanted[show]), "%s", text.data);
        cr_expect(strstr(text.data, below[show]), "%s", text.data);
        cr_expect(strstr(diff.data, wanted[show]), "%s", diff.data);
        cr_expect(strstr(diff.data, below[show]), "%s", diff.data);
    }
}

Test(diff, says_only_what_differs)
{
    auto_policy struct policy p;
    auto_policy struct policy base;
    auto_buf struct buf text = {0};

    must_load(&base, V1, true);
    must_load(&p, V1 "filesystem: {protect: [\"!.git\", x]}\nnetwork: {mode: none}\n", true);
    policy_print_diff(&p, &base, POLICY_SHOW_SAFE, &text);
    cr_assert_str_eq(text.data, "filesystem:\n  protect:\n    - \"!.git\"\n    - x\n"
                                "network:\n  mode: none\n");
}

Test(diff, of_equal_policies_is_empty)
{
    auto_policy struct policy p;
    auto_policy struct policy base;
    auto_buf struct buf text = {0};

    must_load(&base, rich, true);
    must_load(&p, rich, true);
    policy_print_diff(&p, &base, POLICY_SHOW_ALL, &text);
    cr_assert_eq(text.len, 0, "%s", text.data);
}

Test(diff, laid_over_its_base_gives_the_policy)
{
    static const char *const texts[] = {V1 "profile: strict\n", V1 "profile: open\n", rich};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_policy struct policy p;
        auto_policy struct policy base;
        auto_buf struct buf text = {0};

        must_load(&p, texts[i], true);
        must_load(&base, V1, true);
        buf_add_str(&text, V1);
        policy_print_diff(&p, &base, POLICY_SHOW_ALL, &text);
        must_add(&base, text.data);
        must_be_equal(&p, &base);
    }
}
