/* Takes away parts of the trees that the policy shows: protect and hide, other venvs and
 * repositories. */
#include <errno.h>
#include <string.h>

#include "svenv/base/danger.h"
#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

bool compute_is_anywhere(const char *text)
{
    return text[0] != '~' && text[0] != '/' && !str_starts(text, "./");
}

static bool is_writable(const struct compute *c, const char *path)
{
    for (size_t i = 0; i < c->bind_count; i++) {
        const struct tree_bind *bind = &c->binds[i].mount;

        if ((bind->flags & PLAN_RW) && path_is_beneath(path, bind->dest))
            return true;
    }
    return false;
}

typedef int path_fn(struct compute *c, const char *path, const char *origin, struct err *err);

/* A mount cannot protect a symlink: the program could put something else in its place. */
static int protect(struct compute *c, const char *path, const char *origin, struct err *err)
{
    struct resolved real = {.links = NULL};
    int rc;

    if (!is_writable(c, path))
        return 0;
    rc = compute_resolve(c, path, &real, err);
    for (size_t i = 0; rc == 0 && i < real.link_count; i++) {
        if (is_writable(c, real.links[i].path))
            return err_plain(err, ELOOP,
                             "%s: '%s' cannot be protected, because '%s' is a symbolic link: "
                             "replace the link by a copy, or give the protection up with \"!NAME\"",
                             origin, path, real.links[i].path);
    }
    if (rc < 0 || real.fact.kind == FACT_ABSENT)
        return rc;
    compute_bind(c, path, path, real.fact.kind == FACT_DIR, 0, RANK_PROTECT, origin)->protects =
        true;
    return 0;
}

/* Protects the file that the name is or leads to; the launcher takes away a name that comes in a
 * link's place. */
static int protect_target(struct compute *c, const char *path, const char *origin, struct err *err)
{
    struct resolved real = {.links = NULL};

    if (compute_resolve(c, path, &real, NULL) < 0 || real.fact.kind == FACT_ABSENT ||
        !is_writable(c, real.fact.path))
        return 0;
    return protect(c, real.fact.path, origin, err);
}

/* A link is no reason to refuse a start: the launcher takes away what comes in its place. */
static int protect_found(struct compute *c, const struct fact_path *fact, const char *origin,
                         struct err *err)
{
    return fact->kind == FACT_SYMLINK ? protect_target(c, fact->path, origin, err)
                                      : protect(c, fact->path, origin, err);
}

static int protect_named(struct compute *c, const char *path, const char *origin, struct err *err)
{
    const struct fact_path fact = compute_fact(c, path);

    return path_is_beneath(path, c->venv->project) ? protect_found(c, &fact, origin, err)
                                                   : protect(c, path, origin, err);
}

/* The target of a hidden symlink is hidden: the link alone tells nothing. A link in a circle leads
 * nowhere. */
static int hide(struct compute *c, const char *path, const char *origin, struct err *err)
{
    struct resolved real = {.links = NULL};
    int rc = compute_resolve(c, path, &real, err);

    if (rc == -ELOOP)
        return 0;
    if (rc < 0 || real.fact.kind == FACT_ABSENT)
        return rc;
    compute_bind(c, NULL, real.fact.path, real.fact.kind == FACT_DIR, 0, RANK_HIDE, origin);
    return 0;
}

/* Names are protected in every directory of the project that the facts know, and hidden at the
 * place that is named. */
static bool protection_fits(const struct compute *c, const char *pattern, bool anywhere,
                            const struct fact_path *fact)
{
    const struct plan_obeyed one = {.pattern = path_relative_to(pattern, c->venv->project),
                                    .anywhere = anywhere,
                                    .action = anywhere ? PLAN_OBEYED_TAKE : PLAN_OBEYED_HIDE};
    const char *rel = path_relative_to(fact->path, c->venv->project);

    return fact->kind != FACT_ABSENT && one.pattern != NULL && rel != NULL && *rel != '\0' &&
           plan_obeyed_fits(&one, rel);
}

static int each_match(struct compute *c, const struct policy_item *item, path_fn *apply,
                      struct err *err)
{
    const char *origin = compute_origin(item->origin);
    bool is_pattern = item->text[strcspn(item->text, "*?")] != '\0';
    bool relative = item->text[0] != '/' && item->text[0] != '~';
    bool anywhere = apply == protect && compute_is_anywhere(item->text);
    bool found = apply == protect && relative; /* the survey knows it, and the guard watches it */
    const char *path = NULL;
    int rc;

    if (apply == protect && str_eq(item->text, GUARD_BYTECODE))
        return 0; /* Python must be able to make it: it is removed afterwards instead */
    if (relative && c->project == PROJECT_NONE)
        return 0; /* names in the project, and there is none inside */
    rc = compute_expand(c, item, item->text, &path, err);
    if (rc == 0 && !is_pattern && found)
        rc = protect_named(c, path, origin, err);
    else if (rc == 0 && !is_pattern)
        rc = apply(c, path, origin, err);
    for (size_t i = 0; rc == 0 && i < c->facts->path_count; i++) {
        const struct fact_path *fact = &c->facts->paths[i];

        if (!str_eq(fact->path, path) && protection_fits(c, path, anywhere, fact))
            rc = found ? protect_found(c, fact, origin, err) : apply(c, fact->path, origin, err);
    }
    return rc;
}

/* The project is a worktree: the repository that its .git file leads to, read-only. */
static void show_repository(struct compute *c)
{
    const char *path = c->facts->repository;
    uint32_t flags = PLAN_TRY | (c->project == PROJECT_ARGUMENTS ? PLAN_PROJECT : 0);

    if (path != NULL && compute_check_grant(c, path, DANGER_READ, ORIGIN_DEFAULT, NULL) == 0)
        compute_bind(c, path, path, true, flags, RANK_TREE, NULL)->reveals = true;
}

bool compute_protects_git(const struct compute *c)
{
    const struct policy_value *value = &c->values->v[POLICY_FS_PROTECT];

    for (size_t i = 0; i < value->count; i++) {
        const char *text = value->items[i].text;

        if (compute_is_anywhere(text) && str_glob_any_case(text, REPOSITORY_DOT_GIT))
            return true;
    }
    return false;
}

bool compute_is_parted(const struct compute *c, const struct fact_tree *tree)
{
    return tree->kind == FACT_REPOSITORY && path_is_beneath(c->venv->path, tree->path);
}

static int protect_parts(struct compute *c, const char *path, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && repository_part(i) != NULL; i++)
        rc = protect_target(c, compute_join(c, path, repository_part(i)), ORIGIN_DEFAULT, err);
    return rc;
}

/* filesystem.write is a person's word for all that is in a tree. */
static bool is_opened(const struct compute *c, const char *path)
{
    for (size_t i = 0; i < c->bind_count; i++) {
        const struct bind *bind = &c->binds[i];

        if (bind->rank == RANK_POLICY && (bind->mount.flags & PLAN_RW) &&
            path_is_beneath(path, bind->mount.dest))
            return true;
    }
    return false;
}

/* Directories that nobody could look into are read-only where other names are. */
static bool is_closed_here(const struct compute *c, const struct fact_tree *tree)
{
    return c->values->v[POLICY_FS_PROTECT].count > 0 && !is_opened(c, tree->path);
}

/* The project itself may be closed: it is shown read-only then. */
static int protect_closed(struct compute *c, const char *path, struct err *err)
{
    bool shown = false;

    for (size_t i = 0; i < c->bind_count; i++) {
        struct tree_bind *bind = &c->binds[i].mount;

        if ((bind->flags & PLAN_RW) && str_eq(bind->dest, path)) {
            bind->flags &= ~(uint32_t)PLAN_RW;
            shown = true;
        }
    }
    return shown ? 0 : protect(c, path, ORIGIN_DEFAULT, err);
}

/* Another venv in the project is as good a way to code on the host as the own one
 * (docs/SECURITY.md, C29), and the configuration of a repository runs programs, also of one without
 * any .git (docs/SECURITY.md, C24). In a directory that nobody could look into there may be either.
 */
static int protect_trees(struct compute *c, struct err *err)
{
    bool with_git = compute_protects_git(c);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->facts->tree_count; i++) {
        const struct fact_tree *tree = &c->facts->trees[i];

        if ((tree->kind == FACT_REPOSITORY && !with_git) ||
            (tree->kind == FACT_CLOSED && !is_closed_here(c, tree)))
            continue;
        if (tree->kind == FACT_CLOSED)
            rc = protect_closed(c, tree->path, err);
        else if (compute_is_parted(c, tree))
            rc = protect_parts(c, tree->path, err);
        else
            rc = protect(c, tree->path, ORIGIN_DEFAULT, err);
        if (rc == 0 && tree->kind == FACT_VENV)
            rc = hide(c, compute_join(c, tree->path, VENV_SANDBOX), ORIGIN_DEFAULT, err);
    }
    return rc;
}

/* Is the name, or something above it, one that an entry of the policy names? */
static bool is_named_by(const struct compute *c, enum policy_field field, const char *path)
{
    const struct policy_value *value = &c->values->v[field];

    for (size_t i = 0; i < value->count; i++) {
        const struct policy_item *item = &value->items[i];
        const char *pattern = NULL;
        bool anywhere = field == POLICY_FS_PROTECT && compute_is_anywhere(item->text);
        const struct fact_path fact = {.path = path, .kind = FACT_FILE};

        if (compute_expand(c, item, item->text, &pattern, NULL) == 0 &&
            path_is_beneath(pattern, c->venv->project) &&
            protection_fits(c, pattern, anywhere, &fact))
            return true;
    }
    return false;
}

bool compute_lead_counts(const struct compute *c, const struct fact_lead *lead)
{
    if (is_opened(c, lead->path))
        return false;
    return lead->kind == LEAD_GIT ? compute_protects_git(c)
                                  : is_named_by(c, POLICY_FS_PROTECT, lead->of);
}

/* A name of a hidden file is hidden, whatever else it is. */
static int protect_lead(struct compute *c, const struct fact_lead *lead, struct err *err)
{
    const struct fact_path fact = compute_fact(c, lead->path);

    if (lead->kind == LEAD_TWIN && is_named_by(c, POLICY_FS_HIDE, lead->of) &&
        !is_opened(c, lead->path))
        return hide(c, lead->path, lead->why, err);
    /* No mount protects a link: the launcher takes away what comes in its place. */
    if (fact.kind == FACT_SYMLINK || !compute_lead_counts(c, lead))
        return 0;
    return protect(c, lead->path, lead->why, err);
}

static int protect_leads(struct compute *c, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->facts->lead_count; i++)
        rc = protect_lead(c, &c->facts->leads[i], err);
    return rc;
}

int compute_protection(struct compute *c, struct err *err)
{
    static const struct {
        enum policy_field field;
        path_fn *apply;
    } rows[] = {{POLICY_FS_PROTECT, protect}, {POLICY_FS_HIDE, hide}};
    int rc = c->project == PROJECT_NONE ? 0 : protect_trees(c, err);

    if (rc == 0 && c->project != PROJECT_NONE)
        rc = protect_leads(c, err);
    if (c->project != PROJECT_NONE)
        show_repository(c);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct policy_value *value = &c->values->v[rows[i].field];

        for (size_t j = 0; rc == 0 && j < value->count; j++)
            rc = each_match(c, &value->items[j], rows[i].apply, err);
    }
    return rc;
}
