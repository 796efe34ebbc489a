/* Lists the names that must not appear in the project while programs run: the launcher watches for
 * them. */
#include <stdlib.h>
#include <string.h>

#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

static bool guards_has(const struct plan_guard *guards, size_t count, const struct plan_guard *one)
{
    for (size_t i = 0; i < count; i++) {
        if (guards[i].action == one->action && guards[i].anywhere == one->anywhere &&
            str_eq(guards[i].pattern, one->pattern))
            return true;
    }
    return false;
}

static void guards_add(struct arena *arena, struct plan_guard **guards, size_t *count,
                       const struct plan_guard *one)
{
    if (!guards_has(*guards, *count, one))
        *(struct plan_guard *)arena_push(arena, guards, count, sizeof(*one)) = *one;
}

/* A name that a person wants to be writable is not moved away when it appears. */
static bool is_granted(const struct compute *c, const char *path)
{
    for (size_t i = 0; i < c->share_count; i++) {
        const struct share *share = &c->shares[i];

        if (share->rank == RANK_POLICY && (share->mount.flags & PLAN_RW) &&
            str_eq(share->mount.dest, path))
            return true;
    }
    return false;
}

static void guards_add_item(struct compute *c, const struct policy_item *item,
                            enum plan_guard_action action)
{
    const char *path = NULL;
    struct plan_guard guard = {.action = action};

    if (compute_expand(c, item, item->text, &path, NULL) < 0)
        return; /* said already, by compute_protection() */
    guard.pattern = path_relative_to(path, c->venv->project);
    if (guard.pattern == NULL || *guard.pattern == '\0' || is_granted(c, path))
        return;
    guard.anywhere = action == PLAN_GUARD_TAKE && compute_is_anywhere(item->text);
    if (guard.anywhere && str_eq(guard.pattern, GUARD_BYTECODE))
        guard.action = PLAN_GUARD_BYTECODE;
    guards_add(c->arena, &c->plan->guards, &c->plan->guard_count, &guard);
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
static void guards_add_parts(struct compute *c, const struct fact_tree *tree)
{
    for (size_t i = 0; repository_part(i) != NULL; i++) {
        const char *path = compute_join(c, tree->path, repository_part(i));
        const char *rel = path_relative_to(path, c->venv->project);
        const struct plan_guard guard = {.pattern = plain_pattern(c->arena, rel),
                                         .action = PLAN_GUARD_TAKE};

        if (!is_granted(c, path))
            guards_add(c->arena, &c->plan->guards, &c->plan->guard_count, &guard);
    }
}

void compute_guards(struct compute *c)
{
    static const struct {
        enum policy_field field;
        enum plan_guard_action action;
    } rows[] = {{POLICY_FS_HIDE, PLAN_GUARD_HIDE}, {POLICY_FS_PROTECT, PLAN_GUARD_TAKE}};

    if (c->project != PROJECT_RW && c->project != PROJECT_ARGUMENTS)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct policy_value *value = &c->values->v[rows[i].field];

        for (size_t j = 0; j < value->count; j++)
            guards_add_item(c, &value->items[j], rows[i].action);
    }
    for (size_t i = 0; compute_protects_git(c) && i < c->facts->tree_count; i++) {
        if (compute_is_parted(c, &c->facts->trees[i]))
            guards_add_parts(c, &c->facts->trees[i]);
    }
}

static int guards_compare_known(const void *a, const void *b)
{
    return strcmp(((const struct plan_known *)a)->rel, ((const struct plan_known *)b)->rel);
}

static void add_known(struct plan_file *file, const struct fact_path *fact)
{
    const char *rel = path_relative_to(fact->path, file->project);
    struct plan_known *known = NULL;

    if (rel == NULL || *rel == '\0' || fact->kind == FACT_ABSENT ||
        plan_guard_of(file->guards, file->guard_count, rel, path_basename(rel)) == NULL)
        return;
    known = arena_push(&file->arena, &file->known, &file->known_count, sizeof(*known));
    *known = (struct plan_known){.rel = rel,
                                 .link = fact->kind == FACT_SYMLINK,
                                 .dev = fact->dev,
                                 .ino = fact->ino,
                                 .ctime_ns = fact->ctime_ns};
}

void compute_places(struct plan_file *file, const struct facts *facts)
{
    struct arena *arena = &file->arena;

    for (size_t i = 0; i < file->variant_count; i++) {
        const struct plan *plan = &file->variants[i].plan;

        for (size_t j = 0; j < plan->guard_count; j++)
            guards_add(arena, &file->guards, &file->guard_count, &plan->guards[j]);
    }
    if (file->guard_count == 0 || facts->place_count == 0)
        return;
    file->places_cut = facts->places_cut;
    file->place_count = facts->place_count;
    file->places = arena_alloc(arena, facts->place_count * sizeof(*file->places));
    memcpy(file->places, facts->places, facts->place_count * sizeof(*file->places));
    for (size_t i = 0; i < facts->path_count; i++)
        add_known(file, &facts->paths[i]);
    if (file->known_count > 0)
        qsort(file->known, file->known_count, sizeof(*file->known), guards_compare_known);
}
