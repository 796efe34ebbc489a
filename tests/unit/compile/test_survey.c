/* Tests which names a look through the project finds, and where it ends. */
#include <criterion/criterion.h>
#include <errno.h>

#include "../base/scratch.h"
#include "facts-internal.h"

#include "svenv/base/clock.h"
#include "svenv/base/layout.h"
#include "svenv/base/made_inside.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/policy/policy.h"

#define POLICY                                                                                     \
    "version: 1\nfilesystem: {protect: [.git, .envrc, .rope/config.py, ./top, ./pinned/x],"        \
    " hide: [.secret, deep/secrets/]}\n"

enum {
    DEPTH_MAX = 48,
    DIRECTORIES_MAX = 20000,
    CLOSED_MAX = 64,
    FOUND_MAX = 4096
};

#define NONE PLAN_SEEN__COUNT

struct surveyed {
    struct scratch s; /* the project */
    char own[96];
    struct policy policy;
    struct user user;
    struct host_facts host;
};

static void surveyed_new(struct surveyed *p)
{
    const struct policy_sources sources = {0};
    struct err err = {0};

    memset(p, 0, sizeof(*p));
    p->s = scratch_new();
    snprintf(p->own, sizeof(p->own), "%s/.venv", p->s.path);
    cr_assert_eq(mkdirat(p->s.fd, ".venv", 0755), 0);
    cr_assert_eq(mkdirat(p->s.fd, ".venv/" VENV_SANDBOX, 0755), 0);
    policy_init(&p->policy);
    cr_assert_eq(policy_load(&p->policy, &sources, &err), 0, "%s", err.msg);
    cr_assert_eq(policy_override_text(&p->policy, "test", POLICY, strlen(POLICY), &err), 0, "%s",
                 err.msg);
    p->user = (struct user){.home = p->s.path, .home_real = p->s.path};
}

static void surveyed_drop(struct surveyed *p)
{
    facts_finish(&p->host);
    policy_finish(&p->policy);
    scratch_drop(&p->s);
}

/* "dir/" is a directory, "name->target" a link, anything else a file. */
static void put(const struct surveyed *p, const char *what)
{
    auto_free char *path = xstrdup(what);
    char *arrow = strstr(path, "->");

    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdirat(p->s.fd, path, 0755) == 0 || errno == EEXIST, "%s", path);
        *slash = '/';
    }
    if (str_ends(path, "/"))
        return;
    if (arrow == NULL) {
        scratch_write(&p->s, path, "");
        return;
    }
    *arrow = '\0';
    cr_assert_eq(symlinkat(arrow + 2, p->s.fd, path), 0, "%s", path);
}

/* Return: as facts_check(). */
static int survey(struct surveyed *p)
{
    const struct venv venv = {.path = p->own, .project = p->s.path};
    struct err err = {0};

    facts_finish(&p->host);
    facts_gather(&p->host, &p->user);
    facts_survey(&p->host, &p->policy, &venv);
    return facts_check(&p->host, &err);
}

static const struct plan_seen *place_of(const struct surveyed *p, const char *rel)
{
    for (size_t i = 0; i < p->host.facts.seen_count; i++) {
        if (str_eq(p->host.facts.seen[i].rel, rel))
            return &p->host.facts.seen[i];
    }
    return NULL;
}

static enum plan_seen_kind kind_at(const struct surveyed *p, const char *rel)
{
    const struct plan_seen *seen = place_of(p, rel);

    return seen ? seen->kind : NONE;
}

static bool found(const struct surveyed *p, const char *rel)
{
    auto_free char *path = path_join(p->s.path, rel);

    for (size_t i = 0; i < p->host.facts.path_count; i++) {
        if (str_eq(p->host.facts.paths[i].path, path))
            return true;
    }
    return false;
}

/* Is the directory read-only as a whole, because nobody could look into all of it? */
static bool closed(const struct surveyed *p, const char *rel)
{
    auto_free char *path = *rel ? path_join(p->s.path, rel) : xstrdup(p->s.path);

    for (size_t i = 0; i < p->host.facts.tree_count; i++) {
        const struct fact_tree *tree = &p->host.facts.trees[i];

        if (tree->kind == FACT_CLOSED && str_eq(tree->path, path))
            return true;
    }
    return false;
}

static size_t closed_count(const struct surveyed *p)
{
    size_t count = 0;

    for (size_t i = 0; i < p->host.facts.tree_count; i++)
        count += p->host.facts.trees[i].kind == FACT_CLOSED;
    return count;
}

/* --- directories --------------------------------------------------------------------------------
 */

static void record_made(const struct surveyed *p, const char *rel, const char *before)
{
    int dir = openat(p->s.fd, rel, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char line[MADE_INSIDE_LINE], text[MADE_INSIDE_LINE + 32];
    size_t dir_len = 0;

    cr_assert_eq(made_inside_line(dir, line, &dir_len), 1);
    close(dir);
    snprintf(text, sizeof(text), "%s%s", before, line);
    scratch_write(&p->s, ".venv/" IN_SANDBOX(SANDBOX_MADE_INSIDE), text);
}

Test(survey, each_directory_has_its_kind)
{
    static const char *const names[] = {
        "a/b/c/file",
        "a/__pycache__/x.pyc",
        "__pycache__/",
        "node_modules/x/y/",
        "a/.git/objects/",
        "link->a",
        "a/up->..",
        "made/pyvenv.cfg",
        "made/lib/x/",
        "made/src/x/",
        "made/lib/__pycache__/",
        "lib/x/",
        "other/pyvenv.cfg",
        "other/src/",
        "bare/HEAD",
        "bare/refs/",
    };
    static const struct {
        const char *rel;
        enum plan_seen_kind kind;
    } rows[] = {
        {"", PLAN_SEEN_WATCHED},
        {"a", PLAN_SEEN_WATCHED},
        {"a/b/c", PLAN_SEEN_WATCHED},
        {"a/b/c/file", NONE},
        {"a/__pycache__", PLAN_SEEN_BYTECODE},
        {"__pycache__", PLAN_SEEN_BYTECODE},
        {"node_modules", PLAN_SEEN_WATCHED},
        {"node_modules/x", PLAN_SEEN_WATCHED},
        {"a/.git", NONE},
        {"link", NONE},
        {"link/b", NONE},
        {"a/up", NONE},
        {"made", PLAN_SEEN_VENV},
        {"made/lib", PLAN_SEEN_PACKAGES},
        {"made/lib/x", PLAN_SEEN_PACKAGES},
        {"made/lib/__pycache__", PLAN_SEEN_BYTECODE},
        {"made/src", PLAN_SEEN_WATCHED},
        {"lib", PLAN_SEEN_WATCHED},
        {"lib/x", PLAN_SEEN_WATCHED},
        {"other", PLAN_SEEN_PASSED},
        {"other/src", NONE},
        {"bare", PLAN_SEEN_PASSED},
        {"bare/refs", NONE},
        {".venv", PLAN_SEEN_PASSED},
        {".venv/" VENV_SANDBOX, NONE},
    };
    struct surveyed p;

    surveyed_new(&p);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        put(&p, names[i]);
    record_made(&p, "made", "");
    cr_assert_eq(survey(&p), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(kind_at(&p, rows[i].rel), rows[i].kind, "'%s' is %d", rows[i].rel,
                     (int)kind_at(&p, rows[i].rel));
    for (size_t i = 1; i < p.host.facts.seen_count; i++)
        cr_expect_lt(strcmp(p.host.facts.seen[i - 1].rel, p.host.facts.seen[i].rel), 0);
    surveyed_drop(&p);
}

/* Any program can make the mark of a venv where the own one is in. */
Test(survey, a_mark_of_a_venv_hides_nothing)
{
    struct surveyed p;

    surveyed_new(&p);
    put(&p, "pyvenv.cfg");
    put(&p, "lib/.envrc");
    put(&p, "etc/x/.git/config");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "lib"), PLAN_SEEN_WATCHED);
    cr_expect(found(&p, "lib/.envrc"));
    cr_expect(found(&p, "etc/x/.git"));
    surveyed_drop(&p);
}

/* The record is of numbers, and one that ends with another is not the same. */
Test(survey, a_venv_is_only_writable_when_it_was_made_inside)
{
    static const struct {
        const char *before;
        enum plan_seen_kind kind;
    } rows[] = {
        {"", PLAN_SEEN_VENV},         {"1 2\n", PLAN_SEEN_VENV},  {"9", PLAN_SEEN_PASSED},
        {"1 2\n9", PLAN_SEEN_PASSED}, {"1 2 ", PLAN_SEEN_PASSED},
    };
    struct surveyed p;

    surveyed_new(&p);
    put(&p, "made/pyvenv.cfg");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        record_made(&p, "made", rows[i].before);
        cr_assert_eq(survey(&p), 0);
        cr_expect_eq(kind_at(&p, "made"), rows[i].kind, "row %zu", i);
    }
    surveyed_drop(&p);
}

/* A name that a program took first, and where the user then makes a venv, or wraps one. */
Test(survey, a_venv_that_was_made_anew_is_not_the_recorded_one)
{
    struct surveyed p;

    surveyed_new(&p);
    put(&p, "made/pyvenv.cfg");
    put(&p, "wrapped/pyvenv.cfg");
    record_made(&p, "made", "");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "made"), PLAN_SEEN_VENV);
    usleep(50000); /* the clock of change times is a coarse one */
    scratch_write(&p.s, "made/pyvenv.cfg", "home = /usr/bin\n");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "made"), PLAN_SEEN_PASSED);
    record_made(&p, "wrapped", "");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "wrapped"), PLAN_SEEN_VENV);
    put(&p, "wrapped/sandbox/");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "wrapped"), PLAN_SEEN_PASSED);
    surveyed_drop(&p);
}

/* Nobody but the launcher writes it; but it is read by people's tools, too. */
Test(survey, a_record_that_is_no_file_says_nothing)
{
    struct surveyed p;

    surveyed_new(&p);
    put(&p, "made/pyvenv.cfg");
    put(&p, ".venv/" IN_SANDBOX(SANDBOX_MADE_INSIDE) "/");
    cr_expect_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "made"), PLAN_SEEN_PASSED);
    cr_assert_eq(unlinkat(p.s.fd, ".venv/" IN_SANDBOX(SANDBOX_MADE_INSIDE), AT_REMOVEDIR), 0);
    cr_assert_eq(mkfifoat(p.s.fd, ".venv/" IN_SANDBOX(SANDBOX_MADE_INSIDE), 0600), 0);
    cr_expect_eq(survey(&p), 0);
    surveyed_drop(&p);
}

Test(survey, a_place_is_known_by_its_identity)
{
    struct surveyed p;
    struct stat st;
    const struct plan_seen *seen = NULL;

    surveyed_new(&p);
    put(&p, "a/");
    cr_assert_eq(survey(&p), 0);
    cr_assert_eq(fstatat(p.s.fd, "a", &st, 0), 0);
    seen = place_of(&p, "a");
    cr_assert_not_null(seen);
    cr_expect_eq(seen->dev, st.st_dev);
    cr_expect_eq(seen->ino, st.st_ino);
    cr_expect_eq(seen->ctime_ns, clock_ns_of(st.st_ctim));
    surveyed_drop(&p);
}

/* --- names --------------------------------------------------------------------------------------
 */

Test(survey, guarded_names_are_found)
{
    static const struct {
        const char *made, *rel;
        bool found;
    } rows[] = {
        {".git/", ".git", true},
        {"a/.envrc", "a/.envrc", true},
        {"a/b/.git->elsewhere", "a/b/.git", true},
        {".secret", ".secret", true},
        {"a/.secret", "a/.secret", false}, /* hidden at the top only */
        {"a/.rope/config.py", "a/.rope/config.py", true},
        {"a/b/.ROPE/Config.py", "a/b/.ROPE/Config.py", true},
        {"a/.rope/", "a/.rope", false},
        {"a/b/.EnvRC", "a/b/.EnvRC", true},
        {".SECRET", ".SECRET", true},
        {"TOP", "TOP", true},
        {"a/top", "a/top", false}, /* of the top only, and so are all with a part that is hidden */
        {"pinned/X", "pinned/X", true},
        {"a/pinned/x", "a/pinned/x", false},
        {"deep/Secrets/y/.envrc", "deep/Secrets", true},
        {"a/deep/secrets/", "a/deep/secrets", false},
        {"deep/Secrets/", "deep/Secrets/y/.envrc", true}, /* looked through all the same */
        {"README", "README", false},
        {"node_modules/x/.envrc", "node_modules/x/.envrc", true},
        {"link->a", "link/.envrc", false},
    };
    struct surveyed p;

    surveyed_new(&p);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        put(&p, rows[i].made);
    cr_assert_eq(survey(&p), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        cr_expect_eq(found(&p, rows[i].rel), rows[i].found, "%s", rows[i].rel);
    surveyed_drop(&p);
}

/* A person answers for these trees alone, and never for the own venv. */
Test(survey, an_unguarded_tree_is_passed)
{
    static const char text[] = "version: 1\nfilesystem: {unguarded: [data, a/x*, own]}\n";
    struct surveyed p;
    struct err err = {0};

    surveyed_new(&p);
    cr_assert_eq(policy_override_text(&p.policy, "test", text, strlen(text), &err), 0, "%s",
                 err.msg);
    put(&p, "data/b/.envrc");
    put(&p, "a/xy/.envrc");
    put(&p, "a/data/.envrc");
    put(&p, "own/venv/");
    put(&p, "own/.envrc");
    snprintf(p.own, sizeof(p.own), "%s/own/venv", p.s.path);
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(kind_at(&p, "data"), PLAN_SEEN_PASSED);
    cr_expect_eq(kind_at(&p, "data/b"), NONE);
    cr_expect_eq(kind_at(&p, "a/xy"), PLAN_SEEN_PASSED);
    cr_expect_not(found(&p, "data/b/.envrc"));
    cr_expect(found(&p, "a/data/.envrc"));
    cr_expect(found(&p, "own/.envrc"));
    surveyed_drop(&p);
}

/* --- limits -------------------------------------------------------------------------------------
 */

static void put_many(const struct surveyed *p, const char *name, int count, const char *end)
{
    for (int i = 0; i < count; i++) {
        auto_free char *one = xasprintf("%s%d%s", name, i, end);

        put(p, one);
    }
}

static void put_chain(const struct surveyed *p, const char *first, int depth)
{
    auto_buf struct buf path = {0};

    buf_add_str(&path, first);
    for (int i = 0; i < depth; i++)
        buf_add_str(&path, "d/");
    put(p, path.data);
}

/* One full directory does not hide what is beside it. */
Test(survey, a_directory_beyond_the_limit_is_closed)
{
    struct surveyed p;

    surveyed_new(&p);
    put(&p, "z/nested/.git/config");
    put_many(&p, "full/d", DIRECTORIES_MAX - 8, "/");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(closed_count(&p), 0);
    cr_expect_eq(kind_at(&p, "full/d7"), PLAN_SEEN_WATCHED);
    put_many(&p, "full/e", 8, "/");
    put(&p, "full/e0/.git/config");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(closed_count(&p), 1);
    cr_expect(closed(&p, "full"));
    cr_expect_eq(kind_at(&p, "full"), PLAN_SEEN_CLOSED);
    cr_expect_eq(kind_at(&p, "full/d7"), NONE);
    cr_expect_eq(kind_at(&p, "z/nested"), PLAN_SEEN_WATCHED);
    cr_expect(found(&p, "z/nested/.git"));
    surveyed_drop(&p);
}

Test(survey, depth_is_limited)
{
    struct surveyed p;
    auto_buf struct buf last = {0};

    surveyed_new(&p);
    put_chain(&p, "", DEPTH_MAX);
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(closed_count(&p), 0);
    put_chain(&p, "", DEPTH_MAX + 1);
    cr_assert_eq(survey(&p), 0);
    for (int i = 0; i < DEPTH_MAX; i++)
        buf_add_str(&last, i > 0 ? "/d" : "d");
    cr_expect_eq(closed_count(&p), 1);
    cr_expect(closed(&p, last.data));
    surveyed_drop(&p);
}

/* A mount each: many of them are closed by what they have in common. */
Test(survey, few_directories_are_closed)
{
    struct surveyed p;

    surveyed_new(&p);
    for (int i = 0; i <= CLOSED_MAX; i++) {
        auto_free char *first = xasprintf("a/b/c%d/", i);

        put_chain(&p, first, DEPTH_MAX);
        if (i < CLOSED_MAX - 1)
            continue;
        cr_assert_eq(survey(&p), 0);
        cr_expect_eq(closed_count(&p), i < CLOSED_MAX ? CLOSED_MAX : 1);
    }
    cr_expect(closed(&p, "a/b"));
    cr_expect_eq(kind_at(&p, "a"), PLAN_SEEN_WATCHED);
    cr_expect_eq(kind_at(&p, "a/b/c0"), NONE);
    surveyed_drop(&p);
}

Test(survey, obeyed_names_are_limited)
{
    struct surveyed p;

    surveyed_new(&p);
    put_many(&p, "a/d", FOUND_MAX, "/.git->x");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(closed_count(&p), 0);
    put(&p, "a/last/.envrc->x");
    cr_assert_eq(survey(&p), 0);
    cr_expect_eq(closed_count(&p), 1);
    surveyed_drop(&p);
}

/* Programs and git open by name in a directory that nobody can list. */
Test(survey, a_directory_that_cannot_be_read_is_closed)
{
    /* One that can be entered closes the project: nobody knows what a name in it leads to. */
    static const struct {
        mode_t mode;
        const char *closed;
    } rows[] = {{0000, "a"}, {0444, "a"}, {0600, "a"}, {0100, ""}, {0311, ""}};
    struct surveyed p;

    if (geteuid() == 0)
        cr_skip_test("root reads every directory");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        surveyed_new(&p);
        put(&p, "a/b/.git/config");
        cr_assert_eq(fchmodat(p.s.fd, "a", rows[i].mode, 0), 0);
        cr_assert_eq(survey(&p), 0);
        cr_expect(closed(&p, rows[i].closed), "%o", rows[i].mode);
        cr_expect_eq(kind_at(&p, rows[i].closed), PLAN_SEEN_CLOSED, "%o", rows[i].mode);
        cr_expect_eq(kind_at(&p, "a/b"), NONE);
        cr_assert_eq(fchmodat(p.s.fd, "a", 0700, 0), 0);
        cr_assert_eq(survey(&p), 0);
        cr_expect_not(closed(&p, rows[i].closed));
        surveyed_drop(&p);
    }
}

Test(survey, no_project_is_no_failure)
{
    struct surveyed p;
    struct venv none;

    surveyed_new(&p);
    none = (struct venv){.path = p.own};
    facts_gather(&p.host, &p.user);
    facts_survey(&p.host, &p.policy, &none);
    none.project = p.own;
    cr_assert_eq(unlinkat(p.s.fd, ".venv/" VENV_SANDBOX, AT_REMOVEDIR), 0);
    cr_assert_eq(unlinkat(p.s.fd, ".venv", AT_REMOVEDIR), 0);
    facts_survey(&p.host, &p.policy, &none);
    cr_expect_eq(p.host.facts.seen_count, 0);
    cr_expect_eq(facts_check(&p.host, NULL), 0);
    surveyed_drop(&p);
}
