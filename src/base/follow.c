/* Following a path through symbolic links, purely. */
#include "svenv/base/follow.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/path.h"

#define LINKS_MAX 40 /* as the kernel's own limit */

static const char *parent_of(struct arena *arena, const char *path)
{
    auto_free char *parent = path_dirname(path);

    return arena_strdup(arena, parent);
}

/* Takes the next name off *rest. Return: false for one that stays where it is. */
static bool next_component(const char **rest, const char **name, size_t *len)
{
    *name = *rest + strspn(*rest, "/");
    *len = strcspn(*name, "/");
    *rest = *name + *len;
    return *len > 0 && !(*len == 1 && **name == '.');
}

int follow_path(struct arena *arena, const char *path, follow_ask_fn *ask, void *context,
                struct followed *out)
{
    const char *rest = path;
    const char *name = NULL;
    size_t len = 0;

    *out = (struct followed){.real = "/"};
    while (*rest != '\0') {
        const char *above = out->real;
        const char *target = NULL;
        int rc = 0;

        if (!next_component(&rest, &name, &len))
            continue;
        if (len == 2 && memcmp(name, "..", 2) == 0) {
            out->real = parent_of(arena, above);
            continue;
        }
        out->real = arena_printf(arena, "%s/%.*s", above[1] != '\0' ? above : "", (int)len, name);
        rc = ask(context, out->real, &target);
        if (rc < 0)
            return rc;
        if (target == NULL)
            continue;
        if (out->link_count == LINKS_MAX)
            return -ELOOP;
        *(struct follow_link *)arena_push(arena, &out->links, &out->link_count,
                                          sizeof(*out->links)) =
            (struct follow_link){.path = out->real, .target = target};
        rest = arena_printf(arena, "%s/%s", target, rest);
        if (strlen(rest) >= PATH_MAX)
            return -ENAMETOOLONG;
        out->real = target[0] == '/' ? "/" : above;
    }
    return 0;
}
