/* The environment of the program, by the rules of the plan. */
#include <stdint.h>
#include <string.h>

#include "svenv/base/redact.h"
#include "svenv/base/str.h"

#include "environment-internal.h"
#include "start-internal.h"

#define NAME_SIZE 256

/* The name that the rules are asked about. */
struct spelling {
    char text[NAME_SIZE];
    char capitals[NAME_SIZE]; /* for rules that fit in any case */
    uint32_t letters;         /* in capitals */
};

/* Origins of what the user says for this one start, in place of the policy. */
static const char *const option_origins[] = {"BWRAP_ARGS", "command line"};

/* Variables that hold URLs, in whatever case. An installer needs its indexes: without them it would
 * silently take packages from somewhere else. */
static const struct {
    const char *pattern;
    bool installer; /* goes in for installers all the same */
} url_variables[] = {
    {"*_proxy", false},           {"pip_index_url", true}, {"pip_extra_index_url", true},
    {"pip_find_links", true},     {"uv_index*", true},     {"uv_default_index", true},
    {"uv_extra_index_url", true}, {"uv_find_links", true}, {"git_remote_url", false},
};

static size_t name_len(const char *assignment)
{
    return strcspn(assignment, "=");
}

static bool environ_has_name(const char *assignment, const char *name, size_t len)
{
    return assignment[0] == name[0] && strncmp(assignment, name, len) == 0 &&
           assignment[len] == '=';
}

/* An environment and a table of some hundred rules are thousands of pairs at every start: a letter
 * that the name lacks settles nearly all of them, and the first letter most others. */
static bool environ_rule_fits(const struct plan_env_rule *rule, const struct spelling *name)
{
    const char *text = NULL;
    char first = '\0';

    if ((rule->letters & ~name->letters) != 0)
        return false;
    text = rule->any_case ? name->capitals : name->text;
    first = rule->pattern[0];
    if (first != text[0] && first != '*' && first != '?' && first != '\\')
        return false;
    return str_glob(rule->pattern, text);
}

static void environ_spell(const char *name, size_t len, struct spelling *out)
{
    for (size_t i = 0; i < len; i++) {
        out->text[i] = name[i];
        out->capitals[i] = str_capital(name[i]);
    }
    out->text[len] = out->capitals[len] = '\0';
    out->letters = str_capitals(out->capitals);
}

static bool is_for_command(const struct start *start, const char *name, size_t len)
{
    if (start->parent_env == NULL)
        return false;
    for (const char *const *at = start->parent_env; *at != NULL; at++) {
        if (environ_has_name(*at, name, len))
            return false;
    }
    return true;
}

/* "http://user:password@host", "user:password@host:3128" */
static bool has_userinfo(const char *url)
{
    const char *scheme = strstr(url, "://");

    while (scheme != NULL) {
        if (redact_userinfo_length(scheme + 3) > 0)
            return true;
        scheme = strstr(scheme + 3, "://");
    }
    return strstr(url, "://") == NULL && memchr(url, '@', strcspn(url, "/?# ")) != NULL;
}

/* Does the value carry a password in a URL? Values are never rewritten, so it stays out as a whole,
 * unless the policy names the variable. */
static bool leaks_password(const struct plan *plan, const char *name, const char *value)
{
    char lower[64] = "";
    size_t len = strlen(name);

    if (len >= sizeof(lower) || strchr(value, '@') == NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    for (size_t i = 0; i < ARRAY_SIZE(url_variables); i++) {
        if (str_glob(url_variables[i].pattern, lower))
            return !(url_variables[i].installer && (plan->flags & PLAN_INSTALLER) != 0) &&
                   has_userinfo(value);
    }
    return false;
}

static bool is_default(const char *origin)
{
    return origin == NULL || str_eq(origin, "default");
}

static const struct plan_env_rule *find_rule(const struct plan *plan, const struct spelling *name)
{
    for (size_t i = 0; i < plan->env_rule_count; i++) {
        if (environ_rule_fits(&plan->env_rules[i], name))
            return &plan->env_rules[i];
    }
    return NULL;
}

bool environ_passes(const struct plan *plan, const struct start *start, const char *assignment,
                    bool *command_out)
{
    size_t len = name_len(assignment);
    struct spelling name;
    const struct plan_env_rule *rule = NULL;
    bool for_command = false;

    if (len == 0 || len >= sizeof(name.text) || assignment[len] != '=')
        return false;
    environ_spell(assignment, len, &name);
    rule = find_rule(plan, &name);
    /* As bubblewrap's --clearenv: only the working directory's name, and the variables that the
     * policy names. */
    if ((plan->flags & PLAN_ENV_CLEAR) != 0 &&
        (rule == NULL || rule->action != PLAN_ENV_PASS || is_default(rule->origin))) {
        *command_out = false;
        return str_eq(name.text, "PWD");
    }
    if (rule == NULL || rule->action == PLAN_ENV_DROP)
        return false;
    for_command = is_for_command(start, name.text, len);
    if (rule->action == PLAN_ENV_COMMAND && !for_command)
        return false;
    if (is_default(rule->origin) && leaks_password(plan, name.text, assignment + len + 1))
        return false;
    *command_out = for_command;
    return true;
}

/* --- the layers ---------------------------------------------------------------------------------
 */

/* The caller's variables; those set for this command go to `commands`, to be laid on later. Of
 * equal names the first counts, as for getenv(3). */
static void put_caller(struct variables *v, struct variables *commands, const struct plan *plan,
                       const struct start *start)
{
    for (const char *const *at = start->env; *at != NULL; at++) {
        size_t len = name_len(*at);
        bool for_command = false;
        struct variables *into = NULL;

        if (!environ_passes(plan, start, *at, &for_command))
            continue;
        into = for_command ? commands : v;
        if (variables_find(into, *at, len) == NULL)
            variables_put(into, *at, len, *at)->exported = true;
    }
}

static bool environ_is_option(const char *origin)
{
    for (size_t i = 0; origin != NULL && i < ARRAY_SIZE(option_origins); i++) {
        if (str_starts(origin, option_origins[i]))
            return true;
    }
    return false;
}

static void put_policy(struct variables *v, const struct plan *plan, bool options)
{
    for (size_t i = 0; i < plan->env_set_count; i++) {
        const struct plan_env_set *set = &plan->env_set[i];

        if (environ_is_option(set->origin) != options)
            continue;
        variables_put(v, set->name, strlen(set->name),
                      set->value != NULL ? arena_printf(v->arena, "%s=%s", set->name, set->value)
                                         : NULL);
    }
}

/* Weakest first: a later one replaces one of the same name. */
const char **plan_environment(struct arena *arena, const struct plan *plan,
                              const struct start *start)
{
    struct variables v = {.arena = arena};
    struct variables strong = {.arena = arena}; /* set for this command, or by its options */
    const char **out = NULL;
    size_t count = 0;

    put_caller(&v, &strong, plan, start);
    put_policy(&strong, plan, true);
    put_policy(&v, plan, false);
    if (start->dotenv != NULL)
        dotenv_lay(&(struct dotenv_layers){start, start->dotenv, &strong, &v});
    for (size_t i = 0; i < strong.count; i++)
        variables_put(&v, strong.items[i].name, strong.items[i].name_len, strong.items[i].text);
    out = arena_alloc(arena, (v.count + 1) * sizeof(*out));
    for (size_t i = 0; i < v.count; i++) {
        if (v.items[i].text != NULL)
            out[count++] = v.items[i].text;
    }
    out[count] = NULL;
    return out;
}
