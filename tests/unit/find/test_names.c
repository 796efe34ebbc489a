#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/find/names.h"

Test(names, sourced_files_are_no_entries)
{
    static const char *const yes[] = {"activate",         "activate.csh", "Activate.ps1",
                                      "activate_this.py", "deactivate",   "deactivate.bat"};
    static const char *const no[] = {"activate-global-python-argcomplete", "xactivate",
                                     "tool.fish"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        cr_expect(name_is_sourced(yes[i]), "%s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        cr_expect_not(name_is_sourced(no[i]), "%s", no[i]);
}

Test(names, what_may_appear_on_the_host)
{
    static const char *const yes[] = {"pip",    "python3",          "black", "pip3.12", "a b",
                                      "é",      "\xf0\x9f\x90\x8d", "uv",    "ninja",   "cmake",
                                      "pyright"};
    static const char *const no[] = {
        "git", "sudo", "ls", "sandbox-venv", "-rf", ".hid", "a\nb", "a\x1b[31m", "\xff\xfe", "",
        "[", "\x7f", "\xc2\x85", "\xc3", "activate", "env", "docker", "bash", "activate.fish",
        /* overlong, a surrogate, right to left, a byte order mark */
        "a\xe0\x80\xaf", "a\xed\xa0\x80", "a\xe2\x80\xae", "a\xef\xbb\xbf"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        cr_expect(name_is_publishable(yes[i], false), "%s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        cr_expect_not(name_is_publishable(no[i], false), "%zu", i);
}

/* The policy can permit the name of a command, never a name that does harm by itself. */
Test(names, what_the_policy_can_permit)
{
    static const char *const yes[] = {"git", "sudo", "ls", "sandbox-venv", "["};
    static const char *const no[] = {"-rf", ".hid", "a\nb", "activate", "activate.fish", ""};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        cr_expect(name_is_reserved(yes[i]), "%s", yes[i]);
        cr_expect(name_is_publishable(yes[i], true), "%s", yes[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        cr_expect_not(name_is_publishable(no[i], true), "%zu", i);
}
