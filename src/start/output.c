/* Where an installer's results go. A mount needs something to be mounted on, so a place that the
 * command line names and that is not there yet is made on the host, just as the installer itself
 * would have made it. A place that cannot be shown is refused before anything runs: files written
 * there would be lost in silence. */
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

/* Deepest existing directory above an absent path. Return: its real path, with what is missing
 * below it in *rel_out; NULL: there is none that may be looked at. */
static const char *existing_parent(struct completion *c, const char *path, const char **rel_out)
{
    const char *dir = resolve_dirname(c, path);

    while (!str_eq(dir, "/")) {
        const char *real = resolve_path(c, dir);

        if (real != NULL) {
            *rel_out = path + strlen(dir) + 1;
            return resolve_kind(c, real) == PATH_DIR ? real : NULL;
        }
        dir = resolve_dirname(c, dir);
    }
    return NULL;
}

static void make_node(struct completion *c, const char *base, const char *rel, bool directory)
{
    struct plan_node *node =
        arena_push(c->arena, &c->plan->nodes, &c->plan->node_count, sizeof(*node));

    *node = (struct plan_node){.kind = directory ? PLAN_NODE_DIR : PLAN_NODE_FILE,
                               .base = base,
                               .rel = rel,
                               .shared = true};
}

static void lose(struct completion *c, const char *path, const char *why)
{
    if (c->lost == NULL)
        c->lost =
            arena_printf(c->arena, "results of the command would not reach '%s' (%s)", path, why);
}

static void expose_absent(struct completion *c, const char *text, bool directory,
                          const char *origin)
{
    const char *rel = NULL;
    const char *base = existing_parent(c, resolve_lexical(c, text), &rel);
    const char *path = NULL;
    const char *why = NULL;

    if (base == NULL)
        lose(c, resolve_lexical(c, text), "there is no directory that it could be made in");
    if (base == NULL || tree_area(&c->tree, base) != NULL)
        return;
    path = arena_printf(c->arena, "%s/%s", base, rel);
    if (tree_is_settled(&c->tree, path))
        return;
    why = deny_reason(c, path, directory, true);
    if (why != NULL) {
        lose(c, path, why);
        return;
    }
    make_node(c, base, rel, directory);
    expose_add(c, path, directory, true, origin);
}

void output_expose(struct completion *c, const char *text, enum output kind, const char *origin)
{
    const char *lexical = resolve_lexical(c, text);
    const char *real = NULL;
    const char *why = NULL;
    enum path_kind found = PATH_ABSENT;

    if (str_eq(text, "-") || text[0] == '\0')
        return;
    if (kind != OUTPUT_THERE && tree_is_private(&c->tree, lexical))
        lose(c, lexical, "inside that is a private directory: name one below it");
    if (tree_is_settled(&c->tree, lexical))
        return;
    real = resolve_path(c, text);
    if (real == NULL) {
        if (kind != OUTPUT_THERE)
            expose_absent(c, text, kind == OUTPUT_DIR, origin);
        return;
    }
    found = resolve_kind(c, real);
    if ((found != PATH_FILE && found != PATH_DIR) || tree_is_settled(&c->tree, real))
        return;
    why = kind != OUTPUT_THERE ? deny_reason(c, real, found == PATH_DIR, true) : NULL;
    if (why != NULL)
        lose(c, real, why);
    else
        expose_add(c, real, found == PATH_DIR, true, origin);
}

static const struct {
    const char *command;
    const char *options[2];
} into_cwd[] = {
    {"pip download", {"-d", "--dest"}},
    {"pip wheel", {"-w", "--wheel-dir"}},
};

static bool has_option(const struct completion *c, const char *const options[2])
{
    struct argument_walk walk = {.arena = c->arena,
                                 .argv = c->start->argv,
                                 .argc = c->start->argc,
                                 .next = c->first_argument};
    struct argument argument;

    while (argument_next(&walk, &argument)) {
        if (argument.option != NULL &&
            (str_eq(argument.option, options[0]) || str_eq(argument.option, options[1])))
            return true;
    }
    return false;
}

void output_check_cwd(struct completion *c)
{
    if (c->cwd_is_settled || (c->compiled->flags & PLAN_CWD_RW) != 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(into_cwd); i++) {
        if (command_matches(into_cwd[i].command, c->words, c->word_count) &&
            !has_option(c, into_cwd[i].options))
            lose(c, c->start->cwd,
                 arena_printf(c->arena, "the working directory is not shown: add '%s .'",
                              into_cwd[i].options[0]));
    }
}
