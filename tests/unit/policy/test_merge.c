#include "policy_test.h"

Test(merge, lists_replace_unless_inherited)
{
    auto_policy struct policy p;

    must_load(&p, V1 "filesystem: {read: [/a, /b], write: [/w]}\n", false);
    must_add(&p, V1 "filesystem: {read: [/c], write: [/v, inherit, \"!/v\"]}\n");
    must_list(&p.base.v[POLICY_FS_READ], "/c");
    must_list(&p.base.v[POLICY_FS_WRITE], "/w");
}

Test(merge, additive_lists_add_and_take_away)
{
    auto_policy struct policy p;

    must_load(&p, V1 "filesystem: {protect: [.git, .idea]}\nsyscalls: {deny: [bpf]}\n", false);
    must_add(&p, V1 "filesystem: {protect: [\"!.idea\", x, .git]}\nsyscalls: {deny: [mount]}\n");
    must_list(&p.base.v[POLICY_FS_PROTECT], ".git x");
    must_list(&p.base.v[POLICY_SYSCALLS_DENY], "bpf mount");
    must_add(&p, V1 "filesystem: {protect: [\"!*\", y]}\n");
    must_list(&p.base.v[POLICY_FS_PROTECT], "y");
}

Test(merge, passes_add_up)
{
    auto_policy struct policy p;

    must_load(&p, V1 "environment: {pass: [MY_*]}\n", true);
    cr_assert_gt(p.base.v[POLICY_ENV_PASS].count, 100);
}

Test(merge, variables_merge_by_name_and_the_last_word_counts)
{
    auto_policy struct policy p;

    must_load(&p, V1 "environment: {set: {A: 1, B: 1}, unset: [C, D]}\n", false);
    must_add(&p, V1 "environment: {set: {A: 2, C: 3}, unset: [B]}\n");
    must_list(&p.base.v[POLICY_ENV_SET], "A=2 C=3");
    must_list(&p.base.v[POLICY_ENV_UNSET], "D B");
}

Test(merge, mounts_follow_each_other)
{
    auto_policy struct policy p;

    must_load(&p, V1 "filesystem: {mounts: [{dir: [/a]}, {dir: [/b]}]}\n", false);
    must_add(&p, V1 "filesystem: {mounts: [\"!/a\", {tmpfs: [/c]}, {dir: [/b]}]}\n");
    must_list(&p.base.v[POLICY_FS_MOUNTS], "/b= /c= /b=");
}

Test(merge, layers_do_not_share_arrays)
{
    auto_policy struct policy p;

    must_load(&p,
              V1 "filesystem: {read: [/a, /b, /c]}\ncommands:\n"
                 "  - {name: one, match: [x], filesystem: {read: [inherit, /one]}}\n"
                 "  - {name: two, match: [y], filesystem: {read: [inherit, /two]}}\n",
              false);
    must_list(&must_find(&p, "one")->in_force.v[POLICY_FS_READ], "/a /b /c /one");
    must_list(&must_find(&p, "two")->in_force.v[POLICY_FS_READ], "/a /b /c /two");
    must_list(&p.base.v[POLICY_FS_READ], "/a /b /c");
}

Test(merge, refinements_are_laid_over_the_whole_base)
{
    auto_policy struct policy p;
    struct policy_values values;

    must_load(&p,
              V1 "filesystem: {read: [/a], protect: [.git, k]}\ncommands:\n"
                 "  - {name: one, match: [x], filesystem: {read: [inherit, /b],"
                 " protect: [\"!k\", m]}}\n",
              false);
    must_add(&p, V1 "filesystem: {read: [/new]}\n");
    policy_effective(&p, &p.commands[0], &values);
    must_list(&values.v[POLICY_FS_READ], "/new /b");
    must_list(&values.v[POLICY_FS_PROTECT], ".git m");
    policy_effective(&p, NULL, &values);
    must_list(&values.v[POLICY_FS_READ], "/new");
}

Test(merge, new_commands_stand_first_and_named_ones_are_refined_in_place)
{
    auto_policy struct policy p;

    must_load(&p,
              V1 "commands:\n  - {name: one, match: [x], lifetime: program}\n"
                 "  - {match: [y]}\n",
              false);
    must_add(&p, V1 "commands:\n  - {match: [z]}\n"
                    "  - {name: one, match: [inherit, w], network: {mode: none}}\n");
    cr_assert_eq(p.command_count, 3);
    cr_assert_str_eq(p.commands[0].name, "commands[0]");
    cr_assert_str_eq(p.commands[0].match[0].text, "z");
    cr_assert_str_eq(p.commands[1].name, "one");
    cr_assert_eq(p.commands[1].match_count, 2);
    cr_assert_eq(p.commands[1].in_force.v[POLICY_LIFETIME].number, LIFETIME_PROGRAM);
    cr_assert_eq(p.commands[1].in_force.v[POLICY_NET_MODE].number, NET_MODE_NONE);
    cr_assert_str_eq(p.commands[2].name, "commands[2]");
    must_add(&p, V1 "commands: [{name: one, match: []}]\n");
    cr_assert_eq(p.commands[1].match_count, 0);
}

Test(merge, overrides_stand_above_refinements)
{
    auto_policy struct policy p;
    static const char text[] = V1 "network: {mode: none}\nfilesystem: {read: [inherit, /o]}\n";
    static const char wrong[] = V1 "profile: open\n";
    struct err err;

    must_load(&p,
              V1 "filesystem: {read: [/a]}\ncommands:\n"
                 "  - {match: [x], network: {mode: host}, filesystem: {read: [/c]}}\n",
              false);
    cr_assert_eq(policy_override_text(&p, "command line", text, strlen(text), &err), 0);
    cr_assert_eq(p.commands[0].in_force.v[POLICY_NET_MODE].number, NET_MODE_NONE);
    must_list(&p.commands[0].in_force.v[POLICY_FS_READ], "/c /o");
    must_list(&p.base.v[POLICY_FS_READ], "/a /o");
    cr_assert_lt(policy_override_text(&p, "command line", wrong, strlen(wrong), &err), 0);
}
