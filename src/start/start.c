/* Completes a compiled plan for one start. */
#include "svenv/start/start.h"

#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/start/command.h"

#include "start-internal.h"

struct plan_variant *plan_choose(struct arena *arena, const struct plan_file *file,
                                 const struct start *start)
{
    const char *words[COMMAND_WORDS_MAX] = {NULL};
    size_t count = command_words(arena, start->entry, start->argv, start->argc, words);

    for (size_t i = 0; i < file->variant_count; i++) {
        struct plan_variant *variant = &file->variants[i];

        if (variant->match_count == 0)
            return variant;
        for (size_t j = 0; j < variant->match_count; j++) {
            if (command_matches(variant->match[j], words, count))
                return variant;
        }
    }
    return file->variant_count > 0 ? &file->variants[file->variant_count - 1] : NULL;
}

static void completion_read_command(struct completion *c)
{
    const struct start *start = c->start;

    c->name = start->entry;
    if (c->name == NULL)
        c->name = start->argc > 0 ? path_basename(start->argv[0]) : "";
    c->first_argument = 1;
    c->is_python = interpreter_is_name(c->name);
    if (c->is_python) {
        python_command_parse(start->argv, start->argc, &c->python);
        c->first_argument = c->python.rest;
    }
    c->word_count = command_words(c->arena, start->entry, start->argv, start->argc, c->words);
}

/* Arrays that grow later are copied, those of the compiled plan stay as they are. */
static void copy_plan(struct completion *c)
{
    const char *own[] = {c->file->project, c->file->venv, c->file->temp_base};

    *c->plan = *c->compiled;
    c->plan->landlock = NULL;
    c->plan->landlock_count = 0;
    tree_init(&c->tree, c->arena, c->plan, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (own[i] != NULL)
            tree_add_area(&c->tree, own[i], true);
    }
    tree_open(&c->tree, c->compiled);
}

static void grant_project(struct completion *c)
{
    bool granted =
        (c->compiled->flags & PLAN_PROJECT_ARGUMENTS) == 0 || installer_grants_project(c);

    c->tree.grant = granted ? TREE_GRANT_GIVEN : TREE_GRANT_REFUSED;
    if (!granted)
        c->plan->obeyed_count = 0;
}

/* Without the project there is nothing of it that Landlock could allow. */
static void copy_landlock(struct completion *c)
{
    const char *project = c->tree.grant == TREE_GRANT_REFUSED ? c->file->project : NULL;

    for (size_t i = 0; i < c->compiled->landlock_count; i++) {
        const struct plan_landlock *rule = &c->compiled->landlock[i];
        struct plan *to = c->plan;

        if (project != NULL && path_is_beneath(rule->path, project) &&
            !tree_is_settled(&c->tree, rule->path))
            continue;
        *(struct plan_landlock *)arena_push(c->arena, &to->landlock, &to->landlock_count,
                                            sizeof(*to->landlock)) = *rule;
    }
}

/* The logical working directory, where the shell says that symlinks lead to the real one. */
static void link_logical_cwd(struct completion *c)
{
    for (const char *const *at = c->start->env; *at != NULL; at++) {
        const char *named = *at + strlen("PWD=");

        if (!str_starts(*at, "PWD=") || named[0] != '/' || str_eq(named, c->start->cwd))
            continue;
        if (strstr(named, "..") == NULL)
            resolve_path(c, named);
        return;
    }
}

/* An entry point that was called through symlinks is there under the same name inside: it looks for
 * pyvenv.cfg beside the path that it was called by. */
static void link_called_path(struct completion *c)
{
    const char *called = c->start->called_as;
    const char *lexical = NULL;
    const char *own = NULL;

    if (called == NULL || c->start->entry == NULL || strchr(called, '/') == NULL)
        return;
    lexical = resolve_lexical(c, called);
    own = arena_printf(c->arena, "%s/bin/%s", c->file->venv, c->start->entry);
    if (!str_eq(lexical, own))
        resolve_path(c, called);
}

/* Shown when the policy says so, else an empty directory at its path: getcwd() must work. */
static void add_cwd(struct completion *c)
{
    const char *cwd = c->start->cwd;
    const char *project = c->file->project;
    uint32_t flags = c->compiled->flags & (PLAN_CWD_RO | PLAN_CWD_RW);
    struct exposure *empty = NULL;

    if (c->compiled->chdir != NULL)
        return;
    link_logical_cwd(c);
    if (tree_is_settled(&c->tree, cwd))
        return;
    /* The project is granted or not as a whole. */
    if (flags != 0 && (project == NULL || !path_is_beneath(cwd, project)))
        expose_add(c, cwd, true, (flags & PLAN_CWD_RW) != 0, "filesystem.cwd");
    empty = arena_push(c->arena, &c->shown, &c->shown_count, sizeof(*empty));
    *empty = (struct exposure){
        .path = cwd, .directory = true, .empty = true, .origin = "working directory"};
}

int plan_start(struct arena *arena, const struct plan_file *file,
               const struct plan_variant *variant, const struct start *start, struct plan *out,
               struct err *err)
{
    struct plan plan = {.variant = NULL};
    struct completion c = {
        .arena = arena, .file = file, .compiled = &variant->plan, .start = start, .plan = &plan};
    int rc = 0;

    completion_read_command(&c);
    copy_plan(&c);
    grant_project(&c);
    copy_landlock(&c);
    c.cwd_is_settled = tree_is_settled(&c.tree, start->cwd);
    add_cwd(&c);
    link_called_path(&c);
    expose_arguments(&c);
    expose_variables(&c);
    if (c.lost != NULL)
        return err_plain(err, EPERM, "%s", c.lost);
    rc = place_all(&c, err);
    if (rc < 0)
        return rc;
    tree_join(&c.tree);
    *out = plan;
    return 0;
}
