/* The names of Python interpreters. */
#include <criterion/criterion.h>

#include "svenv/base/interpreter.h"
#include "svenv/base/mem.h"

static const struct {
    const char *name;
    bool is_one;
} cases[] = {
    {"python", true},
    {"python3", true},
    {"python3.12", true},
    {"python3.13t", true},
    {"python3.13d", true},
    {"python3.14td", true},
    {"pypy", true},
    {"pypy3", true},
    {"pypy3.10", true},
    {"graalpy", true},
    {"graalpy24.1", true},
    {"", false},
    {"pyth", false},
    {"Python", false},
    {"pythont", false},
    {"pythonw", false},
    {"pythonx", false},
    {"python3.13x", false},
    {"python3.13tx", false},
    {"python-config", false},
    {"python3-config", false},
    {"python3.12-config", false},
    {"bpython", false},
    {"ipython", false},
    {"pip", false},
};

Test(interpreter, names)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_eq(interpreter_is_name(cases[i].name), cases[i].is_one, "%s", cases[i].name);
}
