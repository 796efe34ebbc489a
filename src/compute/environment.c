/* Rules over the names of the caller's environment. The first that fits decides, so the order is:
 * names that a person wrote, names that never pass, names that pass by default. */
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/path.h"
#include "svenv/base/secret.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

/* They steer the launcher, or would tell the program about it. */
static const char *const own_names[] = {"BWRAP_ARGS", "SANDBOX_*", "VERBOSE", NULL};

/* Sockets, agents and helper programs of the host: their target is not inside, and a program has no
 * business with things that open only outside. Without the variables programs take their fallback
 * at once. */
static const char *const host_names[] = {"SSH_AUTH_SOCK",
                                         "SSH_AGENT_PID",
                                         "SSH_ASKPASS*",
                                         "SSH_CONNECTION",
                                         "SSH_CLIENT",
                                         "SSH_TTY",
                                         "GPG_AGENT_INFO",
                                         "GPG_TTY",
                                         "GNUPGHOME",
                                         "DBUS_*",
                                         "DISPLAY",
                                         "WAYLAND_DISPLAY",
                                         "WAYLAND_SOCKET",
                                         "XAUTHORITY",
                                         "XDG_SESSION_*",
                                         "SESSION_MANAGER",
                                         "ICEAUTHORITY",
                                         "AT_SPI_BUS_ADDRESS",
                                         "PULSE_SERVER",
                                         "PULSE_COOKIE",
                                         "PIPEWIRE_*",
                                         "GNOME_KEYRING_*",
                                         "GIT_ASKPASS",
                                         "GIT_SSH*",
                                         "GIT_CONFIG*",
                                         "SUDO_ASKPASS",
                                         "VSCODE_IPC*",
                                         "VSCODE_GIT_*",
                                         "DOCKER_*",
                                         "CONTAINER_HOST",
                                         "KUBECONFIG",
                                         "BROWSER",
                                         "TMUX*",
                                         "STY",
                                         "NVIM",
                                         "NVIM_LISTEN_ADDRESS",
                                         "KITTY_LISTEN_ON",
                                         "ALACRITTY_SOCKET",
                                         "I3SOCK",
                                         "SWAYSOCK",
                                         "NOTIFY_SOCKET",
                                         NULL};

/* Variables that make an interpreter or the loader run other code than its command line says. A
 * person who sets one for one command means it; one that lies in the environment is the host's
 * business. */
static const char *const steering_names[] = {"PYTHONSTARTUP",
                                             "PYTHONPATH",
                                             "PYTHONHOME",
                                             "PYTHONINSPECT",
                                             "PYTHONBREAKPOINT",
                                             "PYTHONWARNINGS",
                                             "PYTHONPLATLIBDIR",
                                             "PYTHONUSERBASE",
                                             "PYTHONEXECUTABLE",
                                             "PYTHON_PRESITE",
                                             "__PYVENV_LAUNCHER__",
                                             "LD_*",
                                             "GCONV_PATH",
                                             "GLIBC_TUNABLES",

                                             "NLSPATH",
                                             "HOSTALIASES",
                                             "RESOLV_HOST_CONF",
                                             "BASH_ENV",
                                             "ENV",
                                             "SHELLOPTS",
                                             "BASHOPTS",
                                             "BASH_FUNC_*",
                                             "PS4",
                                             "PROMPT_COMMAND",
                                             "PERL5*",
                                             "PERLLIB",
                                             "RUBYLIB",
                                             "RUBYOPT",
                                             "NODE_OPTIONS",
                                             "NODE_PATH",
                                             "JAVA_TOOL_OPTIONS",
                                             "_JAVA_OPTIONS",
                                             "LESSOPEN",
                                             "LESSCLOSE",
                                             "OPENSSL_CONF",
                                             "OPENSSL_MODULES",
                                             NULL};

static struct plan_env_rule *add_rule(struct compute *c, const char *pattern,
                                      enum plan_env_action action, const char *origin)
{
    struct plan_env_rule *rule =
        arena_push(c->arena, &c->plan->env_rules, &c->plan->env_rule_count, sizeof(*rule));

    *rule = (struct plan_env_rule){.pattern = pattern, .action = action, .origin = origin};
    return rule;
}

static void add_rules(struct compute *c, const char *const *patterns, enum plan_env_action action)
{
    for (; *patterns; patterns++)
        add_rule(c, *patterns, action, ORIGIN_DEFAULT);
}

/* Names that look like secrets. Only environment.pass and .env let them in. */
static void add_secrets(struct compute *c)
{
    size_t count = 0;
    const struct secret_row *rows = secret_rows(&count);

    for (size_t i = 0; i < count; i++) {
        if (secret_row_withholds(&rows[i]))
            add_rule(c, rows[i].pattern, PLAN_ENV_DROP, ORIGIN_DEFAULT)->any_case =
                rows[i].kind == SECRET_ANYWHERE;
    }
}

/* In which round a line of environment.pass gets its turn. */
enum pass_round {
    PASS_NAMED,
    PASS_PATTERN,
    PASS_BUILT_IN
};

static bool is_listed(const char *const *patterns, const char *name)
{
    while (*patterns && !str_glob(*patterns, name))
        patterns++;
    return *patterns;
}

/* A line that a person wrote goes before the names that never pass when it names such a name: in
 * full ("MY_TOKEN"), or by a pattern that itself looks like it ("AWS_*"). "DJANGO_*" does not let
 * DJANGO_SECRET in. */
static enum pass_round round_of(const struct policy_item *item)
{
    bool whole = !item->text[strcspn(item->text, "*?")];
    bool secret = secret_is_withheld(item->text);

    if (str_eq(compute_origin(item->origin), ORIGIN_DEFAULT))
        return whole && secret ? PASS_NAMED : PASS_BUILT_IN;
    return whole || secret || is_listed(host_names, item->text) ? PASS_NAMED : PASS_PATTERN;
}

/* Asked once for each line: it is a look at every secret pattern. */
static enum pass_round *rounds_of(const struct policy_value *pass)
{
    enum pass_round *rounds = xcalloc(pass->count + 1, sizeof(*rounds));

    for (size_t i = 0; i < pass->count; i++)
        rounds[i] = round_of(&pass->items[i]);
    return rounds;
}

static void add_passes(struct compute *c, const enum pass_round *rounds, enum pass_round turn)
{
    const struct policy_value *pass = &c->values->v[POLICY_ENV_PASS];

    for (size_t i = 0; i < pass->count; i++) {
        if (rounds[i] == turn)
            add_rule(c, pass->items[i].text, PLAN_ENV_PASS, compute_origin(pass->items[i].origin));
    }
}

/* Can a name fit both patterns? Compared up to the first wildcard: rather too often yes. */
static bool overlaps(const char *a, const char *b)
{
    size_t i = 0;

    while (a[i] && a[i] == b[i] && a[i] != '*' && a[i] != '?')
        i++;
    return a[i] == b[i] || a[i] == '*' || a[i] == '?' || b[i] == '*' || b[i] == '?';
}

/* A name needs a rule of its own only where a built-in line would let it pass. Otherwise the last
 * rule says the same, and every start asks the rules about every variable. */
static void add_steering(struct compute *c, const enum pass_round *rounds)
{
    const struct policy_value *pass = &c->values->v[POLICY_ENV_PASS];

    for (size_t i = 0; steering_names[i]; i++) {
        bool needed = false;

        for (size_t j = 0; j < pass->count && !needed; j++)
            needed = rounds[j] == PASS_BUILT_IN && overlaps(pass->items[j].text, steering_names[i]);
        if (needed)
            add_rule(c, steering_names[i], PLAN_ENV_COMMAND, ORIGIN_DEFAULT);
    }
}

static void add_set(struct compute *c, const char *name, const char *value, const char *origin)
{
    struct plan_env_set *set =
        arena_push(c->arena, &c->plan->env_set, &c->plan->env_set_count, sizeof(*set));

    *set = (struct plan_env_set){.name = name, .value = value, .origin = compute_origin(origin)};
}

void compute_environment(struct compute *c)
{
    const struct policy_value *unset = &c->values->v[POLICY_ENV_UNSET];
    const struct policy_value *set = &c->values->v[POLICY_ENV_SET];
    auto_free enum pass_round *rounds = rounds_of(&c->values->v[POLICY_ENV_PASS]);

    for (size_t i = 0; i < unset->count; i++)
        add_rule(c, unset->items[i].text, PLAN_ENV_DROP, compute_origin(unset->items[i].origin));
    add_passes(c, rounds, PASS_NAMED);
    add_rules(c, own_names, PLAN_ENV_DROP);
    add_rules(c, host_names, PLAN_ENV_DROP);
    add_secrets(c);
    add_passes(c, rounds, PASS_PATTERN);
    add_steering(c, rounds);
    add_passes(c, rounds, PASS_BUILT_IN);
    add_rule(c, "*", PLAN_ENV_COMMAND, ORIGIN_DEFAULT);
    for (size_t i = 0; i < unset->count; i++)
        add_set(c, unset->items[i].text, NULL, unset->items[i].origin);
    for (size_t i = 0; i < set->count; i++)
        add_set(c, set->items[i].key, set->items[i].text, set->items[i].origin);
}

/* An installer reads none: a program could write one to steer a later, more powerful pip. */
int compute_dotenv(struct compute *c, struct err *err)
{
    const struct policy_value *value = &c->values->v[POLICY_ENV_DOTENV];
    const char *project = c->venv->project;

    if (!project || c->installer || !value->text || !*value->text)
        return 0;
    auto_free char *path = path_normalise(project, value->text);
    if (!path_is_beneath(path, project) || str_eq(path, project))
        return err_plain(err, EINVAL, "%s: '%s' is no file in the project '%s'",
                         compute_origin(value->origin), value->text, project);
    c->plan->dotenv = arena_strdup(c->arena, path);
    return 0;
}
