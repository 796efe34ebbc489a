/* Adds what one start shows to the plan's mounts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

#define EXPOSURES_MAX 256

/* Where ttyname(3) finds a terminal that has no name in the sandbox's own /dev/pts. */
#define CONSOLE "/dev/console"

/* The places that this start shows, parents before those that lie in them. */
struct placer {
    struct completion *c;
    struct exposure *accepted;
    size_t accepted_count;
};

/* The accepted directory that shows `path`, NULL: none. */
static const struct exposure *shown_by(const struct placer *p, const char *path)
{
    const struct exposure *found = NULL;

    for (size_t i = 0; i < p->accepted_count; i++) {
        if (path_is_beneath(path, p->accepted[i].path))
            found = &p->accepted[i];
    }
    return found;
}

static void add_landlock(struct completion *c, const char *path, bool write)
{
    struct plan_landlock *rule = NULL;

    if ((c->plan->flags & PLAN_USE_LANDLOCK) == 0)
        return;
    rule = arena_push(c->arena, &c->plan->landlock, &c->plan->landlock_count, sizeof(*rule));
    *rule = (struct plan_landlock){
        .path = path, .write = write, .connect = c->plan->landlock_abi >= PLAN_ABI_WITH_SOCKETS};
}

/* For the audit log: a program will miss what its caller named. */
static void note_refusal(struct completion *c, const struct exposure *one, const char *why,
                         bool told)
{
    struct plan_refusal *refusal =
        arena_push(c->arena, &c->plan->refusals, &c->plan->refusal_count, sizeof(*refusal));

    *refusal =
        (struct plan_refusal){.path = one->path, .origin = one->origin, .why = why, .told = told};
}

/* Why the caller's variable may be a program's word: code in the sandbox could have written it
 * where the caller's tools load variables from. NULL: it is the caller's own. */
static const char *mistrust(struct completion *c, const struct exposure *one)
{
    const struct host_view *host = &c->start->host;
    const char *file = one->variable != NULL && host->loaded != NULL
                           ? host->loaded(host->context, c->arena, one->variable)
                           : NULL;

    if (file == NULL)
        return NULL;
    return arena_printf(
        c->arena,
        "the variable may come from '%s', which programs can have written: name the "
        "path in filesystem.read or filesystem.write instead",
        file);
}

static void accept(struct placer *p, const struct exposure *one)
{
    struct completion *c = p->c;
    const struct exposure *parent = shown_by(p, one->path);
    struct exposure *slot = NULL;
    const char *why = NULL;

    if (one->empty || tree_is_settled(&c->tree, one->path) ||
        (parent != NULL && (parent->rw || !one->rw)))
        return;
    why = deny_reason(c, one->path, one->directory, one->rw);
    if (why != NULL) {
        note_refusal(c, one, why, false);
        return;
    }
    why = mistrust(c, one);
    if (why != NULL) {
        note_refusal(c, one, why, true);
        return;
    }
    add_landlock(c, one->path, one->rw);
    slot = arena_push(c->arena, &p->accepted, &p->accepted_count, sizeof(*slot));
    *slot = *one;
}

/* Equal paths: the writable one first, so that the other adds nothing. */
static int compare_exposures(const void *a, const void *b)
{
    const struct exposure *left = a;
    const struct exposure *right = b;
    int order = strcmp(left->path, right->path);

    return order != 0 ? order : (int)right->rw - (int)left->rw;
}

/* In a directory that everybody writes to, a path could be exchanged for a symlink as well. */
static bool is_in_shared_tmp(const char *path)
{
    return path_is_beneath(path, "/tmp") || path_is_beneath(path, "/var/tmp");
}

static int add_accepted(struct completion *c, const struct exposure *one, struct err *err)
{
    /* A path that goes away between the look and the mount is simply not there. */
    const struct tree_bind bind = {.src = one->path,
                                   .dest = one->path,
                                   .flags =
                                       (uint32_t)PLAN_TRY | (one->rw ? (uint32_t)PLAN_RW : 0) |
                                       (is_in_shared_tmp(one->path) ? (uint32_t)PLAN_HOSTILE : 0),
                                   .directory = one->directory,
                                   .origin = one->origin};

    return tree_add(&c->tree, &bind, err);
}

/* A directory that only has to exist: something may show it, or lie in it. */
static int add_empty(struct placer *p, const struct exposure *one, struct err *err)
{
    struct mount_tree *tree = &p->c->tree;

    if (tree_is_settled(tree, one->path) || shown_by(p, one->path) != NULL ||
        tree_holds(tree, one->path, true))
        return 0;
    add_landlock(p->c, one->path, false);
    return tree_point(tree, one->path, true, PLAN_TRY, one->origin, err);
}

/* A link whose name is taken is not made: the file that is there stays. */
static int add_links(struct completion *c, struct err *err)
{
    for (size_t i = 0; i < c->link_count; i++) {
        const struct follow_link *link = &c->links[i].link;
        int rc = 0;

        if (tree_is_settled(&c->tree, c->links[i].leads_to))
            rc = tree_link(&c->tree, link->path, link->target, "symbolic link on the way", NULL);
        if (rc < 0 && rc != -EEXIST)
            return err_set(err, -rc, "cannot make the symbolic link '%s'", link->path);
    }
    return 0;
}

/* At its own name, which the host's /dev/pts has and the sandbox's has not. */
static int add_terminal(struct completion *c, struct err *err)
{
    const struct tree_bind bind = {.src = c->start->terminal,
                                   .dest = CONSOLE,
                                   .flags = PLAN_RW | PLAN_DEVICES | PLAN_IDENTITY | PLAN_TRY,
                                   .origin = "terminal",
                                   .dev = c->start->terminal_dev,
                                   .ino = c->start->terminal_ino};

    return tree_add(&c->tree, &bind, err);
}

int place_all(struct completion *c, struct err *err)
{
    struct placer p = {.c = c};
    bool has_console = c->start->terminal != NULL && !tree_is_settled(&c->tree, CONSOLE);
    int rc = 0;

    if (c->shown_count > 0)
        qsort(c->shown, c->shown_count, sizeof(*c->shown), compare_exposures);
    for (size_t i = 0; i < c->shown_count; i++)
        accept(&p, &c->shown[i]);
    if (p.accepted_count > EXPOSURES_MAX)
        return err_plain(err, E2BIG,
                         "the command line names %zu files outside the sandbox, more than %d: name "
                         "their directory under filesystem.read in the policy",
                         p.accepted_count, EXPOSURES_MAX);
    for (size_t i = 0; rc == 0 && i < c->shown_count; i++)
        rc = c->shown[i].empty ? add_empty(&p, &c->shown[i], err) : 0;
    for (size_t i = 0; rc == 0 && i < p.accepted_count; i++)
        rc = add_accepted(c, &p.accepted[i], err);
    if (rc == 0)
        rc = add_links(c, err);
    if (rc == 0 && has_console)
        rc = add_terminal(c, err);
    return rc;
}
