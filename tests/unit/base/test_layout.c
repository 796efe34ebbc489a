/* Names of ours. */
#include <criterion/criterion.h>
#include <stdbool.h>

#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

/* Users and other programs know these: docs/formats.md, the README. */
Test(layout, names_stay)
{
    static const char *const rows[][2] = {
        {IN_SANDBOX(SANDBOX_BIN), "sandbox/bin"},
        {IN_SANDBOX(SANDBOX_PLAN), "sandbox/plan"},
        {IN_SANDBOX(SANDBOX_POLICY_OLD), "sandbox/policy.yaml.old"},
        {IN_SANDBOX(SANDBOX_MANIFEST), "sandbox/manifest.json"},
        {IN_SANDBOX(SANDBOX_QUARANTINE), "sandbox/quarantine"},
        {IN_SANDBOX(INSTALLER_HOME), "sandbox/installer/home"},
        {IN_SANDBOX(INSTALLER_CACHE), "sandbox/installer/cache"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_str_eq(rows[i][0], rows[i][1]);
}

Test(layout, what_is_private)
{
    static const struct {
        const char *name;
        bool is_private;
    } rows[] = {
        {"sandbox", true}, {"home", true},        {"cache", true}, {"bin", false},
        {"lib", false},    {"Home", false},       {"", false},     {"sandbox/bin", false},
        {"homes", false},  {"pyvenv.cfg", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(layout_is_private(rows[i].name), rows[i].is_private, "%s", rows[i].name);
}

Test(layout, what_holds_packages)
{
    static const struct {
        const char *name;
        bool in_venv;
    } rows[] = {
        {"lib", true},   {"lib64", true}, {"bin", true},           {"include", true},
        {"share", true}, {"etc", true},   {"node_modules", false}, {"src", false},
        {"home", false}, {"", false},     {"library", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(layout_is_packages(rows[i].name), rows[i].in_venv, "%s", rows[i].name);
}
