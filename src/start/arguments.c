/* Walks a command line as options and values. */
#include <string.h>

#include "svenv/base/str.h"

#include "start-internal.h"

/* "-x", "-xVALUE", "-x=VALUE". Return: is there a value? */
static bool read_short(struct argument_walk *walk, const char *word, struct argument *out)
{
    const char *at = word + 1;

    /* Letters that take no value, in front of one that may: "-vr requirements.txt". */
    while (walk->flags != NULL && at[1] != '\0' && strchr(walk->flags, *at) != NULL)
        at++;
    out->option = arena_printf(walk->arena, "-%c", *at);
    out->value = at + 1;
    out->attached = true;
    if (*out->value == '=')
        out->value++;
    if (*out->value != '\0')
        return true;
    walk->option = out->option;
    return false;
}

static bool read_long(struct argument_walk *walk, const char *word, struct argument *out)
{
    const char *equals = strchr(word, '=');

    if (equals == NULL) {
        walk->option = word;
        return false;
    }
    out->option = arena_strndup(walk->arena, word, (size_t)(equals - word));
    out->value = equals + 1;
    out->attached = true;
    return *out->value != '\0';
}

bool argument_next(struct argument_walk *walk, struct argument *out)
{
    while (walk->next < walk->argc) {
        const char *word = walk->argv[walk->next];

        *out = (struct argument){.index = walk->next++, .option = walk->option, .value = word};
        walk->option = NULL;
        if (word[0] != '\0' && word[0] != '-')
            return true;
        if (word[0] == '\0' || word[1] == '\0' || str_eq(word, "--"))
            continue;
        if (word[1] == '-' ? read_long(walk, word, out) : read_short(walk, word, out))
            return true;
    }
    return false;
}
