/* The mount tree: the same answers when a plan is computed and when one start opens it again. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/plan/tree.h"

#define HOME "/home/u"
#define PROJECT HOME "/proj"
#define VENV PROJECT "/.venv"
#define TEMP "sandbox-venv-0123"

struct fixture {
    struct arena arena;
    struct plan plan;
    struct mount_tree tree;
    struct err err;
};

/* On this host everything exists but what is called "absent". */
static bool exists(void *context, const char *path)
{
    (void)context;
    return strstr(path, "absent") == NULL;
}

static void identify(void *context, struct plan_op *op)
{
    (void)context;
    op->flags |= PLAN_IDENTITY;
    op->ino = 7;
}

static const struct tree_host host = {.exists = exists, .identify = identify};

static const struct tree_bind binds[] = {
    {.src = "/usr", .dest = "/usr", .directory = true},
    {.src = VENV "/sandbox/etc", .dest = "/etc", .flags = PLAN_OWN, .base = sizeof(VENV) + 11},
    {.src = "/tmp/" TEMP "/tmp", .dest = "/tmp", .flags = PLAN_OWN | PLAN_RW, .base = 4},
    {.src = "/dev/shm/" TEMP, .dest = "/dev/shm", .flags = PLAN_OWN | PLAN_RW, .base = 8},
    {.src = VENV "/home", .dest = HOME, .flags = PLAN_OWN | PLAN_RW, .base = sizeof(VENV) + 4},
    {.src = PROJECT, .dest = PROJECT, .flags = PLAN_RW | PLAN_PROJECT, .directory = true},
    {.src = PROJECT "/a/b/c", .dest = PROJECT "/a/b/c", .flags = PLAN_PROJECT, .directory = true},
    {.dest = PROJECT "/secret", .flags = PLAN_PROJECT, .directory = true},
    {.src = VENV, .dest = VENV, .directory = true},
    {.src = "/data", .dest = "/data", .flags = PLAN_RW, .directory = true},
};

static void add_areas(struct mount_tree *tree)
{
    tree_add_area(tree, PROJECT, true);
    tree_add_area(tree, VENV, true);
    tree_add_area(tree, "/tmp/" TEMP, true);
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){.plan = {.variant = "default"}};
    tree_init(&f->tree, &f->arena, &f->plan, &host);
    add_areas(&f->tree);
    cr_assert_eq(tree_link(&f->tree, "/bin", "usr/bin", "o", &f->err), 0);
    cr_assert_eq(tree_mount(&f->tree, PLAN_PROC, "/proc", 0, 0, "o", &f->err), 0);
    cr_assert_eq(tree_mount(&f->tree, PLAN_TMPFS, "/scratch", 0755, 0, "o", &f->err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(binds); i++)
        cr_assert_eq(tree_add(&f->tree, &binds[i], &f->err), 0, "%zu: %s", i, f->err.msg);
}

/* The plan as it would be stored, and the tree that a start makes of it. */
static void reopen(struct fixture *f, struct plan *compiled, enum tree_grant grant)
{
    tree_join(&f->tree);
    *compiled = f->plan;
    tree_init(&f->tree, &f->arena, &f->plan, NULL);
    add_areas(&f->tree);
    tree_open(&f->tree, compiled);
    f->tree.grant = grant;
}

static void finish(struct fixture *f)
{
    arena_finish(&f->arena);
}

/* --- how a mount point comes to be ---------------------------------------------------------------
 */

static const struct point_case {
    const char *dest;
    const char *made;       /* the directory above it that an operation makes, NULL: none */
    const char *base, *rel; /* the node, NULL: none */
    int code;               /* of the whole, when a plan is computed */
    bool settled;           /* a start adds nothing there */
} points[] = {
    {"/opt/x", "/opt", NULL, NULL, 0, false},
    {"/scratch/a/b", "/scratch/a", NULL, NULL, 0, false},
    {HOME "/x/y", NULL, VENV "/home", "x/y", 0, false},
    {"/tmp/x", NULL, "/tmp", TEMP "/tmp/x", 0, false},
    {"/dev/shm/x", NULL, "/dev/shm", TEMP "/x", 0, false},
    {"/etc/x", NULL, VENV "/sandbox/etc", "x", 0, true},
    {"/data/x", NULL, NULL, NULL, 0, true},
    {"/data/absent", NULL, NULL, NULL, -ENOENT, true},
    {"/usr/absent", NULL, NULL, NULL, -ENOENT, true},
    {"/proc/sys", NULL, NULL, NULL, 0, true},
    {PROJECT "/secret/x", NULL, NULL, NULL, -EINVAL, true},
    {"/", NULL, NULL, NULL, -EINVAL, false},
    {"/tmp", NULL, NULL, NULL, 0, true},
    {"/scratch", NULL, NULL, NULL, 0, true},
    {"/bin", NULL, NULL, NULL, 0, true},
};

static bool has_op(const struct plan *plan, enum plan_op_kind kind, const char *dest)
{
    for (size_t i = 0; dest && i < plan->op_count; i++) {
        if (plan->ops[i].kind == kind && str_eq(plan->ops[i].dest, dest))
            return true;
    }
    return dest == NULL;
}

static bool has_node(const struct plan *plan, const char *base, const char *rel)
{
    for (size_t i = 0; base && i < plan->node_count; i++) {
        if (str_eq(plan->nodes[i].base, base) && str_eq(plan->nodes[i].rel, rel))
            return true;
    }
    return base == NULL;
}

static void check_point(struct fixture *f, const struct point_case *row, size_t ops_before)
{
    size_t nodes = f->plan.node_count;

    tree_join(&f->tree);
    cr_expect(has_op(&f->plan, PLAN_DIR, row->made), "%s: no directory", row->dest);
    cr_expect(row->made != NULL || f->plan.op_count == ops_before, "%s: operations", row->dest);
    cr_expect(has_node(&f->plan, row->base, row->rel), "%s: node %s", row->dest,
              nodes > 0 ? f->plan.nodes[nodes - 1].rel : "none");
}

Test(tree, points_of_a_plan)
{
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        struct fixture f, same;

        setup(&f);
        setup(&same);
        tree_join(&same.tree);
        cr_expect_eq(tree_point(&f.tree, points[i].dest, true, 0, "o", &f.err), points[i].code,
                     "%s: %s", points[i].dest, f.err.msg);
        if (points[i].code == 0)
            check_point(&f, &points[i], same.plan.op_count);
        finish(&f);
        finish(&same);
    }
}

/* A start knows everything that the planner knew: nothing is guessed from how things look. */
Test(tree, points_of_a_start)
{
    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        struct fixture f;
        struct plan compiled;

        setup(&f);
        reopen(&f, &compiled, TREE_GRANT_GIVEN);
        cr_expect_eq(tree_is_settled(&f.tree, points[i].dest), points[i].settled, "%s",
                     points[i].dest);
        if (!points[i].settled && points[i].code == 0) {
            cr_expect_eq(tree_point(&f.tree, points[i].dest, true, PLAN_TRY, "o", &f.err), 0);
            check_point(&f, &points[i], compiled.op_count);
        }
        finish(&f);
    }
}

/* Opened and joined again, a plan is what it was; without the project, what belongs to it is gone.
 */
Test(tree, opens_what_it_joined)
{
    static const enum tree_grant grants[] = {TREE_GRANT_OPEN, TREE_GRANT_GIVEN, TREE_GRANT_REFUSED};

    for (size_t i = 0; i < ARRAY_SIZE(grants); i++) {
        struct fixture f;
        struct plan compiled;
        size_t kept = 0;

        setup(&f);
        reopen(&f, &compiled, grants[i]);
        tree_join(&f.tree);
        for (size_t j = 0; j < compiled.op_count; j++) {
            const struct plan_op *op = &compiled.ops[j];
            uint32_t flags = op->flags;

            if ((flags & PLAN_PROJECT) && grants[i] == TREE_GRANT_REFUSED)
                continue;
            if (grants[i] == TREE_GRANT_GIVEN)
                flags &= ~(uint32_t)PLAN_PROJECT;
            cr_assert_lt(kept, f.plan.op_count);
            cr_expect_str_eq(f.plan.ops[kept].dest, op->dest);
            cr_expect_eq(f.plan.ops[kept].kind, op->kind);
            cr_expect_eq(f.plan.ops[kept++].flags, flags, "%s", op->dest);
        }
        cr_expect_eq(kept, f.plan.op_count);
        cr_expect_eq(compiled.node_count, f.plan.node_count);
        finish(&f);
    }
}

/* In a start without the project its place is one in the private home. */
Test(tree, without_the_project)
{
    struct fixture f;
    struct plan compiled;

    setup(&f);
    reopen(&f, &compiled, TREE_GRANT_REFUSED);
    cr_expect(!tree_is_settled(&f.tree, PROJECT "/x"));
    cr_expect(tree_is_settled(&f.tree, VENV "/x"));
    cr_expect(tree_hides(&f.tree, PROJECT "/secret/x"), "hidden is hidden");
    cr_expect(!tree_holds(&f.tree, PROJECT "/a", true));
    cr_expect_eq(tree_point(&f.tree, PROJECT "/x", false, PLAN_TRY, "o", &f.err), 0);
    cr_expect(has_node(&f.plan, VENV "/home", "proj/x"));
    finish(&f);
}

/* --- what is made in a tmpfs comes right after it, so also before it becomes read-only ----------
 */

Test(tree, points_in_a_tmpfs)
{
    struct fixture f;
    struct plan compiled;
    size_t at = 0;

    setup(&f);
    plan_add(&f.arena, &f.plan, PLAN_REMOUNT_RO, NULL, "/scratch", "o");
    cr_assert_eq(tree_point(&f.tree, "/scratch/a", true, 0, "o", &f.err), 0);
    reopen(&f, &compiled, TREE_GRANT_GIVEN);
    cr_assert_eq(tree_point(&f.tree, "/scratch/b", false, 0, "o", &f.err), 0);
    cr_assert_eq(tree_link(&f.tree, "/scratch/a", "b", "o", NULL), -EEXIST);
    cr_assert_eq(tree_link(&f.tree, "/scratch/c", "b", "o", NULL), 0);
    tree_join(&f.tree);
    while (f.plan.ops[at].kind != PLAN_TMPFS)
        at++;
    cr_expect_str_eq(f.plan.ops[at + 1].dest, "/scratch/a");
    cr_expect_str_eq(f.plan.ops[at + 2].dest, "/scratch/b");
    cr_expect_str_eq(f.plan.ops[at + 3].dest, "/scratch/c");
    finish(&f);
}

/* --- directories above read-only or hidden paths are mount points (docs/SECURITY.md, C22) ----- */

Test(tree, pins)
{
    static const char *const pinned[] = {PROJECT "/a", PROJECT "/a/b"};
    struct fixture f;

    setup(&f);
    tree_join(&f.tree);
    for (size_t i = 0; i < ARRAY_SIZE(pinned); i++)
        cr_expect(has_op(&f.plan, PLAN_BIND, pinned[i]), "%s", pinned[i]);
    cr_expect(!has_op(&f.plan, PLAN_BIND, "/home"));
    cr_expect(!has_op(&f.plan, PLAN_BIND, PROJECT "/secret"));
    finish(&f);
}

/* --- what is hostile ----------------------------------------------------------------------------
 */

Test(tree, areas)
{
    static const struct {
        const char *path;
        const char *area; /* where code inside can write, NULL: it lies in none */
        bool exchangeable;
    } rows[] = {
        {PROJECT, PROJECT, true},
        {PROJECT "/x", PROJECT, true},
        {VENV "/bin", PROJECT, true},
        {"/tmp/" TEMP, "/tmp/" TEMP, true},
        {"/tmp/" TEMP "/run", "/tmp/" TEMP, true},
        {"/dev/shm/" TEMP "/x", "/dev/shm/" TEMP, true},
        {"/data", "/data", false}, /* programs write in it, and cannot rename it */
        {"/data/x", "/data", true},
        {"/database", NULL, false},
        {HOME "/x", NULL, false},
        {"/usr/x", NULL, false},
        {"/tmp", NULL, false},
    };
    struct plan compiled;
    struct fixture f;

    setup(&f);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            const char *area = tree_area(&f.tree, rows[i].path);

            cr_expect_eq(area != NULL, rows[i].area != NULL, "%s", rows[i].path);
            if (area != NULL && rows[i].area != NULL)
                cr_expect_str_eq(area, rows[i].area);
            cr_expect_eq(tree_is_exchangeable(&f.tree, rows[i].path), rows[i].exchangeable, "%s",
                         rows[i].path);
        }
        reopen(&f, &compiled, TREE_GRANT_REFUSED);
    }
    finish(&f);
}

Test(tree, binds_of_what_can_be_exchanged_are_checked)
{
    static const struct {
        const char *src, *dest;
        bool hostile;
    } rows[] = {{"/data/x", "/x", true}, {"/data", "/y", false}, {PROJECT "/p", "/z", true}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct tree_bind share = {.src = rows[i].src, .dest = rows[i].dest, .origin = "o"};
        const struct plan_op *op = NULL;
        struct fixture f;

        setup(&f);
        cr_assert_eq(tree_add(&f.tree, &share, &f.err), 0);
        op = &f.plan.ops[f.plan.op_count - 1];
        cr_expect_eq((op->flags & PLAN_HOSTILE) != 0, rows[i].hostile, "%s", rows[i].src);
        cr_expect_eq(op->ino, rows[i].hostile ? 7 : 0, "%s", rows[i].src);
        finish(&f);
    }
}

/* --- the rest -----------------------------------------------------------------------------------
 */

Test(tree, private_places)
{
    struct plan compiled;
    struct fixture f;

    setup(&f);
    reopen(&f, &compiled, TREE_GRANT_GIVEN);
    cr_expect(tree_is_private(&f.tree, "/tmp"));
    cr_expect(tree_is_private(&f.tree, HOME));
    cr_expect(!tree_is_private(&f.tree, HOME "/x"));
    cr_expect(!tree_is_private(&f.tree, "/etc"), "read-only");
    cr_expect(!tree_is_private(&f.tree, "/data"));
    finish(&f);
}

Test(tree, holds)
{
    static const struct {
        const char *path;
        bool directories, holds;
    } rows[] = {{"/home", false, true},     {"/var", false, false}, {"/opt", false, false},
                {"/scratch", false, true},  {"/data", false, true}, {"/data/x", true, false},
                {"/bin", false, true},      {"/", false, true},     {"/usr/bin", true, false},
                {"/tmp/" TEMP, true, false}};
    struct plan compiled;
    struct fixture f;

    setup(&f);
    cr_assert_eq(tree_point(&f.tree, "/var/lib", true, 0, "o", &f.err), 0);
    reopen(&f, &compiled, TREE_GRANT_GIVEN);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(tree_holds(&f.tree, rows[i].path, rows[i].directories), rows[i].holds, "%s",
                     rows[i].path);
    cr_expect(tree_holds(&f.tree, "/var", true));
    finish(&f);
}

Test(tree, links_of_the_plan)
{
    static const struct {
        const char *path, *dest;
    } rows[] = {{"/bin/x", "/usr/bin/x"},
                {"/bin", "/usr/bin"},
                {"/binx", "/binx"},
                {"/via/x", "/usr/x"}, /* ".." leaves what /bin leads to */
                {"/scratch/in/x", "/data/x"}};
    const char *dest = NULL;
    struct fixture f;

    setup(&f);
    cr_assert_eq(tree_link(&f.tree, "/via", "bin/..", "o", &f.err), 0);
    cr_assert_eq(tree_link(&f.tree, "/scratch/in", "../data", "o", &f.err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        cr_assert_eq(tree_dest(&f.tree, rows[i].path, &dest, &f.err), 0);
        cr_expect_str_eq(dest, rows[i].dest);
    }
    cr_assert_eq(tree_link(&f.tree, "/loop", "loop", "o", &f.err), 0);
    cr_expect_eq(tree_dest(&f.tree, "/loop/x", &dest, &f.err), -ELOOP);
    cr_expect_eq(tree_link(&f.tree, "/bin", "other", "o", &f.err), -EEXIST);
    finish(&f);
}

/* Nothing may be computed from where its operations are: there is no such place. */
Test(tree, opens_a_plan_without_operations)
{
    const struct plan compiled = {.variant = "default"};
    struct fixture f = {.plan = compiled};

    tree_init(&f.tree, &f.arena, &f.plan, NULL);
    tree_open(&f.tree, &compiled);
    tree_join(&f.tree);
    cr_expect_eq(f.plan.op_count, 0);
    finish(&f);
}
