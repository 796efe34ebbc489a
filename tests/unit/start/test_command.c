#include <string.h>

#include <criterion/criterion.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/start/command.h"

#define ARGS_MAX 12

static size_t count_of(const char *const *argv)
{
    size_t count = 0;

    while (argv[count] != NULL)
        count++;
    return count;
}

struct parse_case {
    const char *argv[ARGS_MAX];
    enum python_target target;
    const char *what;
    size_t rest;
};

static const struct parse_case parse_cases[] = {
    {{"python", NULL}, PYTHON_INTERACTIVE, NULL, 1},
    {{"python", "-i", NULL}, PYTHON_INTERACTIVE, NULL, 2},
    {{"python", "x.py", "a"}, PYTHON_SCRIPT, "x.py", 2},
    {{"python", "-", "a"}, PYTHON_STDIN, NULL, 2},
    {{"python", "--", "x.py", "-m"}, PYTHON_SCRIPT, "x.py", 3},
    {{"python", "--", "-m"}, PYTHON_SCRIPT, "-m", 3},
    {{"python", "-c", "pass", "a"}, PYTHON_CODE, "pass", 3},
    {{"python", "-cpass", "a"}, PYTHON_CODE, "pass", 2},
    {{"python", "-c", "-m"}, PYTHON_CODE, "-m", 3},
    {{"python", "-m", "pip", "install"}, PYTHON_MODULE, "pip", 3},
    {{"python", "-mpip", "install"}, PYTHON_MODULE, "pip", 2},
    {{"python", "-Im", "pip", "install"}, PYTHON_MODULE, "pip", 3},
    {{"python", "-Esmpip", "install"}, PYTHON_MODULE, "pip", 2},
    {{"python", "-u", "-m", "pip"}, PYTHON_MODULE, "pip", 4},
    {{"python", "-bBdEiIOPqsSuvx", "x.py"}, PYTHON_SCRIPT, "x.py", 3},
    {{"python", "-OO", "x.py"}, PYTHON_SCRIPT, "x.py", 3},
    {{"python", "-W", "error", "x.py"}, PYTHON_SCRIPT, "x.py", 4},
    {{"python", "-Werror", "x.py"}, PYTHON_SCRIPT, "x.py", 3},
    {{"python", "-IWerror", "-X", "dev", "x.py"}, PYTHON_SCRIPT, "x.py", 5},
    {{"python", "-Xdev", "-c", "1"}, PYTHON_CODE, "1", 4},
    {{"python", "-W", "-m", "x.py"}, PYTHON_SCRIPT, "x.py", 4},
    {{"python", "--check-hash-based-pycs", "always", "x.py"}, PYTHON_SCRIPT, "x.py", 4},
    {{"python", "-B-check-hash-based-pycs", "never", "x.py"}, PYTHON_SCRIPT, "x.py", 4},
    {{"python", "-V", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "-VV", "x.py"}, PYTHON_INFO, NULL, 3},
    {{"python", "-V", "-m", "pip"}, PYTHON_INFO, NULL, 4},
    {{"python", "-?", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "-h", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "--help", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "--help-env", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "--help-xoptions", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "--help-all", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "--version", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "-c", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "-Im", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "-b-", NULL}, PYTHON_INFO, NULL, 2},
    {{"python", "--check-hash-based-pycs", NULL}, PYTHON_INFO, NULL, 2},
};

Test(command, parses_as_cpython_does)
{
    for (size_t i = 0; i < ARRAY_SIZE(parse_cases); i++) {
        const struct parse_case *one = &parse_cases[i];
        struct python_command got;

        python_command_parse(one->argv, count_of(one->argv), &got);
        cr_expect_eq(got.target, one->target, "case %zu: target %d", i, (int)got.target);
        cr_expect(str_eq(got.what, one->what), "case %zu: %s", i, got.what);
        cr_expect_eq(got.rest, one->rest, "case %zu: rest %zu", i, got.rest);
    }
}

struct words_case {
    const char *entry;
    const char *argv[ARGS_MAX];
    const char *words[COMMAND_WORDS_MAX + 1];
};

static const struct words_case words_cases[] = {
    {"pip", {"pip", "install", "x"}, {"pip", "install"}},
    {"pip3", {"/v/bin/pip3", "list"}, {"pip", "list"}},
    {"pip3.11", {"pip3.11", "install"}, {"pip", "install"}},
    {"pip-3.6", {"pip-3.6", "install"}, {"pip", "install"}},
    {"pip", {"pip"}, {"pip"}},
    {"pip", {"pip", "--version"}, {"pip", "--version"}},
    {"pip", {"pip", "-qV"}, {"pip", "--version"}},
    {"pip", {"pip", "-h"}, {"pip", "--help"}},
    {"pip", {"pip", "-q", "--isolated", "install"}, {"pip", "install"}},
    {"pip", {"pip", "--proxy", "install", "list"}, {"pip", "list"}},
    {"pip", {"pip", "--timeo", "5", "install"}, {"pip", "install"}},
    {"pip", {"pip", "--timeout=5", "install"}, {"pip", "install"}},
    {"pip", {"pip", "--python", "/x", "--cert", "y", "install"}, {"pip", "install"}},
    {"python", {"python", "-Im", "pip", "-q", "install", "x"}, {"pip", "install"}},
    {"python3.11", {"python", "-Esm", "pip", "--version"}, {"pip", "--version"}},
    {"python", {"python", "-mpip", "install"}, {"pip", "install"}},
    {"python", {"python", "-u", "-m", "pip", "freeze"}, {"pip", "freeze"}},
    {"python", {"python", "-m", "pip.__main__", "install"}, {"pip", "install"}},
    {"python", {"python", "-Es", "/usr/lib/site-packages/pip", "install"}, {"pip", "install"}},
    {"python", {"python", "/x/pip/", "install"}, {"pip", "install"}},
    {"python", {"python", "/x/pip/__main__.py", "install"}, {"pip", "install"}},
    {"python", {"python", "/x/tool/__main__.py"}, {"python", "tool"}},
    {"python", {"python", "__main__.py", "install"}, {"python", "__main__.py"}},
    {"python", {"python", "x/pip-24.whl/pip", "install"}, {"pip", "install"}},
    {"python", {"python", "/h/pip/__pip-runner__.py", "install"}, {"pip", "install"}},
    {"python", {"python", "/h/helpers/packaging_tool.py", "install"}, {"pip", "install"}},
    {"python", {"python", "/h/helpers/packaging_tool.py", "list"}, {"pip", "list"}},
    {"python", {"python", ".venv/bin/pip3.11", "install"}, {"pip", "install"}},
    {"python", {"python", "get-pip.py", "-q"}, {"pip", "install"}},
    {"python", {"python", "/c/uv/.tmpAb/pip_compileall.py"}, {"pip", "install"}},
    {"python", {"python", "/c/pip_compileall.py"}, {"python", "pip_compileall.py"}},
    {"python", {"python", "-m", "ensurepip", "--upgrade"}, {"ensurepip"}},
    {"python", {"python", "-m", "pytest", "-x"}, {"python", "-m", "pytest"}},
    {"python", {"python", "-m", "uv", "pip", "install", "x"}, {"uv", "pip", "install"}},
    {"python", {"python", "-m", "poetry", "install"}, {"poetry", "install"}},
    {"python", {"python", "dir/setup.py", "develop"}, {"python", "setup.py"}},
    {"python", {"python", "-c", "import pip"}, {"python", "-c"}},
    {"python", {"python", "-"}, {"python", "-"}},
    {"python", {"python"}, {"python"}},
    {"python", {"python", "-V", "-m", "pip"}, {"python"}},
    {"uv", {"uv", "pip", "install", "x"}, {"uv", "pip", "install"}},
    {"uv", {"uv", "--offline", "--directory", "pip", "sync", "--frozen"}, {"uv", "sync"}},
    {"pipx", {"pipx", "install", "x", "y"}, {"pipx", "install", "x"}},
    {"pip-compile", {"pip-compile", "x.in"}, {"pip-compile", "x.in"}},
    {"flask", {"flask", "run", "--debug"}, {"flask", "run"}},
    {"tool", {"tool", "a", "b", "c", "d"}, {"tool", "a", "b", "c"}},
    {"tool", {"tool", "-v", "a"}, {"tool"}},
    {NULL, {"/usr/bin/python3", "-m", "pip", "install"}, {"pip", "install"}},
    {NULL, {"make", "all"}, {"make", "all"}},
};

Test(command, words)
{
    for (size_t i = 0; i < ARRAY_SIZE(words_cases); i++) {
        const struct words_case *one = &words_cases[i];
        struct arena arena = {NULL};
        const char *got[COMMAND_WORDS_MAX] = {NULL};
        size_t count = command_words(&arena, one->entry, one->argv, count_of(one->argv), got);

        cr_expect_eq(count, count_of(one->words), "case %zu: %zu words", i, count);
        for (size_t j = 0; j < count && one->words[j] != NULL; j++)
            cr_expect(str_eq(got[j], one->words[j]), "case %zu: '%s'", i, got[j]);
        arena_finish(&arena);
    }
}

struct match_case {
    const char *pattern;
    const char *words[COMMAND_WORDS_MAX + 1];
    bool fits;
};

static const struct match_case match_cases[] = {
    {"pip", {"pip", "install"}, true},
    {"pip install", {"pip", "install"}, true},
    {"pip install", {"pip", "list"}, false},
    {"pip install", {"pip"}, false},
    {"pip3*", {"pip", "install"}, true},
    {"pip3.11 install", {"pip", "install"}, true},
    {"pip3.? install", {"pip", "install"}, true},
    {"pip*", {"pipx", "install"}, true},
    {"pip*", {"pip", "install"}, true},
    {"pip", {"pipx", "install"}, false},
    {"pip3*", {"pipx", "install"}, false},
    {"python -m pip", {"pip", "install"}, true},
    {"python3* -m pip install", {"pip", "install"}, true},
    {"python -m pip install", {"pip", "list"}, false},
    {"python -m ensurepip", {"ensurepip"}, true},
    {"python -m uv pip", {"uv", "pip", "install"}, true},
    {"python -m pytest", {"python", "-m", "pytest"}, true},
    {"python3 -m py*", {"python", "-m", "pytest"}, true},
    {"python", {"python", "x.py"}, true},
    {"python", {"pip", "install"}, false},
    {"python x.py", {"python", "x.py"}, true},
    {"  uv \t pip  ", {"uv", "pip", "install"}, true},
    {"*", {"anything"}, true},
    {"", {"pip"}, false},
    {"  ", {"pip"}, false},
    {"a b c d e f g h i", {"a", "b", "c", "d"}, false},
};

Test(command, patterns)
{
    for (size_t i = 0; i < ARRAY_SIZE(match_cases); i++) {
        const struct match_case *one = &match_cases[i];

        cr_expect_eq(command_matches(one->pattern, one->words, count_of(one->words)), one->fits,
                     "case %zu: %s", i, one->pattern);
    }
}

Test(command, overlong_pattern_fits_nothing)
{
    char pattern[1000];
    const char *words[] = {"pip"};

    memset(pattern, '*', sizeof(pattern) - 1);
    pattern[sizeof(pattern) - 1] = '\0';
    cr_expect(!command_matches(pattern, words, 1));
}
