/* A made-up host, and a plan like those that are computed, for tests of one start. */
#ifndef SVENV_TEST_PLAN_HOST_H
#define SVENV_TEST_PLAN_HOST_H

#include <errno.h>
#include <string.h>

#include "svenv/base/follow.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/start/start.h"

struct host_file {
    const char *path;
    enum path_kind kind;
    const char *text; /* content; for a symlink its target */
    bool symlink;
};

/* Every path that exists, terminated by a NULL path. Directories above them exist as well. */
struct host {
    const struct host_file *files;
    unsigned questions;
};

static inline const struct host_file *host_find(const struct host *host, const char *path)
{
    for (const struct host_file *file = host->files; file->path != NULL; file++) {
        if (str_eq(file->path, path))
            return file;
    }
    return NULL;
}

static inline bool host_is_parent(const struct host *host, const char *path)
{
    for (const struct host_file *file = host->files; file->path != NULL; file++) {
        if (path_is_beneath(file->path, path))
            return true;
    }
    return false;
}

static inline int host_link(void *context, struct arena *arena, const char *path,
                            const char **text_out)
{
    struct host *host = context;
    const struct host_file *file = host_find(host, path);

    (void)arena;
    host->questions++;
    if (file != NULL && file->symlink)
        *text_out = file->text;
    return host_is_parent(host, path) ? 0 : -ENOENT;
}

static inline int host_ask(void *context, const char *path, const char **text_out)
{
    return host_link(context, NULL, path, text_out);
}

static inline const char *host_real(void *context, struct arena *arena, const char *path)
{
    struct followed way;

    return follow_path(arena, path, host_ask, context, &way) == 0 ? way.real : NULL;
}

static inline enum path_kind host_kind(void *context, const char *path)
{
    struct arena arena = {NULL};
    const char *real = host_real(context, &arena, path);
    const struct host_file *file = real != NULL ? host_find(context, real) : NULL;
    enum path_kind kind = file != NULL ? file->kind : PATH_DIR;

    if (real == NULL)
        kind = PATH_ABSENT;
    arena_finish(&arena);
    return kind;
}

static inline const char *host_text(void *context, struct arena *arena, const char *path)
{
    const char *real = host_real(context, arena, path);
    const struct host_file *file = real != NULL ? host_find(context, real) : NULL;

    return file != NULL ? file->text : NULL;
}

#define HOME "/home/u"
#define PROJECT HOME "/proj"
#define VENV PROJECT "/.venv"
#define TEMP "/tmp/sandbox-venv-0123"

/* A plan of one venv in $HOME: the default variant, and an installer's. */
static inline void host_plan(struct plan_file *file, struct plan *plan, uint32_t flags)
{
    static const struct {
        enum plan_op_kind kind;
        const char *src, *dest;
        uint32_t flags;
        const char *base; /* of a directory of ours */
    } ops[] = {
        {PLAN_DIR, NULL, "/usr", 0, NULL},
        {PLAN_DIR, NULL, "/home", 0, NULL},
        {PLAN_DIR, NULL, HOME, 0, NULL},
        {PLAN_DIR, NULL, "/tmp", 0, NULL},
        {PLAN_DIR, NULL, "/run", 0, NULL},
        {PLAN_SYMLINK, "usr/bin", "/bin", 0, NULL},
        {PLAN_BIND, "/usr", "/usr", 0, NULL},
        {PLAN_BIND, VENV "/sandbox/etc", "/etc", 0, VENV "/sandbox/etc"},
        {PLAN_PROC, NULL, "/proc", 0, NULL},
        {PLAN_TMPFS, NULL, "/scratch", 0, NULL},
        {PLAN_BIND, TEMP "/tmp", "/tmp", PLAN_RW | PLAN_HOSTILE, "/tmp"},
        {PLAN_BIND, TEMP "/run", "/run/user/1000", PLAN_RW | PLAN_HOSTILE, "/tmp"},
        {PLAN_BIND, VENV "/home", HOME, PLAN_RW | PLAN_HOSTILE, VENV "/home"},
        {PLAN_BIND, VENV "/cache", HOME "/.cache", PLAN_RW | PLAN_HOSTILE, VENV "/cache"},
        {PLAN_BIND, PROJECT, PROJECT, PLAN_RW | PLAN_HOSTILE | PLAN_PROJECT, NULL},
        {PLAN_MASK, NULL, PROJECT "/secrets", PLAN_PROJECT | PLAN_TRY, NULL},
        {PLAN_BIND, VENV, VENV, PLAN_HOSTILE, NULL},
        {PLAN_MASK, NULL, VENV "/sandbox", 0, NULL},
        {PLAN_BIND, "/opt/models", "/opt/models", 0, NULL},
    };

    plan_file_init(file);
    file->venv = VENV;
    file->project = PROJECT;
    file->home = HOME;
    file->temp_base = TEMP;
    *plan = (struct plan){.variant = "default", .flags = flags | PLAN_USE_LANDLOCK};
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        struct plan_op *op =
            plan_add(&file->arena, plan, ops[i].kind, ops[i].src, ops[i].dest, "default");

        op->flags = ops[i].flags | (ops[i].base ? (uint32_t)PLAN_OWN : 0);
        op->base = ops[i].base ? (uint32_t)strlen(ops[i].base) : 0;
    }
    struct plan_landlock *rule =
        arena_push(&file->arena, &plan->landlock, &plan->landlock_count, sizeof(*rule));
    rule->path = PROJECT;
    rule->write = true;
}

/* The operation on `dest` after the first `skip` ones, NULL: none. */
static inline const struct plan_op *host_op(const struct plan *plan, enum plan_op_kind kind,
                                            const char *dest)
{
    for (size_t i = 0; i < plan->op_count; i++) {
        if (plan->ops[i].kind == kind && str_eq(plan->ops[i].dest, dest))
            return &plan->ops[i];
    }
    return NULL;
}

static inline const struct plan_node *host_node(const struct plan *plan, const char *base,
                                                const char *rel)
{
    for (size_t i = 0; i < plan->node_count; i++) {
        if (str_eq(plan->nodes[i].base, base) && str_eq(plan->nodes[i].rel, rel))
            return &plan->nodes[i];
    }
    return NULL;
}

#endif
