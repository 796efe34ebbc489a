/* Which command is this? CPython's command line is parsed so that every spelling of pip is
 * pip, and patterns of the policy's `commands` are matched. Pure; in the launcher. */
#ifndef SVENV_START_COMMAND_H
#define SVENV_START_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* The target of a CPython command line. */
enum python_target {
    PYTHON_INTERACTIVE, /* nothing: a prompt, or stdin */
    PYTHON_STDIN,       /* "-" */
    PYTHON_CODE,        /* -c */
    PYTHON_MODULE,      /* -m */
    PYTHON_SCRIPT,
    PYTHON_INFO, /* -V, -h, --help-all ... */
};
struct python_command {
    enum python_target target;
    const char *what; /* code, module or script */
    size_t rest;      /* index in argv of the first argument of the target */
};

/* argv[0] is the interpreter. Clusters (-Esm pip), attached values (-mpip, -cpass, -Xdev, -Wd) and
 * --check-hash-based-pycs VALUE are understood as CPython does. */
void python_command_parse(const char *const *argv, size_t argc, struct python_command *out);

/* The words that patterns are compared with. entry: name in bin; argv as given.
 * - `python -Im pip -q install x` is {"pip","install"}; so are pip3.11, `python <dir>/pip install`,
 *   `python x/pip-24.whl/pip install`, __pip-runner__.py, PyCharm's packaging_tool.py; global
 *   options of pip (with their values) are dropped before the subcommand; only the subcommand is
 *   kept. `pip --version` and `pip` alone are {"pip","--version"} / {"pip"}.
 * - `python -m ensurepip` is {"ensurepip"}; other modules are {"python","-m","MODULE"}.
 * - uv, poetry, pdm, ...: {"uv","pip","install"}, i.e. name and the leading non-option words, at
 *   most 3; python -m uv likewise.
 * - scripts: {"python","SCRIPT-BASENAME"}; other entries: {name, leading non-option words}.
 * Return: number of words, 1 to 4. */
#define COMMAND_WORDS_MAX 4
size_t command_words(struct arena *arena, const char *entry, const char *const *argv, size_t argc,
                     const char *words_out[COMMAND_WORDS_MAX]);

/* Does `pattern` (words separated by blanks, each a glob: "pip install", "pip3*", "python -m pip",
 * "uv") fit the command? A pattern that starts with a spelling of pip ("pip3*", "python -m pip")
 * means pip. All words of the pattern must match, in order, from the first. */
bool command_matches(const char *pattern, const char *const *words, size_t count);

#endif
