/* Names that patterns of the policy fit. The planner can't list directories; it finds them in the
 * table of facts. */
#include <fcntl.h>
#include <string.h>

#include "facts-internal.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

/* A pattern is expanded component by component; more matches than this are nobody's intention. */
enum {
    MATCH_MAX = 4096,
    DEPTH_MAX = 16
};

static bool is_pattern(const char *text)
{
    return text[strcspn(text, "*?")] != '\0';
}

static void note_listing(struct host_facts *host, const char *dir)
{
    struct listed_dir *listed;

    for (size_t i = 0; i < host->listed_count; i++) {
        if (str_eq(host->listed[i].path, dir))
            return;
    }
    listed = arena_push(&host->arena, &host->listed, &host->listed_count, sizeof(*listed));
    listed->path = arena_strdup(&host->arena, dir);
    listed->id = file_id_known(AT_FDCWD, dir, false);
}

static void globs_expand(struct host_facts *host, const char *dir, const char *rest, int depth);

static void expand_name(struct host_facts *host, const char *dir, const char *name,
                        const char *rest, int depth)
{
    auto_free char *path = path_join(dir, name);

    if (*rest)
        globs_expand(host, path, rest, depth + 1);
    else if (host->facts.path_count < MATCH_MAX)
        facts_add(host, path);
}

/* Symlinked directories are not entered: code in the sandbox may have linked there a directory that
 * is not its own. */
static void expand_pattern(struct host_facts *host, const char *dir, const char *pattern,
                           const char *rest, int depth)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry;
    int rc = look_open_dir(AT_FDCWD, dir, O_NOFOLLOW, &stream);

    if (rc > 0)
        note_listing(host, dir);
    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        if (str_glob_any_case(pattern, entry->d_name))
            expand_name(host, dir, entry->d_name, rest, depth);
    }
    if (rc < 0)
        facts_failed(host, rc, dir);
}

static void globs_expand(struct host_facts *host, const char *dir, const char *rest, int depth)
{
    size_t len = strcspn(rest, "/");
    auto_free char *name = xstrndup(rest, len);

    rest += len;
    while (*rest == '/')
        rest++;
    if (depth > DEPTH_MAX || !*name)
        return;
    if (is_pattern(name))
        expand_pattern(host, dir, name, rest, depth);
    else
        expand_name(host, dir, name, rest, depth);
}

static void expand_text(struct host_facts *host, const char *text, const char *project)
{
    while (str_starts(text, "./"))
        text += 2;
    /* The survey knows all names in the project. */
    if (!is_pattern(text) || (project && text[0] != '~' && strchr(text, '/') == NULL))
        return;
    if (text[0] == '/')
        globs_expand(host, "/", text + 1, 0);
    else if (str_starts(text, "~/"))
        globs_expand(host, host->facts.home, text + 2, 0);
    else if (project)
        globs_expand(host, project, text, 0);
}

static void expand_values(struct host_facts *host, const struct policy_values *values,
                          const char *project)
{
    static const enum policy_field fields[] = {POLICY_FS_PROTECT, POLICY_FS_HIDE};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        const struct policy_value *value = &values->v[fields[i]];

        for (size_t k = 0; k < value->count; k++)
            expand_text(host, value->items[k].text, project);
    }
}

void facts_expand(struct host_facts *host, const struct policy *policy, const char *project)
{
    struct policy_values values;

    policy_effective(policy, NULL, &values);
    expand_values(host, &values, project);
    for (size_t i = 0; i < policy->command_count; i++) {
        policy_effective(policy, &policy->commands[i], &values);
        expand_values(host, &values, project);
    }
}
