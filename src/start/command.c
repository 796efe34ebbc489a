/* Finds the command of the policy that a command line is. */
#include "svenv/start/command.h"

#include <string.h>

#include "svenv/base/interpreter.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

static size_t command_version_len(const char *text)
{
    return strspn(text, "0123456789.");
}

/* pip, pip3, pip3.11, pip-3.11 */
static bool is_pip_name(const char *name)
{
    const char *rest = name + 3;

    if (!str_starts(name, "pip"))
        return false;
    if (*rest == '-' && rest[1] != '\0')
        rest++;
    return rest[command_version_len(rest)] == '\0';
}

static bool is_pip_module(const char *module)
{
    return str_eq(module, "pip") || str_starts(module, "pip.");
}

/* Tools whose subcommand says what they do, also when started as `python -m TOOL`. */
static bool is_manager(const char *name)
{
    static const char *const managers[] = {"uv",   "poetry", "pdm",  "hatch",
                                           "flit", "pipenv", "pipx", "rye"};

    for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
        if (str_eq(name, managers[i]))
            return true;
    }
    return false;
}

/* --- words --------------------------------------------------------------------------------------
 */

static const char *const pip_value_options[] = {
    "--python",           "--log",
    "--log-file",         "--local-log",
    "--keyring-provider", "--proxy",
    "--retries",          "--timeout",
    "--exists-action",    "--default-timeout",
    "--trusted-host",     "--cert",
    "--client-cert",      "--cache-dir",
    "--use-feature",      "--use-deprecated",
    "--resume-retries",
};
static const char *const manager_value_options[] = {
    "--directory",
    "--project",
    "--config-file",
    "--cache-dir",
    "--color",
    "--config",
    "--env",
    "--python-preference",
    "--allow-insecure-host",
    "--python",
    "-C",
    "-P",
    "-p",
    "-e",
    "-c",
};

/* Does the option's value stand in the next word? pip takes any abbreviation of a long option. */
static bool takes_next(const char *const *options, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        bool long_option = word[1] == '-' && word[2] != '\0';

        if (long_option ? str_starts(options[i], word) : str_eq(options[i], word))
            return true;
    }
    return false;
}

static bool command_is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* Letters of a cluster of pip's short options, or its spelling in full. */
static bool asks(const char *word, char letter, const char *full)
{
    if (word[1] == '-')
        return str_eq(word, full);
    return strchr(word + 1, letter) != NULL;
}

static size_t pip_words(const char *const *argv, size_t argc, size_t next, const char **words)
{
    words[0] = "pip";
    for (; next < argc && command_is_option(argv[next]); next++) {
        if (asks(argv[next], 'V', "--version") || asks(argv[next], 'h', "--help")) {
            words[1] = asks(argv[next], 'V', "--version") ? "--version" : "--help";
            return 2;
        }
        if (takes_next(pip_value_options, ARRAY_SIZE(pip_value_options), argv[next]))
            next++;
    }
    if (next >= argc)
        return 1;
    words[1] = argv[next];
    return 2;
}

/* `name` and the words that follow up to the first option; options before the first word are
 * global ones and don't count. */
static size_t leading_words(const char *name, const char *const *argv, size_t argc, size_t next,
                            size_t max, const char **words)
{
    size_t count = 0;

    words[count++] = name;
    for (; next < argc && command_is_option(argv[next]) && is_manager(name); next++) {
        if (takes_next(manager_value_options, ARRAY_SIZE(manager_value_options), argv[next]))
            next++;
    }
    while (next < argc && count < max && argv[next][0] != '-')
        words[count++] = argv[next++];
    return count;
}

static const char *base_name(struct arena *arena, const char *path)
{
    static const char main_file[] = "/__main__.py";
    size_t len = strlen(path);

    /* DIR/__main__.py is what CPython runs for DIR. */
    if (str_ends(path, main_file) && len >= sizeof(main_file))
        len -= sizeof(main_file) - 1;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return path_basename(arena_strndup(arena, path, len));
}

/* uv compiles byte code into the venv by a script in a temporary directory of its own. */
static bool is_uv_compiler(const char *script)
{
    return str_glob("/*/.tmp*/pip_compileall.py", script);
}

static size_t script_words(struct arena *arena, const char *const *argv, size_t argc,
                           const struct python_command *command, const char **words)
{
    const char *name = base_name(arena, command->what);

    if (is_pip_name(name) || str_eq(name, "pip.pyz") || str_eq(name, "__pip-runner__.py") ||
        str_eq(name, "packaging_tool.py"))
        return pip_words(argv, argc, command->rest, words);
    if (str_eq(name, "get-pip.py") || is_uv_compiler(command->what)) {
        words[0] = "pip";
        words[1] = "install";
        return 2;
    }
    if (is_manager(name))
        return leading_words(name, argv, argc, command->rest, 3, words);
    words[0] = "python";
    words[1] = name;
    return 2;
}

static size_t module_words(const char *const *argv, size_t argc,
                           const struct python_command *command, const char **words)
{
    if (is_pip_module(command->what))
        return pip_words(argv, argc, command->rest, words);
    if (str_eq(command->what, "ensurepip") || str_starts(command->what, "ensurepip.")) {
        words[0] = "ensurepip";
        return 1;
    }
    if (is_manager(command->what))
        return leading_words(command->what, argv, argc, command->rest, 3, words);
    words[0] = "python";
    words[1] = "-m";
    words[2] = command->what;
    return 3;
}

static size_t python_words(struct arena *arena, const char *const *argv, size_t argc,
                           const char **words)
{
    struct python_command command;

    python_command_parse(argv, argc, &command);
    words[0] = "python";
    switch (command.target) {
    case PYTHON_SCRIPT:
        return script_words(arena, argv, argc, &command, words);
    case PYTHON_MODULE:
        return module_words(argv, argc, &command, words);
    case PYTHON_CODE:
        words[1] = "-c";
        return 2;
    case PYTHON_STDIN:
        words[1] = "-";
        return 2;
    case PYTHON_INTERACTIVE:
    case PYTHON_INFO:
        break;
    }
    return 1;
}

size_t command_words(struct arena *arena, const char *entry, const char *const *argv, size_t argc,
                     const char *words_out[COMMAND_WORDS_MAX])
{
    const char *name = entry;

    if (name == NULL)
        name = argc > 0 ? base_name(arena, argv[0]) : "";
    if (interpreter_is_name(name))
        return python_words(arena, argv, argc, words_out);
    if (is_pip_name(name))
        return pip_words(argv, argc, 1, words_out);
    return leading_words(name, argv, argc, 1, is_manager(name) ? 3 : COMMAND_WORDS_MAX, words_out);
}

/* --- patterns -----------------------------------------------------------------------------------
 */

#define PATTERN_MAX 256
#define PATTERN_WORDS 8

/* "python3*" and "pip3.?" are spellings of "python" and "pip", which the words have. */
static const char *plain_name(const char *word)
{
    char stem[PATTERN_MAX];
    size_t len = strcspn(word, "*?");

    memcpy(stem, word, len);
    stem[len] = '\0';
    if (word[len + strspn(word + len, "*?.")] != '\0')
        return word;
    if (interpreter_is_name(stem))
        return "python";
    /* "pip*" stays a glob: it may mean pipx as well. */
    return is_pip_name(stem) && (word[len] == '\0' || stem[3] != '\0') ? "pip" : word;
}

/* Splits a pattern, in place, into words in their plain spelling. */
static size_t split_pattern(char *text, const char **words)
{
    size_t count = 0;

    while (count < PATTERN_WORDS) {
        text += strspn(text, " \t");
        if (*text == '\0')
            break;
        words[count++] = text;
        text += strcspn(text, " \t");
        if (*text != '\0')
            *text++ = '\0';
    }
    return *text == '\0' ? count : 0;
}

bool command_matches(const char *pattern, const char *const *words, size_t count)
{
    char text[PATTERN_MAX];
    const char *parts[PATTERN_WORDS] = {NULL};
    size_t first = 0;
    size_t total = 0;

    if (strlen(pattern) >= sizeof(text))
        return false;
    memcpy(text, pattern, strlen(pattern) + 1);
    total = split_pattern(text, parts);
    if (total == 0)
        return false;
    parts[0] = plain_name(parts[0]);
    if (total >= 3 && str_eq(parts[0], "python") && str_eq(parts[1], "-m") &&
        (str_eq(plain_name(parts[2]), "pip") || str_eq(parts[2], "ensurepip") ||
         is_manager(parts[2]))) {
        first = 2;
        parts[2] = plain_name(parts[2]);
    }
    if (total - first > count)
        return false;
    for (size_t i = first; i < total; i++) {
        if (!str_glob(parts[i], words[i - first]))
            return false;
    }
    return true;
}
