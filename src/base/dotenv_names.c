/* The names of dotenv files. */
#include "svenv/base/dotenv_names.h"

#include <stddef.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

static bool dotenv_name_is_example(const char *name)
{
    static const char *const examples[] = {".env.example", ".env.sample", ".env.template"};

    for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
        if (str_eq(name, examples[i]))
            return true;
    }
    return false;
}

bool dotenv_name_is_loaded(const char *name)
{
    return (str_eq(name, ".env") || str_starts(name, ".env.")) && !dotenv_name_is_example(name);
}

bool dotenv_pattern_spares(const char *pattern, const char *name)
{
    return strpbrk(pattern, "*?") != NULL && dotenv_name_is_example(name);
}
