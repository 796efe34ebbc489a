/* A list of variables, each name once. */
#include <string.h>

#include "svenv/base/mem.h"

#include "environment-internal.h"

struct variable *variables_find(const struct variables *v, const char *name, size_t len)
{
    for (size_t i = 0; i < v->count; i++) {
        struct variable *one = &v->items[i];

        if (one->name_len == len && one->name[0] == name[0] && memcmp(one->name, name, len) == 0)
            return one;
    }
    return NULL;
}

struct variable *variables_put(struct variables *v, const char *name, size_t len, const char *text)
{
    struct variable *one = variables_find(v, name, len);

    if (one == NULL) {
        one = arena_push(v->arena, &v->items, &v->count, sizeof(*one));
        *one = (struct variable){.name = name, .name_len = len};
    }
    one->text = text;
    return one;
}
