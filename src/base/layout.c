/* The names in a venv that are ours alone, and those of its packages. */
#include "svenv/base/layout.h"

#include <stddef.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"

const char *const layout_private[] = {VENV_SANDBOX, VENV_HOME, VENV_CACHE, NULL};

bool layout_is_private(const char *name)
{
    for (size_t i = 0; layout_private[i] != NULL; i++) {
        if (str_eq(layout_private[i], name))
            return true;
    }
    return false;
}

bool layout_is_packages(const char *name)
{
    static const char *const parts[] = {"lib", "lib64", "bin", "include", "share", "etc"};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (str_eq(name, parts[i]))
            return true;
    }
    return false;
}
