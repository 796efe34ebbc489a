#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/str.h"
#include "svenv/formats/dotenv.h"
#include "svenv/start/start.h"

static struct plan_env_rule rules[] = {
    {"NAMED_TOKEN", PLAN_ENV_PASS, "policy.yaml:4:9", false, 0},
    {"https_proxy", PLAN_ENV_PASS, "policy.yaml:4:10", false, 0},
    {"*TOKEN*", PLAN_ENV_DROP, "default", true, 0},
    {"AWS_*", PLAN_ENV_DROP, "default", false, 0},
    {"LC_*", PLAN_ENV_PASS, "default", false, 0},
    {"PATH", PLAN_ENV_PASS, "default", false, 0},
    {"*_proxy", PLAN_ENV_PASS, "default", false, 0},
    {"*_PROXY", PLAN_ENV_PASS, "default", false, 0},
    {"PIP_*", PLAN_ENV_PASS, "default", false, 0},
    {"*", PLAN_ENV_COMMAND, "default", false, 0},
};
static struct plan_env_set settings[] = {
    {"FROM_POLICY", "policy", "policy.yaml:9:1"},
    {"LC_ALL", "policy", "policy.yaml:9:2"},
    {"GONE", NULL, "policy.yaml:9:3"},
    {"STRONG", "option", "BWRAP_ARGS"},
    {"TAKEN", NULL, "BWRAP_ARGS:3"},
};

struct fixture {
    struct arena arena;
    struct plan plan;
    struct start start;
    const char **got;
};

static void run(struct fixture *f, const char *const *env, const char *const *parent)
{
    f->plan.env_rules = rules;
    f->plan.env_rule_count = ARRAY_SIZE(rules);
    f->start.env = env;
    f->start.parent_env = parent;
    f->got = plan_environment(&f->arena, &f->plan, &f->start);
}

static const char *get(const struct fixture *f, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; f->got[i] != NULL; i++) {
        if (strncmp(f->got[i], name, len) == 0 && f->got[i][len] == '=')
            return f->got[i] + len + 1;
    }
    return NULL;
}

static void expect(const struct fixture *f, const char *name, const char *value)
{
    cr_expect(str_eq(get(f, name), value), "%s is %s", name, get(f, name));
}

Test(environ, first_rule_decides)
{
    static const char *const env[] = {"PATH=/bin",       "LC_ALL=C", "LC_TOKEN=x", "NAMED_TOKEN=y",
                                      "UNKNOWN=1",       "=x",       "broken",     "PATH=/second",
                                      "LC_MULTI=a\nb=c", NULL};
    struct fixture f = {.plan = {.variant = "x"}};

    run(&f, env, env);
    expect(&f, "PATH", "/bin");
    expect(&f, "LC_ALL", "C");
    expect(&f, "LC_TOKEN", NULL);
    expect(&f, "NAMED_TOKEN", "y");
    expect(&f, "UNKNOWN", NULL);
    expect(&f, "LC_MULTI", "a\nb=c");
    expect(&f, "broken", NULL);
    arena_finish(&f.arena);
}

Test(environ, a_rule_for_every_case)
{
    static const char *const env[] = {"my_token=1",   "My_Token=1",   "LC_token=1",
                                      "aws_region=1", "AWS_REGION=1", NULL};
    static const char *const parent[] = {NULL};
    struct fixture f = {.plan = {.variant = "x"}};

    run(&f, env, parent);
    expect(&f, "my_token", NULL);
    expect(&f, "My_Token", NULL);
    expect(&f, "LC_token", NULL);
    expect(&f, "aws_region", "1");
    expect(&f, "AWS_REGION", NULL);
    arena_finish(&f.arena);
}

Test(environ, set_for_this_command_is_absent_from_the_parents)
{
    static const char *const env[] = {"DEBUG=1", "EXPORTED=1", "MY_TOKEN=1", NULL};
    static const char *const parent[] = {"EXPORTED=other", "DEBUGGER=x", NULL};
    static const char *const nothing[] = {NULL};
    struct fixture f = {.plan = {.variant = "x"}};

    run(&f, env, parent);
    expect(&f, "DEBUG", "1");
    expect(&f, "EXPORTED", NULL);
    expect(&f, "MY_TOKEN", NULL);
    run(&f, env, nothing);
    expect(&f, "EXPORTED", "1");
    run(&f, env, NULL);
    expect(&f, "DEBUG", NULL);
    arena_finish(&f.arena);
}

Test(environ, layers_from_weak_to_strong)
{
    static const char *const env[] = {"LC_ALL=caller", "COMMAND=now", "STRONG=now", "GONE=now",
                                      "TAKEN=now",     "DOTTED=now",  "LC_TIME=c",  NULL};
    static const char *const parent[] = {"LC_ALL=caller", "LC_TIME=c", NULL};
    struct dotenv_var vars[] = {{"FROM_POLICY", "dotenv", 1}, {"DOTTED", "dotenv", 2},
                                {"DOT_TOKEN", "dotenv", 3},   {"BWRAP_ARGS", "--bind / /", 4},
                                {"SANDBOX_X", "1", 5},        {"LC_TIME", "dotenv", 6},
                                {"STRONG", "dotenv", 7}};
    struct dotenv dotenv = {.vars = vars, .count = ARRAY_SIZE(vars)};
    struct fixture f = {.plan = {.env_set = settings, .env_set_count = ARRAY_SIZE(settings)},
                        .start = {.dotenv = &dotenv}};

    run(&f, env, parent);
    expect(&f, "LC_ALL", "policy");
    expect(&f, "FROM_POLICY", "dotenv");
    expect(&f, "LC_TIME", "c");
    expect(&f, "DOTTED", "now");
    expect(&f, "COMMAND", "now");
    expect(&f, "GONE", "now");
    expect(&f, "STRONG", "option");
    expect(&f, "TAKEN", NULL);
    expect(&f, "DOT_TOKEN", "dotenv");
    expect(&f, "BWRAP_ARGS", NULL);
    expect(&f, "SANDBOX_X", NULL);
    cr_expect_eq(dotenv.skipped, 2);
    cr_expect_eq(dotenv.skipped_line, 4);
    cr_expect_str_eq(dotenv.skipped_why, "BWRAP_ARGS would steer the sandbox");
    arena_finish(&f.arena);
}

static void expect_expanded(const char *text, const char *value)
{
    static const char *const env[] = {"PATH=/bin", "NOW=x$", "LC_EMPTY=", "AWS_KEY=secret", NULL};
    static const char *const parent[] = {"PATH=/bin", "LC_EMPTY=", "AWS_KEY=secret", NULL};
    struct dotenv_var vars[] = {{"A", "1", 1},
                                {"ALONE", NULL, 2},
                                {"PATH", "mine", 3},
                                {"FROM_POLICY", "f", 4},
                                {"X", text, 5}};
    struct dotenv dotenv = {.vars = vars, .count = ARRAY_SIZE(vars)};
    struct fixture f = {.plan = {.env_set = settings, .env_set_count = ARRAY_SIZE(settings)},
                        .start = {.dotenv = &dotenv}};

    run(&f, env, parent);
    cr_expect(str_eq(get(&f, "X"), value), "%s is %s", text, get(&f, "X"));
    expect(&f, "PATH", "/bin");
    expect(&f, "ALONE", NULL);
    cr_expect_eq(dotenv.skipped, strstr(text, "AWS") != NULL, "%s", text);
    arena_finish(&f.arena);
}

Test(environ, dotenv_expands_what_goes_in)
{
    static const struct {
        const char *text;
        const char *value;
    } rows[] = {
        {"${A}b${A}", "1b1"},
        {"$A $(A) `A`", "$A $(A) `A`"},
        {"${PATH}", "/bin"},
        {"${NOW}", "x$"},
        {"${NONE}", ""},
        {"${NONE:-d e}", "d e"},
        {"${A:-d}", "1"},
        {"${LC_EMPTY:-d}", ""},
        {"${ALONE:-d}", ""},
        {"${NONE:-}", ""},
        {"${NONE:d}", "${NONE:d}"},
        {"${A", "${A"},
        {"${A:${A}", "${A:1"},
        {"${NONE:-${A}}", "${A}"},
        {"${}", ""},
        {"${FROM_POLICY}", "f"},
        {"${LC_ALL}", "policy"},
        {"${STRONG}", "option"},
        {"${AWS_KEY}", ""},
        {"${AWS_KEY:-none}", "none"},
        {"${X}", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect_expanded(rows[i].text, rows[i].value);
}

/* Ten bytes a line, and each value ten times as long as the one before it. */
Test(environ, expansion_is_bounded)
{
    struct dotenv_var vars[12] = {{"V0", "0123456789", 1}};
    struct dotenv dotenv = {.vars = vars, .count = ARRAY_SIZE(vars)};
    struct fixture f = {.start = {.dotenv = &dotenv}};
    static const char *const env[] = {NULL};
    char text[12][64];

    for (unsigned i = 1; i < ARRAY_SIZE(vars); i++) {
        char *at = text[i];

        for (int j = 0; j < 10; j++)
            at += sprintf(at, "${V%u}", i - 1);
        vars[i] = (struct dotenv_var){arena_printf(&f.arena, "V%u", i), text[i], i + 1};
    }
    run(&f, env, env);
    cr_expect_eq(strlen(get(&f, "V4")), 100000);
    expect(&f, "V5", NULL);
    cr_expect_eq(dotenv.skipped_line, 6);
    cr_expect_str_eq(dotenv.skipped_why, "its values are too long to be passed to a program");
    arena_finish(&f.arena);
}

Test(environ, clear_keeps_what_the_policy_names_and_pwd)
{
    static const char *const env[] = {"PATH=/bin", "PWD=/x", "NEW=1", "NAMED_TOKEN=y", NULL};
    static const char *const parent[] = {"PATH=/bin", NULL};
    struct fixture f = {.plan = {.flags = PLAN_ENV_CLEAR,
                                 .env_set = settings,
                                 .env_set_count = ARRAY_SIZE(settings)}};

    run(&f, env, parent);
    expect(&f, "PATH", NULL);
    expect(&f, "NEW", NULL);
    expect(&f, "NAMED_TOKEN", "y");
    expect(&f, "PWD", "/x");
    expect(&f, "STRONG", "option");
    arena_finish(&f.arena);
}

struct proxy_case {
    const char *assignment;
    bool program, installer; /* goes in */
};
static const struct proxy_case proxies[] = {
    {"http_proxy=http://h:1", true, true},
    {"http_proxy=http://u:p@h:1", false, false},
    {"HTTP_PROXY=http://u:p@h:1", false, false},
    {"all_proxy=socks5h://u@h", false, false},
    {"ftp_proxy=u:p@h:3128", false, false},
    {"no_proxy=a@b", false, false},
    {"http_proxy=http://h/p@th", true, true},
    {"http_proxy=http://u:p/w@h:1", false, false}, /* no valid URL, but a password */
    {"https_proxy=http://u:p@h:1", true, true},    /* named by the policy */
    {"PIP_INDEX_URL=https://h/simple", true, true},
    {"PIP_INDEX_URL=https://u:p@h/simple", false, true},
    {"PIP_EXTRA_INDEX_URL=https://h/ https://u:p@h/", false, true},
    {"PIP_PROXY=http://u:p@h", false, false},
    {"LC_MAIL=u@h", true, true},
};

Test(environ, passwords_in_urls_stay_out)
{
    for (size_t i = 0; i < ARRAY_SIZE(proxies); i++) {
        const char *const env[] = {proxies[i].assignment, NULL};
        struct fixture f = {.plan = {.variant = "x"}};

        run(&f, env, env);
        cr_expect_eq(f.got[0] != NULL, proxies[i].program, "%s", proxies[i].assignment);
        f.plan.flags = PLAN_INSTALLER;
        run(&f, env, env);
        cr_expect_eq(f.got[0] != NULL, proxies[i].installer, "%s", proxies[i].assignment);
        arena_finish(&f.arena);
    }
}
