/* The names in a venv that are ours alone, and those of its packages. */
#include "svenv/base/layout.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

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

const char *const layout_usual_venvs[] = {".venv", "venv", "env", NULL};
const char *const layout_venv_marks[] = {VENV_CONFIG, "bin/activate*", "bin/python*", NULL};

static const char *usual_venv(const char *rel, size_t len)
{
    for (size_t i = 0; layout_usual_venvs[i] != NULL; i++) {
        const char *name = layout_usual_venvs[i];

        if (strlen(name) == len && strncasecmp(name, rel, len) == 0)
            return name;
    }
    return NULL;
}

const char *layout_mark_of(const char *rel)
{
    size_t len = strcspn(rel, "/");
    const char *venv = rel[len] == '/' ? usual_venv(rel, len) : NULL;

    for (size_t i = 0; venv != NULL && layout_venv_marks[i] != NULL; i++) {
        if (str_glob_any_case(layout_venv_marks[i], rel + len + 1))
            return venv;
    }
    return NULL;
}

bool layout_is_usual_venv(const char *rel)
{
    return usual_venv(rel, strlen(rel)) != NULL;
}
