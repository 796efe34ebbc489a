/* Decides by two tables of rules what arguments and variables of one start show of the host.
 * Nothing here grants: deny.c has the last word, and mounts.c leaves out paths that are visible
 * anyway. */
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

struct argument_rule {
    const char *option;  /* the option before the value; NULL: any or none */
    const char *program; /* glob over the module, the script's or the entry's name; NULL: any */
    const char *path;    /* glob over the absolute path; NULL: any */
    bool runner;         /* only for programs that run a script named by their arguments */
    enum show show;
    bool rw;
    const char *label;
};

/* The first rule that fits a value decides. */
static const struct argument_rule argument_rules[] = {
    {"-f", "*kernel*", "*.json", false, EXPOSE_SELF, true, "kernel connection file"},
    {"--f", "*kernel*", "*.json", false, EXPOSE_SELF, true, "kernel connection file"},
    {"--connection-file", "*kernel*", "*.json", false, EXPOSE_SELF, true, "kernel connection file"},
    {"--IPKernelApp.connection_file", NULL, "*.json", false, EXPOSE_SELF, true,
     "kernel connection file"},
    {"-d", "__main__.py", "*/python_stubs/*", false, EXPOSE_SELF, true, "interpreter stubs"},
    {NULL, NULL, "*/JetBrains/*/coverage/*", false, EXPOSE_PARENT, true, "coverage data"},
    {"--file", "pydevd*", NULL, false, EXPOSE_SCRIPT, false, "debugged script"},
    {NULL, NULL, "*.py", true, EXPOSE_SCRIPT, false, "script"},
    {NULL, NULL, NULL, false, EXPOSE_SELF, false, NULL},
};

/* Programs that run the script that their arguments name. */
static const char *const runners[] = {
    "pdb",     "cProfile",  "profile",  "trace",        "runpy",           "coverage",  "debugpy",
    "ipdb",    "scalene",   "kernprof", "pyinstrument", "memory_profiler", "viztracer", "ipython",
    "IPython", "streamlit", "launcher", "adapter",      "run_coverage.py",
};

enum list {
    LIST_ONE,
    LIST_COLON,
    LIST_BLANK
};

struct variable_rule {
    const char *name;
    enum list list;
    const char *path; /* glob over the absolute path; NULL: any */
    enum show show;
    bool rw;
};

static const struct variable_rule variable_rules[] = {
    {"TEST_RUN_PIPE", LIST_ONE, NULL, EXPOSE_PIPE, true},
    {"RUN_TEST_IDS_PIPE", LIST_ONE, NULL, EXPOSE_PIPE, true},
    {"DEBUGPY_ADAPTER_ENDPOINTS", LIST_ONE, "*/.noConfigDebugAdapterEndpoints/*", EXPOSE_PARENT,
     true},
    {"VSCODE_DEBUGPY_ADAPTER_ENDPOINTS", LIST_ONE, "*/.noConfigDebugAdapterEndpoints/*",
     EXPOSE_PARENT, true},
    {"BUNDLED_DEBUGPY_PATH", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"PYTHONPATH", LIST_COLON, NULL, EXPOSE_SCRIPT, false},
    {"PYCHARM_HELPERS_DIR", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"COVERAGE_FILE", LIST_ONE, "*/JetBrains/*/coverage/*", EXPOSE_PARENT, true},
    {"COVERAGE_FILE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"COVERAGE_PROCESS_START", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"COVERAGE_RCFILE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"COV_CORE_CONFIG", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"COV_CORE_DATAFILE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"SSL_CERT_FILE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"SSL_CERT_DIR", LIST_COLON, NULL, EXPOSE_SELF, false},
    {"REQUESTS_CA_BUNDLE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"CURL_CA_BUNDLE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"NODE_EXTRA_CA_CERTS", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"GIT_SSL_CAINFO", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"PIP_CERT", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"PIP_CONFIG_FILE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"PIP_FIND_LINKS", LIST_BLANK, NULL, EXPOSE_SELF, false},
    {"PIP_CONSTRAINT", LIST_BLANK, NULL, EXPOSE_SELF, false},
    {"PIP_BUILD_CONSTRAINT", LIST_BLANK, NULL, EXPOSE_SELF, false},
    {"PIP_REQUIREMENT", LIST_BLANK, NULL, EXPOSE_SELF, false},
    {"UV_CONFIG_FILE", LIST_ONE, NULL, EXPOSE_SELF, false},
    {"UV_FIND_LINKS", LIST_BLANK, NULL, EXPOSE_SELF, false},
    {"UV_CONSTRAINT", LIST_BLANK, NULL, EXPOSE_SELF, false},
};

/* --- arguments ----------------------------------------------------------------------------------
 */

static const char *program_name(const struct completion *c)
{
    if (!c->is_python || c->python.what == NULL || c->python.target == PYTHON_CODE)
        return c->name;
    return c->python.target == PYTHON_MODULE ? c->python.what : path_basename(c->python.what);
}

static bool is_runner(const char *program)
{
    for (size_t i = 0; i < ARRAY_SIZE(runners); i++) {
        if (str_eq(program, runners[i]))
            return true;
    }
    return false;
}

static bool expose_rule_fits(const struct argument_rule *rule, const struct argument *argument,
                             const char *program, const char *path)
{
    if (rule->option != NULL && !str_eq(rule->option, argument->option))
        return false;
    if (rule->program != NULL && !str_glob(rule->program, program))
        return false;
    if (rule->runner && !is_runner(program))
        return false;
    return rule->path == NULL || str_glob(rule->path, path);
}

static void expose_argument(struct completion *c, const struct argument *argument)
{
    const char *program = program_name(c);
    const char *path = NULL;

    if (strstr(argument->value, "://") != NULL)
        return;
    /* The common case, and the one that command lines of 100,000 words are made of. */
    if (c->cwd_is_settled && argument->value[0] != '/' && strstr(argument->value, "..") == NULL)
        return;
    path = resolve_lexical(c, argument->value);
    for (size_t i = 0; i < ARRAY_SIZE(argument_rules); i++) {
        const struct argument_rule *rule = &argument_rules[i];
        bool plain_short = argument->attached && argument->option[1] != '-' && rule->option == NULL;

        if (!expose_rule_fits(rule, argument, program, path))
            continue;
        /* "-O2" and "-Wall" name no file: an attached value must look like a path. */
        if (plain_short && strchr("/.", argument->value[0]) == NULL)
            return;
        expose_path(c, path, argument->value, rule->show, rule->rw,
                    rule->label != NULL
                        ? arena_printf(c->arena, "argument %zu (%s)", argument->index, rule->label)
                        : arena_printf(c->arena, "argument %zu", argument->index));
        return;
    }
}

/* uv asks an interpreter about itself by code in a directory that the text names, as characters in
 * older versions, as bytes in newer ones. No other text of -c says anything about paths. */
static const struct {
    const char *before;
    const char *after;
} uv_code[] = {
    {"import sys; sys.path = [\"", "\"] + sys.path; from python."},
    {"import sys; sys.path = [__import__(\"os\").fsdecode(b\"", "\")] + sys.path; from python."},
};

static void expose_code(struct completion *c, const char *code)
{
    const char *dir = NULL;
    size_t len = 0;

    for (size_t i = 0; i < ARRAY_SIZE(uv_code) && dir == NULL; i++) {
        if (!str_starts(code, uv_code[i].before))
            continue;
        dir = code + strlen(uv_code[i].before);
        len = strcspn(dir, "\"\\");
        if (dir[0] != '/' || !str_starts(dir + len, uv_code[i].after))
            dir = NULL;
    }
    if (dir == NULL)
        return;
    dir = arena_strndup(c->arena, dir, len);
    expose_path(c, resolve_lexical(c, dir), dir, EXPOSE_SELF, false, "argument -c (uv)");
}

static void expose_program(struct completion *c)
{
    const char *script = c->python.what;

    if (c->is_python && c->python.target == PYTHON_CODE)
        expose_code(c, c->python.what);
    if (c->is_python && c->python.target == PYTHON_SCRIPT && script[0] != '\0')
        expose_path(c, resolve_lexical(c, script), script, EXPOSE_SCRIPT, false, "script");
    /* `run`: a program by its path. */
    if (c->start->entry == NULL && c->start->argc > 0 && strchr(c->start->argv[0], '/') != NULL)
        expose_path(c, resolve_lexical(c, c->start->argv[0]), c->start->argv[0], EXPOSE_SCRIPT,
                    false, "program");
}

void expose_arguments(struct completion *c)
{
    struct argument_walk walk = {.arena = c->arena,
                                 .argv = c->start->argv,
                                 .argc = c->start->argc,
                                 .next = c->first_argument};
    struct argument argument;

    expose_program(c);
    if ((c->compiled->flags & (PLAN_INSTALLER | PLAN_PROJECT_ARGUMENTS)) != 0) {
        installer_arguments(c);
        return;
    }
    while (argument_next(&walk, &argument))
        expose_argument(c, &argument);
}

/* --- variables ----------------------------------------------------------------------------------
 */

static void expose_variable(struct completion *c, const struct variable_rule *rule,
                            const char *value)
{
    static const char *const separators[] = {
        [LIST_ONE] = "", [LIST_COLON] = ":", [LIST_BLANK] = " \t\n"};
    const char *origin = arena_printf(c->arena, "variable %s", rule->name);

    c->variable = rule->name;
    while (*value != '\0') {
        size_t len = strcspn(value, separators[rule->list]);
        const char *text = arena_strndup(c->arena, value, len);
        const char *path = resolve_lexical(c, text);

        if (len > 0 && strstr(text, "://") == NULL &&
            (rule->path == NULL || str_glob(rule->path, path)))
            expose_path(c, path, text, rule->show, rule->rw, origin);
        value += len + (value[len] != '\0');
    }
    c->variable = NULL;
}

/* make's job server: MAKEFLAGS has "--jobserver-auth=fifo:PATH" among other words. */
static void expose_jobserver(struct completion *c, const char *flags)
{
    static const char marker[] = "--jobserver-auth=fifo:";
    const char *at = strstr(flags, marker);
    const char *path = NULL;

    if (at == NULL)
        return;
    at += sizeof(marker) - 1;
    path = arena_strndup(c->arena, at, strcspn(at, " "));
    c->variable = "MAKEFLAGS";
    if (path[0] == '/')
        expose_path(c, resolve_lexical(c, path), path, EXPOSE_PIPE, true, "variable MAKEFLAGS");
    c->variable = NULL;
}

static const char *value_of(const char *assignment, const char *name)
{
    size_t len = strlen(name);

    if (assignment[0] != name[0] || strncmp(assignment, name, len) != 0 || assignment[len] != '=')
        return NULL;
    return assignment + len + 1;
}

/* A path is needed only for a variable that the program gets. */
static bool goes_in(const struct completion *c, const char *assignment)
{
    bool command = false;

    return environ_passes(c->compiled, c->start, assignment, &command);
}

void expose_variables(struct completion *c)
{
    for (const char *const *at = c->start->env; *at != NULL; at++) {
        for (size_t i = 0; i < ARRAY_SIZE(variable_rules); i++) {
            const char *value = value_of(*at, variable_rules[i].name);

            if (value != NULL && goes_in(c, *at))
                expose_variable(c, &variable_rules[i], value);
        }
        if (value_of(*at, "MAKEFLAGS") != NULL && goes_in(c, *at))
            expose_jobserver(c, *at);
    }
}
