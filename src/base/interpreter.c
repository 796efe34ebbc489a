/* The names of Python interpreters. */
#include "svenv/base/interpreter.h"

#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

bool interpreter_is_name(const char *name)
{
    static const char *const stems[] = {"python", "pypy", "graalpy"};

    for (size_t i = 0; i < ARRAY_SIZE(stems); i++) {
        const char *rest = name + strlen(stems[i]);
        size_t version = 0;

        if (!str_starts(name, stems[i]))
            continue;
        version = strspn(rest, "0123456789.");
        rest += version;
        if (version > 0)
            rest += strspn(rest, "td"); /* free-threaded and debug builds */
        return *rest == '\0';
    }
    return false;
}
