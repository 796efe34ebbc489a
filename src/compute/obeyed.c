/* Lists the names that must not appear in the project while programs run: the guard watches for
 * them. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

static bool obeyed_has(const struct plan_obeyed *obeyed, size_t count,
                       const struct plan_obeyed *one)
{
    for (size_t i = 0; i < count; i++) {
        if (obeyed[i].action == one->action && obeyed[i].anywhere == one->anywhere &&
            str_eq(obeyed[i].pattern, one->pattern))
            return true;
    }
    return false;
}

static void obeyed_add(struct arena *arena, struct plan_obeyed **obeyed, size_t *count,
                       const struct plan_obeyed *one)
{
    if (!obeyed_has(*obeyed, *count, one))
        *(struct plan_obeyed *)arena_push(arena, obeyed, count, sizeof(*one)) = *one;
}

static unsigned obeyed_rank(const struct plan_obeyed *one)
{
    unsigned letter = one->first != '\0' ? (unsigned char)one->first : 256u;

    return (one->action == PLAN_OBEYED_HIDE ? 0 : 257) + letter;
}

/* Puts those with the same first letter together, in their order: names are compared with these
 * alone. Hidden names stay first, and patterns for any letter last. */
static void obeyed_sort(struct plan_obeyed *obeyed, size_t count)
{
    plan_obeyed_settle(obeyed, count);
    for (size_t i = 1; i < count; i++) {
        const struct plan_obeyed one = obeyed[i];
        size_t at = i;

        for (; at > 0 && obeyed_rank(&obeyed[at - 1]) > obeyed_rank(&one); at--)
            obeyed[at] = obeyed[at - 1];
        obeyed[at] = one;
    }
    plan_obeyed_settle(obeyed, count);
}

/* A name that a person wants to be writable is not moved away when it appears. */
static bool is_granted(const struct compute *c, const char *path)
{
    for (size_t i = 0; i < c->bind_count; i++) {
        const struct bind *bind = &c->binds[i];

        if (bind->rank == RANK_POLICY && (bind->mount.flags & PLAN_RW) &&
            str_eq(bind->mount.dest, path))
            return true;
    }
    return false;
}

static void obeyed_add_item(struct compute *c, const struct policy_item *item,
                            enum plan_obeyed_action action)
{
    const char *path = NULL;
    struct plan_obeyed obeyed = {.action = action};

    if (compute_expand(c, item, item->text, &path, NULL) < 0)
        return; /* said already, by compute_protection() */
    obeyed.pattern = path_relative_to(path, c->venv->project);
    if (obeyed.pattern == NULL || *obeyed.pattern == '\0' || is_granted(c, path))
        return;
    obeyed.anywhere = action == PLAN_OBEYED_TAKE && compute_is_anywhere(item->text);
    if (obeyed.anywhere && str_eq(obeyed.pattern, GUARD_BYTECODE))
        obeyed.action = PLAN_OBEYED_BYTECODE;
    obeyed_add(c->arena, &c->plan->obeyed, &c->plan->obeyed_count, &obeyed);
}

/* A path that stands for itself. */
static const char *plain_pattern(struct arena *arena, const char *path)
{
    auto_buf struct buf text = {0};

    for (; *path; path++) {
        if (strchr("*?\\", *path) != NULL)
            buf_add_char(&text, '\\');
        buf_add_char(&text, *path);
    }
    return arena_strdup(arena, text.data);
}

/* A part that is missing must not be added. */
static void obeyed_add_parts(struct compute *c, const struct fact_tree *tree)
{
    for (size_t i = 0; repository_part(i) != NULL; i++) {
        const char *path = compute_join(c, tree->path, repository_part(i));
        const char *rel = path_relative_to(path, c->venv->project);
        const struct plan_obeyed obeyed = {.pattern = plain_pattern(c->arena, rel),
                                           .action = PLAN_OBEYED_TAKE};

        if (!is_granted(c, path))
            obeyed_add(c->arena, &c->plan->obeyed, &c->plan->obeyed_count, &obeyed);
    }
}

/* A name that comes in the place of a lead is obeyed. Another name of a file is a lead only as long
 * as it is that file. */
static void obeyed_add_lead(struct compute *c, const struct fact_lead *lead)
{
    const char *rel = path_relative_to(lead->path, c->venv->project);
    const struct plan_obeyed obeyed = {.pattern = plain_pattern(c->arena, rel),
                                       .action = PLAN_OBEYED_TAKE};

    if (lead->kind != LEAD_TWIN && compute_lead_counts(c, lead))
        obeyed_add(c->arena, &c->plan->obeyed, &c->plan->obeyed_count, &obeyed);
}

bool compute_opens_venv(const struct policy_values *values, const char *name)
{
    const struct policy_value *value = &values->v[POLICY_FS_VIRTUALENVS];

    for (size_t i = 0; i < value->count; i++) {
        if (strcasecmp(value->items[i].text, name) == 0)
            return true;
    }
    return false;
}

/* Tools of the host start the python of such a virtualenv, and shells read its activate, for its
 * name alone. A directory of that name that is none may hold whatever programs like, so the parts
 * are taken away that make it one. */
static void obeyed_add_venv(struct compute *c, const char *name)
{
    struct plan_obeyed obeyed = {.action = PLAN_OBEYED_TAKE};

    if (compute_opens_venv(c->values, name) ||
        is_granted(c, compute_join(c, c->venv->project, name)))
        return;
    for (size_t i = 0; layout_venv_marks[i] != NULL; i++) {
        obeyed.pattern = compute_join(c, name, layout_venv_marks[i]);
        obeyed_add(c->arena, &c->plan->obeyed, &c->plan->obeyed_count, &obeyed);
    }
}

static void obeyed_add_path(struct compute *c, const char *path, enum plan_obeyed_action action)
{
    const char *rel = path_relative_to(path, c->venv->project);
    struct plan_obeyed obeyed = {.action = action};

    if (rel == NULL || *rel == '\0' || is_granted(c, path))
        return;
    obeyed.pattern = plain_pattern(c->arena, rel);
    obeyed_add(c->arena, &c->plan->obeyed, &c->plan->obeyed_count, &obeyed);
}

/* A name that is a link obeys every other link on the way, and a target that is not there yet. */
static void obeyed_add_way(struct compute *c, const struct fact_path *fact)
{
    const char *rel = path_relative_to(fact->path, c->venv->project);
    const struct plan_obeyed *found = NULL;
    struct resolved real = {.links = NULL};

    if (rel != NULL && *rel != '\0')
        found = plan_obeyed_find(c->plan->obeyed, c->plan->obeyed_count, rel, path_basename(rel));
    if (found == NULL || found->action == PLAN_OBEYED_BYTECODE ||
        compute_resolve(c, fact->path, &real, NULL) < 0)
        return;
    enum plan_obeyed_action action = found->action;

    for (size_t i = 0; action == PLAN_OBEYED_TAKE && i < real.link_count; i++) {
        if (!str_eq(real.links[i].path, fact->path))
            obeyed_add_path(c, real.links[i].path, action);
    }
    if (real.fact.kind == FACT_ABSENT)
        obeyed_add_path(c, real.fact.path, action);
}

void compute_obeyed(struct compute *c)
{
    static const struct {
        enum policy_field field;
        enum plan_obeyed_action action;
    } rows[] = {{POLICY_FS_HIDE, PLAN_OBEYED_HIDE}, {POLICY_FS_PROTECT, PLAN_OBEYED_TAKE}};

    if (c->project != PROJECT_RW && c->project != PROJECT_ARGUMENTS)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct policy_value *value = &c->values->v[rows[i].field];

        for (size_t j = 0; j < value->count; j++)
            obeyed_add_item(c, &value->items[j], rows[i].action);
    }
    for (size_t i = 0; compute_protects_git(c) && i < c->facts->tree_count; i++) {
        if (compute_is_parted(c, &c->facts->trees[i]))
            obeyed_add_parts(c, &c->facts->trees[i]);
    }
    for (size_t i = 0; i < c->facts->lead_count; i++)
        obeyed_add_lead(c, &c->facts->leads[i]);
    for (size_t i = 0; layout_usual_venvs[i] != NULL; i++)
        obeyed_add_venv(c, layout_usual_venvs[i]);
    for (size_t i = 0; i < c->facts->path_count; i++) {
        if (c->facts->paths[i].kind == FACT_SYMLINK)
            obeyed_add_way(c, &c->facts->paths[i]);
    }
    obeyed_sort(c->plan->obeyed, c->plan->obeyed_count);
}

static int obeyed_compare_present(const void *a, const void *b)
{
    return strcmp(((const struct plan_present *)a)->rel, ((const struct plan_present *)b)->rel);
}

static void add_present(struct plan_file *file, const struct fact_path *fact)
{
    const char *rel = path_relative_to(fact->path, file->project);
    struct plan_present *present = NULL;

    if (rel == NULL || *rel == '\0' || fact->kind == FACT_ABSENT ||
        plan_obeyed_find(file->obeyed, file->obeyed_count, rel, path_basename(rel)) == NULL)
        return;
    present = arena_push(&file->arena, &file->present, &file->present_count, sizeof(*present));
    *present = (struct plan_present){.rel = rel,
                                     .link = fact->kind == FACT_SYMLINK,
                                     .dev = fact->dev,
                                     .ino = fact->ino,
                                     .ctime_ns = fact->ctime_ns};
}

void compute_seen(struct plan_file *file, const struct facts *facts)
{
    struct arena *arena = &file->arena;

    for (size_t i = 0; i < file->variant_count; i++) {
        const struct plan *plan = &file->variants[i].plan;

        for (size_t j = 0; j < plan->obeyed_count; j++)
            obeyed_add(arena, &file->obeyed, &file->obeyed_count, &plan->obeyed[j]);
    }
    obeyed_sort(file->obeyed, file->obeyed_count);
    if (file->obeyed_count == 0 || facts->seen_count == 0)
        return;
    file->seen_count = facts->seen_count;
    file->seen = arena_alloc(arena, facts->seen_count * sizeof(*file->seen));
    memcpy(file->seen, facts->seen, facts->seen_count * sizeof(*file->seen));
    for (size_t i = 0; i < facts->path_count; i++)
        add_present(file, &facts->paths[i]);
    if (file->present_count > 0)
        qsort(file->present, file->present_count, sizeof(*file->present), obeyed_compare_present);
}
