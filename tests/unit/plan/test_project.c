#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static const struct plan_obeyed obeyed[] = {
    {".git", true, PLAN_OBEYED_TAKE},
    {"*.code-workspace", true, PLAN_OBEYED_TAKE},
    {"?rc", true, PLAN_OBEYED_TAKE},
    {"docs/conf.py", false, PLAN_OBEYED_TAKE},
    {"a/*/x", false, PLAN_OBEYED_TAKE},
    {".env.*", false, PLAN_OBEYED_HIDE},
    {"__pycache__", true, PLAN_OBEYED_BYTECODE},
};

struct guard_case {
    const char *rel;
    int index; /* of the guard that fits, -1: none */
};

static const struct guard_case guard_cases[] = {
    {".git", 0},
    {"sub/dir/.git", 0},
    {".gitignore", -1},
    {"x.git", -1},
    {"sub/x.code-workspace", 1},
    {"zrc", 2},
    {"zzrc", -1},
    {"docs/conf.py", 3},
    {"other/docs/conf.py", -1},
    {"conf.py", -1},
    {"a/b/x", 4},
    {"a/b/c/x", -1},
    {".env.local", 5},
    {"sub/.env.local", -1},
    {"sub/__pycache__", 6},
    {"", -1},
};

Test(guard, fits)
{
    for (size_t i = 0; i < ARRAY_SIZE(guard_cases); i++) {
        const struct guard_case *one = &guard_cases[i];
        const struct plan_obeyed *found =
            plan_obeyed_find(obeyed, ARRAY_SIZE(obeyed), one->rel, path_basename(one->rel));

        cr_assert_eq(found == NULL ? -1 : (int)(found - obeyed), one->index, "%s", one->rel);
    }
}

Test(guard, repositories_go_with_dot_git)
{
    static const struct {
        struct plan_obeyed obeyed[2];
        bool takes;
    } rows[] = {
        {{{".git", true, PLAN_OBEYED_TAKE}, {"x", true, PLAN_OBEYED_TAKE}}, true},
        {{{"x", true, PLAN_OBEYED_TAKE}, {".g*", true, PLAN_OBEYED_TAKE}}, true},
        {{{".git", false, PLAN_OBEYED_HIDE}, {".git", true, PLAN_OBEYED_TAKE}}, true},
        {{{".git", false, PLAN_OBEYED_HIDE}, {".gitmodules", true, PLAN_OBEYED_TAKE}}, false},
        {{{".git", false, PLAN_OBEYED_TAKE}, {"HEAD", false, PLAN_OBEYED_TAKE}}, false},
        {{{".git", true, PLAN_OBEYED_BYTECODE}, {"git", true, PLAN_OBEYED_TAKE}}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(plan_takes_repositories(rows[i].obeyed, 2), rows[i].takes, "row %zu", i);
    cr_expect_not(plan_takes_repositories(NULL, 0));
}

Test(guard, finds_places_and_known_names)
{
    struct plan_seen seen[] = {{.rel = ""}, {.rel = "a"}, {.rel = "a/b"}, {.rel = "ab"}};
    struct plan_present present[] = {{.rel = ".git"}, {.rel = "a/.envrc"}};
    struct plan_file file = {.seen = seen, .seen_count = 4, .present = present, .present_count = 2};
    const struct plan_file empty = {.tool = NULL};

    for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
        cr_assert_eq(plan_find_seen(&file, seen[i].rel), &seen[i]);
    cr_assert_null(plan_find_seen(&file, "a/c"));
    cr_assert_eq(plan_find_present(&file, "a/.envrc"), &present[1]);
    cr_assert_null(plan_find_present(&file, "a"));
    cr_assert_null(plan_find_seen(&empty, ""));
    cr_assert_null(plan_find_present(&empty, ".git"));
}
