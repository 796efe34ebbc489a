#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#define ROW(glob, where, what)                                                                     \
    {                                                                                              \
        .pattern = (glob), .anywhere = (where), .action = PLAN_OBEYED_##what                       \
    }

static struct plan_obeyed obeyed[] = {
    ROW(".git", true, TAKE),
    ROW("*.code-workspace", true, TAKE),
    ROW("?rc", true, TAKE),
    ROW("docs/conf.py", false, TAKE),
    ROW("a/*/x", false, TAKE),
    ROW(".env.*", false, HIDE),
    ROW("__pycache__", true, BYTECODE),
    ROW(".rope/config.py", true, TAKE),
    ROW("mise/config*.toml", true, TAKE),
    ROW("Justfile", true, TAKE),
    ROW("top", false, TAKE),
    ROW("x/y/z", true, TAKE),
    ROW("\\*star", true, TAKE),
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
    {".rope/config.py", 7},
    {"sub/dir/.rope/config.py", 7},
    {"sub/.rope", -1},
    {"config.py", -1},
    {"x.rope/config.py", -1},
    {"sub.rope/config.py", -1},
    {".rope/sub/config.py", -1},
    {"mise/config.toml", 8},
    {".config/mise/config.local.toml", 8},
    {"mise/config/x.toml", -1},
    {"mise/conf.toml", -1},
    {"justFILE", 9},
    {"sub/JustFile", 9},
    {"Justfiles", -1},
    {".GIT", 0},
    {"sub/.RoPe/CONFIG.py", 7},
    {"DOCS/Conf.py", 3},
    {".ENV.x", 5},
    {"a.Code-Workspace", 1},
    {"top", 10},
    {"TOP", 10},
    {"sub/top", -1},
    {"x/y/z", 11},
    {"a/x/y/z", 11},
    {"y/z", -1},
    {"*star", 12},
    {"xstar", -1},
};

static void find_each(const char *when)
{
    for (size_t i = 0; i < ARRAY_SIZE(guard_cases); i++) {
        const struct guard_case *one = &guard_cases[i];
        const struct plan_obeyed *found =
            plan_obeyed_find(obeyed, ARRAY_SIZE(obeyed), one->rel, path_basename(one->rel));

        cr_assert_eq(found == NULL ? -1 : (int)(found - obeyed), one->index, "%s, %s", one->rel,
                     when);
    }
}

/* The letter only saves time. */
Test(guard, fits)
{
    find_each("as it is");
    plan_obeyed_settle(obeyed, ARRAY_SIZE(obeyed));
    find_each("settled");
}

Test(guard, settles_what_follows_from_the_pattern)
{
    static const struct {
        const char *pattern;
        char first, second;
        bool deep;
    } rows[] = {
        {".git", '.', 'G', false},    {"justfile", 'J', 'U', false}, {"?x", '\0', '\0', false},
        {"*.ipr", '\0', '\0', false}, {"\\*x", '\0', '\0', false},   {"a/bc", 'B', 'C', true},
        {"*/.b", '.', 'B', true},     {"a/*b", '\0', '\0', true},    {"", '\0', '\0', false},
        {"x", 'X', '\0', false},      {"x*", 'X', '\0', false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct plan_obeyed one = {.pattern = rows[i].pattern};

        plan_obeyed_settle(&one, 1);
        cr_expect_eq(one.first, rows[i].first, "%s", one.pattern);
        cr_expect_eq(one.second, rows[i].second, "%s", one.pattern);
        cr_expect_eq(one.deep, rows[i].deep, "%s", one.pattern);
    }
}

/* Those with the same letter that stand together are passed by in one step. */
Test(guard, runs_of_a_letter)
{
    static const char *const patterns[] = {"a", "ab", "Ac", "b", "*", "?", "a", ".x"};
    static const uint16_t runs[] = {3, 2, 1, 1, 2, 1, 1, 1};
    static const struct {
        const char *name;
        int index;
    } names[] = {{"a", 0}, {"AB", 1}, {"ac", 2}, {"B", 3}, {"c", 4}, {".x", 4}, {"", 4}};
    struct plan_obeyed some[ARRAY_SIZE(patterns)] = {{.pattern = NULL}};

    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        some[i] = (struct plan_obeyed){.pattern = patterns[i], .anywhere = true};
    plan_obeyed_settle(some, ARRAY_SIZE(some));
    for (size_t i = 0; i < ARRAY_SIZE(some); i++)
        cr_expect_eq(some[i].run, runs[i], "%zu", i);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        cr_expect_eq(plan_obeyed_find(some, ARRAY_SIZE(some), names[i].name, names[i].name),
                     &some[names[i].index], "%s", names[i].name);
    plan_obeyed_settle(NULL, 0);
}

/* A link in the place of a directory leads to names that are protected in it. */
Test(guard, names_lead_to_others)
{
    static const struct {
        const char *rel;
        bool leads;
    } rows[] = {
        {".rope", true},  {"sub/.rope", true}, {"sub/.ROPE", true}, {".rope/config.py", false},
        {"docs", true},   {"sub/docs", false}, {"x", true},         {"x/y", true},
        {"a/x/y", true},  {"y", false},        {"a/b", true},       {"mise", true},
        {".git", false},  {"top", false},      {".env.x", false},   {"rope", false},
        {"misex", false},
    };

    plan_obeyed_settle(obeyed, ARRAY_SIZE(obeyed));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(plan_obeyed_leads(obeyed, ARRAY_SIZE(obeyed), rows[i].rel), rows[i].leads,
                     "%s", rows[i].rel);
}

Test(guard, repositories_go_with_dot_git)
{
    static const struct {
        struct plan_obeyed obeyed[2];
        bool takes;
    } rows[] = {
        {{ROW(".git", true, TAKE), ROW("x", true, TAKE)}, true},
        {{ROW("x", true, TAKE), ROW(".g*", true, TAKE)}, true},
        {{ROW(".git", false, HIDE), ROW(".git", true, TAKE)}, true},
        {{ROW(".git", false, HIDE), ROW(".gitmodules", true, TAKE)}, false},
        {{ROW(".git", false, TAKE), ROW("HEAD", false, TAKE)}, false},
        {{ROW(".GIT", true, TAKE), ROW("x", true, TAKE)}, true},
        {{ROW("sub/.git", true, TAKE), ROW("x", true, TAKE)}, false},
        {{ROW(".git", true, BYTECODE), ROW("git", true, TAKE)}, false},
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
