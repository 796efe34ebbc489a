/* Which names of the project are taken away, and which stay. */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "../child.h"
#include "project.h"

#include "svenv/base/clock.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"

enum {
    NAMES_MAX = 4,
    DEPTH_OF_A_SWEEP = 48
};

enum fate {
    STAYS,
    TAKEN,
    REMOVED
};

struct sweep_row {
    const char *made[NAMES_MAX]; /* by the program */
    const char *asked;           /* the name whose fate is asked for */
    enum fate running;           /* while the program runs */
    enum fate ended;             /* when it has ended */
};

static const struct sweep_row rows[] = {
    /* programs on the host obey it */
    {{".git/config", ".git/hooks/pre-commit"}, ".git", TAKEN, TAKEN},
    {{".envrc"}, ".envrc", TAKEN, TAKEN},
    {{".envrc->/etc/hostname"}, ".envrc", TAKEN, TAKEN},
    {{".envrc->nowhere"}, ".envrc", TAKEN, TAKEN},
    {{".envrc/"}, ".envrc", TAKEN, TAKEN},
    {{"sub/.envrc"}, "sub/.envrc", TAKEN, TAKEN},
    {{"new/deep/.envrc"}, "new/deep/.envrc", TAKEN, TAKEN},
    {{"new/it.code-workspace"}, "new/it.code-workspace", TAKEN, TAKEN},
    {{"docs/conf.py"}, "docs/conf.py", TAKEN, TAKEN},
    {{".rope/config.py"}, ".rope/config.py", TAKEN, TAKEN},
    {{"new/.rope/config.py"}, "new/.rope/config.py", TAKEN, TAKEN},
    {{"sub/.Rope/Config.py"}, "sub/.Rope/Config.py", TAKEN, TAKEN},
    {{"sub/.ENVRC"}, "sub/.ENVRC", TAKEN, TAKEN},
    {{".Git/config"}, ".Git", STAYS, TAKEN},
    {{".rope->sub"}, ".rope", TAKEN, TAKEN},
    {{"new/.ROPE->.."}, "new/.ROPE", TAKEN, TAKEN},
    {{"new/HEAD", "new/refs/"}, "new/HEAD", TAKEN, TAKEN},
    {{"new/in/HEAD", "new/in/commondir"}, "new/in/HEAD", TAKEN, TAKEN},
    {{"sub/HEAD", "sub/objects/"}, "sub/HEAD", TAKEN, TAKEN},
    {{"HEAD", "refs->sub"}, "HEAD", TAKEN, TAKEN},
    {{"env/pyvenv.cfg", "env/src/.git/config"}, "env/src/.git", STAYS, TAKEN},
    /* nobody does */
    {{"README"}, "README", STAYS, STAYS},
    {{"new/deep/notes.txt"}, "new/deep/notes.txt", STAYS, STAYS},
    {{".gitignore"}, ".gitignore", STAYS, STAYS},
    {{".rope/notes.txt"}, ".rope/notes.txt", STAYS, STAYS},
    {{"config.py"}, "config.py", STAYS, STAYS},
    {{"rope->sub"}, "rope", STAYS, STAYS},
    {{".rope"}, ".rope", STAYS, STAYS},
    {{"it.git/config"}, "it.git", STAYS, STAYS},
    {{"new/docs/conf.py"}, "new/docs/conf.py", STAYS, STAYS},
    {{"new/deep/.envrc"}, "new/deep", STAYS, STAYS},
    {{"new/HEAD"}, "new/HEAD", STAYS, STAYS},
    {{"new/refs/", "new/objects/"}, "new/refs", STAYS, STAYS},
    {{"sub/HEAD", "sub/objects/"}, "sub/objects", STAYS, STAYS},
    {{".env"}, ".env", STAYS, STAYS},
    /* trees of packages */
    {{"env/pyvenv.cfg", "env/lib/x/.envrc"}, "env/lib/x/.envrc", TAKEN, TAKEN},
    {{"env/pyvenv.cfg", "env/lib/x/__pycache__/a.pyc"},
     "env/lib/x/__pycache__/a.pyc",
     STAYS,
     STAYS},
    {{"env/pyvenv.cfg", "env/src/__pycache__/a.pyc"}, "env/src/__pycache__/a.pyc", STAYS, REMOVED},
    {{"node_modules/x/.envrc"}, "node_modules/x/.envrc", TAKEN, TAKEN},
    {{"lib/x/.envrc"}, "lib/x/.envrc", TAKEN, TAKEN},
    /* the mark of a venv where there is none */
    {{"pyvenv.cfg", "lib/x/.envrc"}, "lib/x/.envrc", TAKEN, TAKEN},
    {{"pyvenv.cfg", "lib/__pycache__/a.pyc"}, "lib/__pycache__/a.pyc", STAYS, REMOVED},
    {{"sub/pyvenv.cfg", "sub/etc/.git/config"}, "sub/etc/.git", STAYS, TAKEN},
    /* byte code */
    {{"__pycache__/a.cpython-311.pyc"}, "__pycache__/a.cpython-311.pyc", STAYS, REMOVED},
    {{"__pycache__/a.cpython-311.pyc.77"}, "__pycache__/a.cpython-311.pyc.77", STAYS, REMOVED},
    {{"new/__pycache__/a.pyc"}, "new/__pycache__", STAYS, REMOVED},
    {{"__pycache__/a.pyc", "__pycache__/mine.txt"}, "__pycache__/mine.txt", STAYS, STAYS},
    {{"__pycache__/x/.git/config"}, "__pycache__/x/.git", STAYS, TAKEN},
    {{"new/__pycache__/.git"}, "new/__pycache__/.git", STAYS, TAKEN},
    {{"new/__pycache__/HEAD", "new/__pycache__/refs/", "new/__pycache__/objects/"},
     "new/__pycache__/refs",
     STAYS,
     TAKEN},
    {{"env/pyvenv.cfg", "env/lib/__pycache__/x/.git/config"},
     "env/lib/__pycache__/x/.git",
     STAYS,
     TAKEN},
    {{"new/__pycache__->/tmp"}, "new/__pycache__", STAYS, TAKEN},
    {{"new/a.pyc"}, "new/a.pyc", STAYS, STAYS},
};

/* With two directories that the plan knows. */
static struct project *begun(void)
{
    struct project *p = project_new();

    cr_assert_eq(project_make(p, "docs/"), 0);
    cr_assert_eq(project_make(p, "sub/"), 0);
    project_place(p, "", PLAN_SEEN_WATCHED);
    project_place(p, "docs", PLAN_SEEN_WATCHED);
    project_place(p, "sub", PLAN_SEEN_WATCHED);
    project_begin(p);
    return p;
}

static void expect_fate(const struct project *p, const char *name, enum fate fate)
{
    cr_expect_eq(project_has(p, name), fate == STAYS, "%s: in the project", name);
    if (fate != STAYS)
        cr_expect_eq(project_took(p, name), fate == TAKEN, "%s: in the quarantine", name);
    cr_expect_not(p->guard.report->failed, "%s", name);
    cr_expect_not(p->guard.report->incomplete, "%s", name);
    cr_expect_eq(p->guard.report->stuck, 0, "%s", name);
}

static struct project *made(const struct sweep_row *row)
{
    struct project *p = begun();

    for (size_t i = 0; i < NAMES_MAX && row->made[i]; i++)
        cr_assert_eq(project_make(p, row->made[i]), 0, "%s", row->made[i]);
    return p;
}

Test(sweep, takes_what_programs_on_the_host_obey)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct project *p = made(&rows[i]);

        guard_sweep(&p->guard, false);
        expect_fate(p, rows[i].asked, rows[i].running);
        guard_sweep(&p->guard, true);
        expect_fate(p, rows[i].asked, rows[i].ended);
        project_drop(p);
    }
}

/* The same at the end alone: most programs have ended before anybody watches. */
Test(sweep, one_look_at_the_end_is_enough)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct project *p = made(&rows[i]);

        guard_sweep(&p->guard, true);
        expect_fate(p, rows[i].asked, rows[i].ended);
        project_drop(p);
    }
}

/* Each name as inotify(7) tells of it. */
Test(sweep, a_name_that_is_told_of_is_taken)
{
    static const struct {
        const char *made, *rel, *name;
        const char *asked;
        enum fate fate;
    } told[] = {
        {".envrc", "", ".envrc", ".envrc", TAKEN},
        {"sub/.envrc", "sub", ".envrc", "sub/.envrc", TAKEN},
        {"new/deep/.envrc", "", "new", "new/deep/.envrc", TAKEN},
        {"sub/new/.envrc", "sub", "new", "sub/new/.envrc", TAKEN},
        {"sub/.rope/config.py", "sub/.rope", "config.py", "sub/.rope/config.py", TAKEN},
        {".rope->sub", "", ".rope", ".rope", TAKEN},
        {"docs/.envrc", "", "docs", "docs/.envrc", TAKEN}, /* it has come back with something */
        {"README", "", "README", "README", STAYS},
        {"__pycache__/a.pyc", "", "__pycache__", "__pycache__/a.pyc", STAYS},
        {"README", "", "gone", "README", STAYS},
        {"README", "gone", "README", "README", STAYS},
    };

    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        struct project *p = begun();
        struct stat st;

        cr_assert_eq(project_make(p, told[i].made), 0);
        guard_see(&p->guard, told[i].rel, told[i].name,
                  fstatat(p->top, told[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                      S_ISDIR(st.st_mode));
        expect_fate(p, told[i].asked, told[i].fate);
        project_drop(p);
    }
}

Test(sweep, the_last_name_makes_a_repository)
{
    struct project *p = begun();

    cr_assert_eq(project_make(p, "sub/HEAD"), 0);
    guard_see(&p->guard, "sub", "HEAD", false);
    expect_fate(p, "sub/HEAD", STAYS);
    cr_assert_eq(project_make(p, "sub/refs/"), 0);
    guard_see(&p->guard, "sub", "refs", true);
    expect_fate(p, "sub/HEAD", TAKEN);
    expect_fate(p, "sub/refs", STAYS);
    project_drop(p);
}

/* --- what was there before --------------------------------------------------------------------
 */

static struct project *begun_with(const char *what, const char *name)
{
    struct project *p = project_new();

    cr_assert_eq(project_make(p, what), 0);
    project_place(p, "", PLAN_SEEN_WATCHED);
    if (strchr(name, '/'))
        project_place(p, "__pycache__", PLAN_SEEN_BYTECODE);
    else
        project_know(p, name);
    project_begin(p);
    cr_assert_eq(project_make(p, "README"), 0); /* so that the directory is looked into */
    return p;
}

Test(sweep, what_was_there_stays)
{
    static const struct {
        const char *made, *name;
    } before[] = {
        {".git/config", ".git"},
        {".envrc", ".envrc"},
        {".envrc->README", ".envrc"},
        {".rope->sub", ".rope"},
        {"__pycache__/old.pyc", "__pycache__/old.pyc"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
        struct project *p = begun_with(before[i].made, before[i].name);

        guard_sweep(&p->guard, false);
        guard_sweep(&p->guard, true);
        expect_fate(p, before[i].name, STAYS);
        cr_expect_eq(p->guard.report->count, 0);
        project_drop(p);
    }
}

/* A mount protects it from the program: this was a person, with an editor that renames. */
Test(sweep, a_protected_file_that_was_replaced_stays)
{
    struct project *p = begun_with(".envrc", ".envrc");

    cr_assert_eq(project_make(p, "saved"), 0);
    cr_assert_eq(renameat(p->top, "saved", p->top, ".envrc"), 0);
    guard_sweep(&p->guard, true);
    expect_fate(p, ".envrc", STAYS);
    project_drop(p);
}

/* No mount protects a link. */
Test(sweep, a_known_link_that_was_replaced_goes)
{
    struct project *p = begun_with(".envrc->README", ".envrc");

    cr_assert_eq(project_make(p, "saved->docs"), 0);
    cr_assert_eq(renameat(p->top, "saved", p->top, ".envrc"), 0);
    guard_sweep(&p->guard, true);
    expect_fate(p, ".envrc", TAKEN);
    project_drop(p);
}

Test(sweep, byte_code_beside_older_byte_code_goes)
{
    struct project *p = begun_with("__pycache__/old.pyc", "__pycache__/old.pyc");

    cr_assert_eq(project_make(p, "__pycache__/new.pyc"), 0);
    guard_sweep(&p->guard, true);
    expect_fate(p, "__pycache__/new.pyc", REMOVED);
    expect_fate(p, "__pycache__/old.pyc", STAYS);
    project_drop(p);
}

/* --- programs that want to keep something ------------------------------------------------------
 */

/* Closed to be listed, or to be written into; it stays open for a look, and no more than that. */
Test(sweep, a_closed_directory_is_opened_at_the_end)
{
    static const struct {
        const char *made, *name;
        mode_t mode, after;
    } closed[] = {
        {"new/.envrc", "new/.envrc", 0100, 0500},     {"new/.envrc", "new/.envrc", 0500, 0500},
        {"new/.envrc", "new/.envrc", 0000, 0500},     {"new/.git/config", "new/.git", 0100, 0500},
        {"new/.git/hooks/x", "new/.git", 0500, 0500},
    };

    for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
        struct project *p = begun();
        struct stat st;

        cr_assert_eq(project_make(p, closed[i].made), 0);
        cr_assert_eq(fchmodat(p->top, "new", closed[i].mode, 0), 0);
        guard_sweep(&p->guard, true);
        expect_fate(p, closed[i].name, TAKEN);
        cr_assert_eq(fstatat(p->top, "new", &st, 0), 0);
        if (geteuid() != 0)
            cr_expect_eq(st.st_mode & 0777, closed[i].after, "row %zu", i);
        cr_expect_eq(project_count(p, "new", ""), 2, "row %zu: nothing but . and ..", i);
        project_drop(p);
    }
}

/* The directory that the plan knows is elsewhere now, and in its place a link. */
Test(sweep, byte_code_in_a_closed_directory_goes)
{
    static const mode_t modes[] = {0, 0500, 0100};

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        struct project *p = project_new();

        cr_assert_eq(project_make(p, "__pycache__/old.pyc"), 0);
        project_place(p, "", PLAN_SEEN_WATCHED);
        project_begin(p);
        cr_assert_eq(project_make(p, "__pycache__/new.pyc"), 0);
        cr_assert_eq(project_make(p, "touched"), 0);
        cr_assert_eq(fchmodat(p->top, "__pycache__", modes[i], 0), 0);
        guard_sweep(&p->guard, true);
        cr_expect_not(project_has(p, "__pycache__/new.pyc"), "%o", modes[i]);
        cr_expect(project_has(p, "__pycache__/old.pyc"), "%o", modes[i]);
        cr_expect_not(p->guard.report->failed, "%o", modes[i]);
        project_drop(p);
    }
}

/* Nobody knows its directories by their new paths, and only the innermost has a new time. */
Test(sweep, a_directory_that_was_moved_hides_nothing)
{
    struct project *p = project_new();

    cr_assert_eq(project_make(p, "old/a/b/notes"), 0);
    cr_assert_eq(project_make(p, "old/a/.envrc"), 0);
    cr_assert_eq(project_make(p, "old/c/notes"), 0);
    project_place(p, "", PLAN_SEEN_WATCHED);
    project_begin(p);
    cr_assert_eq(renameat(p->top, "old", p->top, "new"), 0);
    cr_assert_eq(project_make(p, "new/a/b/.envrc"), 0);
    guard_sweep(&p->guard, true);
    cr_expect_not(project_has(p, "new/a/b/.envrc"));
    cr_expect(project_has(p, "new/a/b/notes"));
    cr_expect(project_has(p, "new/c/notes"));
    /* It came with the directory, from before. */
    cr_expect(project_has(p, "new/a/.envrc"));
    project_drop(p);
}

/* Neither git nor a shell sees anything in it until its owner opens it, who then meets all. */
Test(sweep, a_closed_project_is_opened_at_the_end)
{
    struct project *p = project_new();

    project_place(p, "", PLAN_SEEN_WATCHED);
    project_begin(p);
    cr_assert_eq(project_make(p, ".envrc"), 0);
    cr_assert_eq(fchmodat(p->scratch.fd, "p", 0, 0), 0);
    guard_sweep(&p->guard, true);
    cr_expect_not(project_has(p, ".envrc"));
    cr_expect_not(p->guard.report->incomplete);
    project_drop(p);
}

Test(sweep, no_link_is_followed)
{
    struct project *p = begun();

    cr_assert_eq(mkdirat(p->scratch.fd, "outside", 0755), 0);
    scratch_write(&p->scratch, "outside/.envrc", "");
    scratch_write(&p->scratch, "outside/a.pyc", "");
    cr_assert_eq(renameat(p->top, "sub", p->top, "elsewhere"), 0);
    cr_assert_eq(project_make(p, "sub->../outside"), 0);
    cr_assert_eq(project_make(p, "new->../outside"), 0);
    cr_assert_eq(project_make(p, "__pycache__->../outside"), 0);
    cr_assert_eq(project_make(p, "elsewhere/.envrc"), 0);
    guard_see(&p->guard, "sub", ".envrc", false);
    guard_sweep(&p->guard, true);
    cr_expect(scratch_has(&p->scratch, "outside/.envrc"));
    cr_expect(scratch_has(&p->scratch, "outside/a.pyc"));
    expect_fate(p, "__pycache__", TAKEN);
    cr_expect(project_took(p, "elsewhere/.envrc"));
    project_drop(p);
}

static int make_chain(const struct project *p, int depth)
{
    char path[PATH_MAX] = "";

    for (int i = 0; i < depth; i++)
        strcat(path, "d/");
    return project_make(p, path);
}

/* A limit is told, never taken for the end: nobody knows what is below. */
Test(sweep, directories_below_the_limit_are_taken)
{
    struct project *p = begun();

    cr_assert_eq(make_chain(p, DEPTH_OF_A_SWEEP), 0);
    guard_sweep(&p->guard, true);
    cr_expect_not(p->guard.report->incomplete);
    project_drop(p);
    p = begun();
    cr_assert_eq(make_chain(p, DEPTH_OF_A_SWEEP + 1), 0);
    guard_sweep(&p->guard, false);
    cr_expect_eq(p->guard.report->count, 0);
    guard_sweep(&p->guard, true);
    cr_expect(p->guard.report->incomplete);
    cr_expect_eq(p->guard.report->count, 1);
    project_drop(p);
}

/* A directory that cannot be opened for want of descriptors is told of as well. */
static int sweep_without_descriptors(void *arg)
{
    struct project *p = arg;
    struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};

    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        return 2;
    guard_sweep(&p->guard, true);
    return p->guard.report->incomplete ? 0 : 1;
}

Test(sweep, no_descriptors_is_told)
{
    struct project *p = begun();

    cr_assert_eq(project_make(p, "new/.envrc"), 0);
    cr_expect_eq(in_child(sweep_without_descriptors, p), 0);
    project_drop(p);
}

/* Only a look that finds nothing is remembered: what was found may come again in the same tick. */
Test(sweep, only_a_place_in_order_is_remembered)
{
    struct project *p = begun();

    cr_assert_eq(project_make(p, "README"), 0);
    cr_assert_eq(project_make(p, "sub/.envrc"), 0);
    cr_assert_eq(project_make(p, "docs/new/"), 0);
    guard_sweep(&p->guard, true);
    cr_expect_neq(p->guard.seen.ctimes_ns[0], 0);
    cr_expect_eq(p->guard.seen.ctimes_ns[1], 0, "a new directory is in it");
    cr_expect_neq(p->guard.seen.ctimes_ns[2], 0, "the second look found nothing");
    cr_expect(scratch_has(&p->scratch, "v/" IN_SANDBOX(SANDBOX_SEEN)));
    project_drop(p);
}

/* --- the project's own directory ---------------------------------------------------------------
 */

Test(sweep, the_project_is_closed_again_for_others)
{
    static const struct {
        mode_t before, made, after;
    } modes[] = {
        {0755, 0777, 0755}, {0755, 0775, 0755}, {0775, 0777, 0775}, /* it was its group's before */
        {0755, 0700, 0700}, /* less is the program's to say */
        {0777, 0777, 0777},
    };

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        struct project *p = project_new();
        struct stat st;

        cr_assert_eq(fchmod(p->top, modes[i].before), 0);
        project_place(p, "", PLAN_SEEN_WATCHED);
        project_begin(p);
        cr_assert_eq(fchmod(p->top, modes[i].made), 0);
        guard_sweep(&p->guard, true);
        cr_assert_eq(fstat(p->top, &st), 0);
        cr_expect_eq(st.st_mode & 07777, modes[i].after, "row %zu", i);
        cr_expect_eq(p->guard.report->opened, modes[i].made != modes[i].after, "row %zu", i);
        project_drop(p);
    }
}

/* tox has to find its own venvs writable the next time. */
Test(sweep, a_venv_that_was_made_is_remembered_once)
{
    struct project *p = begun();
    struct stat st, config;
    char line[128], text[256] = "";
    int fd = -1;

    cr_assert_eq(project_make(p, "env/pyvenv.cfg"), 0);
    cr_assert_eq(fstatat(p->top, "env", &st, 0), 0);
    cr_assert_eq(fstatat(p->top, "env/pyvenv.cfg", &config, 0), 0);
    guard_sweep(&p->guard, false);
    cr_expect_not(scratch_has(&p->scratch, "v/" IN_SANDBOX(SANDBOX_MADE_INSIDE)));
    guard_sweep(&p->guard, true);
    p->guard.seen.ctimes_ns[0] = 0;
    guard_sweep(&p->guard, true);
    snprintf(line, sizeof(line), "%llu %llu %llu %lld\n", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, (unsigned long long)config.st_ino,
             (long long)clock_ns_of(config.st_ctim));
    fd = openat(p->scratch.fd, "v/" IN_SANDBOX(SANDBOX_MADE_INSIDE), O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_geq(read(fd, text, sizeof(text) - 1), 0);
    close(fd);
    cr_expect_str_eq(text, line);
    cr_expect_eq(p->guard.report->made_count, 1);
    cr_expect_str_eq(p->guard.report->made[0], "env");
    project_drop(p);
}

Test(sweep, nothing_is_watched_without_guards)
{
    struct project *p = begun();

    p->plan.obeyed_count = 0;
    cr_assert_eq(project_make(p, ".envrc"), 0);
    guard_sweep(&p->guard, true);
    cr_expect(project_has(p, ".envrc"));
    cr_expect_not(guard_is_used(&p->guard));
    p->plan.obeyed_count = PROJECT_GUARDS;
    cr_expect(guard_is_used(&p->guard));
    project_drop(p);
}
