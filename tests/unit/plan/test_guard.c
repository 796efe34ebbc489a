#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static const struct plan_guard guards[] = {
    {".git", true, PLAN_GUARD_TAKE},
    {"*.code-workspace", true, PLAN_GUARD_TAKE},
    {"?rc", true, PLAN_GUARD_TAKE},
    {"docs/conf.py", false, PLAN_GUARD_TAKE},
    {"a/*/x", false, PLAN_GUARD_TAKE},
    {".env.*", false, PLAN_GUARD_HIDE},
    {"__pycache__", true, PLAN_GUARD_BYTECODE},
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
        const struct plan_guard *found =
            plan_guard_of(guards, ARRAY_SIZE(guards), one->rel, path_basename(one->rel));

        cr_assert_eq(found == NULL ? -1 : (int)(found - guards), one->index, "%s", one->rel);
    }
}

Test(guard, repositories_go_with_dot_git)
{
    static const struct {
        struct plan_guard guards[2];
        bool takes;
    } rows[] = {
        {{{".git", true, PLAN_GUARD_TAKE}, {"x", true, PLAN_GUARD_TAKE}}, true},
        {{{"x", true, PLAN_GUARD_TAKE}, {".g*", true, PLAN_GUARD_TAKE}}, true},
        {{{".git", false, PLAN_GUARD_HIDE}, {".git", true, PLAN_GUARD_TAKE}}, true},
        {{{".git", false, PLAN_GUARD_HIDE}, {".gitmodules", true, PLAN_GUARD_TAKE}}, false},
        {{{".git", false, PLAN_GUARD_TAKE}, {"HEAD", false, PLAN_GUARD_TAKE}}, false},
        {{{".git", true, PLAN_GUARD_BYTECODE}, {"git", true, PLAN_GUARD_TAKE}}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(plan_takes_repositories(rows[i].guards, 2), rows[i].takes, "row %zu", i);
    cr_expect_not(plan_takes_repositories(NULL, 0));
}

Test(guard, finds_places_and_known_names)
{
    struct plan_place places[] = {{.rel = ""}, {.rel = "a"}, {.rel = "a/b"}, {.rel = "ab"}};
    struct plan_known known[] = {{.rel = ".git"}, {.rel = "a/.envrc"}};
    struct plan_file file = {.places = places, .place_count = 4, .known = known, .known_count = 2};
    const struct plan_file empty = {.tool = NULL};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        cr_assert_eq(plan_find_place(&file, places[i].rel), &places[i]);
    cr_assert_null(plan_find_place(&file, "a/c"));
    cr_assert_eq(plan_find_known(&file, "a/.envrc"), &known[1]);
    cr_assert_null(plan_find_known(&file, "a"));
    cr_assert_null(plan_find_place(&empty, ""));
    cr_assert_null(plan_find_known(&empty, ".git"));
}
