/* Taking names away as they appear. */
#include <criterion/criterion.h>
#include <poll.h>

#include "faults.h"
#include "project.h"

#include "svenv/base/clock.h"
#include "svenv/base/mem.h"

enum {
    SECONDS = 60, /* only a test that fails takes that long */
    OTHER_EVENTS = 200000
};

static struct project *prepared(void)
{
    struct project *p = project_new();

    cr_assert_eq(project_make(p, "sub/"), 0);
    cr_assert_eq(project_make(p, "passed/"), 0);
    project_place(p, "", PLAN_SEEN_WATCHED);
    project_place(p, "passed", PLAN_SEEN_PASSED);
    project_place(p, "sub", PLAN_SEEN_WATCHED);
    project_begin(p);
    return p;
}

static struct project *watched(void)
{
    struct project *p = prepared();

    watch_begin(&p->guard, getpid());
    cr_assert_geq(p->guard.watch.fd, 0);
    return p;
}

/* Return: nothing is left to be reported. */
static bool take_all(struct project *p)
{
    int64_t due_ms = clock_ms() + SECONDS * 1000;

    while (clock_ms() < due_ms) {
        struct pollfd fd = {.fd = p->guard.watch.fd, .events = POLLIN};

        if (poll(&fd, 1, 0) != 1)
            return true;
        watch_take(&p->guard);
    }
    return false;
}

static void appear(struct project *p, const char *what)
{
    cr_assert_eq(project_make(p, what), 0, "%s", what);
    cr_assert(take_all(p));
}

Test(watch, what_appears_is_taken)
{
    static const char *const names[] = {".envrc",
                                        "sub/.envrc",
                                        "new/.envrc",
                                        ".git/config",
                                        "sub/a/b/it.code-workspace",
                                        "node_modules/x/.envrc"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct project *p = watched();

        appear(p, names[i]);
        cr_expect_eq(p->guard.report->count, 1, "%s", names[i]);
        cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
        project_drop(p);
    }
}

Test(watch, other_names_stay)
{
    static const char *const names[] = {"README", "sub/new/notes", "__pycache__/a.pyc",
                                        "passed/.envrc"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct project *p = watched();

        appear(p, names[i]);
        cr_expect_eq(p->guard.report->count, 0, "%s", names[i]);
        cr_expect(project_has(p, names[i]), "%s", names[i]);
        project_drop(p);
    }
}

Test(watch, what_came_before_is_taken_first)
{
    struct project *p = prepared();

    cr_assert_eq(project_make(p, "sub/.envrc"), 0);
    watch_begin(&p->guard, getpid());
    cr_expect_not(project_has(p, "sub/.envrc"));
    project_drop(p);
}

Test(watch, new_directories_are_watched_until_they_go)
{
    struct project *p = watched();
    size_t before = p->guard.watch.count;

    cr_expect_eq(before, 2);
    appear(p, "new/deep/");
    cr_expect_eq(p->guard.watch.count, before + 2);
    appear(p, "new/deep/.envrc");
    cr_expect(project_took(p, "new/deep/.envrc"));
    cr_assert_eq(unlinkat(p->top, "new/deep", AT_REMOVEDIR), 0);
    cr_assert(take_all(p));
    cr_expect_eq(p->guard.watch.count, before + 1);
    project_drop(p);
}

Test(watch, a_directory_is_watched_under_its_last_name)
{
    struct project *p = watched();

    appear(p, "new/");
    cr_assert_eq(renameat(p->top, "new", p->top, "sub/other"), 0);
    cr_assert(take_all(p));
    appear(p, "sub/other/.envrc");
    cr_expect(project_took(p, "sub/other/.envrc"));
    cr_expect_eq(p->guard.watch.count, 3);
    project_drop(p);
}

/* The kernel keeps some thousands of events: a program that makes more hides nothing by that. */
static bool flood(struct project *p)
{
    char text[32] = "";
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
    long kept = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? strtol(text, NULL, 10) : 0;

    close(fd);
    if (kept <= 0 || kept > OTHER_EVENTS)
        return false;
    cr_assert_eq(project_make(p, "a"), 0);
    for (long i = 0; i <= kept; i++)
        cr_assert_eq(renameat(p->top, i % 2 ? "b" : "a", p->top, i % 2 ? "a" : "b"), 0);
    return true;
}

Test(watch, lost_events_hide_nothing)
{
    struct project *p = watched();

    appear(p, "new/deep/");
    if (!flood(p)) {
        project_drop(p);
        cr_skip_test("the kernel keeps too many events here");
    }
    cr_assert_eq(project_make(p, ".envrc"), 0);
    cr_assert_eq(project_make(p, "new/deep/.envrc"), 0);
    cr_assert_eq(project_make(p, "later/"), 0);
    cr_assert(take_all(p));
    cr_expect(project_took(p, ".envrc"));
    cr_expect(project_took(p, "new/deep/.envrc"));
    cr_expect_eq(p->guard.watch.count, 5, "all that there is");
    appear(p, "later/.envrc");
    cr_expect(project_took(p, "later/.envrc"));
    project_drop(p);
}

/* The last look comes where nothing watches. */
Test(watch, more_directories_than_are_watched)
{
    struct project *p = watched();
    struct watch *watch = &p->guard.watch;

    for (int i = 0; watch->count < WATCHES_MAX - 1; i++)
        watch->watched[watch->count++] =
            (struct watched){.number = 1000000 + i, .rel = strdup("elsewhere")};
    appear(p, "new0/");
    appear(p, "new1/");
    cr_expect_eq(watch->count, WATCHES_MAX);
    cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
    appear(p, "new0/.envrc");
    cr_expect_not(project_has(p, "new0/.envrc"));
    appear(p, "new1/.envrc");
    cr_expect(project_has(p, "new1/.envrc"));
    guard_sweep(&p->guard, true);
    cr_expect_not(project_has(p, "new1/.envrc"));
    project_drop(p);
}

/* --- what runs out -----------------------------------------------------------------------------
 */

/* Many names do not hide one: those that are obeyed are asked for. */
Test(watch, an_obeyed_name_among_too_many_is_found)
{
    struct project *p = prepared();

    cr_assert_eq(project_make(p, "sub/.envrc"), 0);
    cr_assert_eq(project_make(p, "sub/README"), 0);
    faults.names = true;
    guard_sweep(&p->guard, true);
    faults.names = false;
    cr_expect(p->guard.report->incomplete);
    cr_expect_not(project_has(p, "sub/.envrc"));
    cr_expect(project_has(p, "sub/README"));
    project_drop(p);
}

Test(watch, without_memory_it_cannot_go_on)
{
    struct project *p = prepared();

    faults.calloc = true;
    watch_begin(&p->guard, getpid());
    faults.calloc = false;
    cr_expect_eq(p->guard.report->stop, GUARD_NO_MEMORY);
    project_drop(p);
    p = prepared();
    faults.strdup = true;
    watch_begin(&p->guard, getpid());
    cr_expect_eq(p->guard.report->stop, GUARD_NO_MEMORY);
    project_drop(p);
}

/* Names that are known when the guard ends are taken all the same. */
Test(watch, without_memory_for_a_new_directory_it_stops)
{
    struct project *p = watched();

    faults.strdup = true;
    appear(p, "new/");
    cr_expect_eq(p->guard.report->stop, GUARD_NO_MEMORY);
    cr_assert_eq(project_make(p, "new/.envrc"), 0);
    guard_sweep(&p->guard, true);
    cr_expect_not(project_has(p, "new/.envrc"));
    project_drop(p);
}

Test(watch, without_instances_it_looks)
{
    struct project *p = prepared();

    cr_assert_eq(project_make(p, ".envrc"), 0);
    faults.inotify_init = true;
    watch_begin(&p->guard, getpid());
    cr_expect_lt(p->guard.watch.fd, 0);
    cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
    cr_expect_not(project_has(p, ".envrc"));
    cr_assert_eq(project_make(p, "sub/.envrc"), 0);
    guard_sweep(&p->guard, false);
    cr_expect_not(project_has(p, "sub/.envrc"));
    project_drop(p);
}

Test(watch, without_watches_the_last_look_remains)
{
    struct project *p = prepared();

    faults.add_to_watch = true;
    watch_begin(&p->guard, getpid());
    cr_expect_eq(p->guard.watch.count, 0);
    cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
    cr_assert_eq(project_make(p, ".envrc"), 0);
    guard_sweep(&p->guard, true);
    cr_expect_not(project_has(p, ".envrc"));
    project_drop(p);
}

/* --- what loses its protection -----------------------------------------------------------------
 */

static struct project *protected(struct plan_op *op, char *dest, size_t size)
{
    struct project *p = project_new();

    cr_assert_eq(project_make(p, ".envrc"), 0);
    project_place(p, "", PLAN_SEEN_WATCHED);
    project_know(p, ".envrc");
    snprintf(dest, size, "%s/.envrc", p->path);
    *op = (struct plan_op){.kind = PLAN_BIND, .dest = dest, .src = dest};
    p->plan.ops = op;
    p->plan.op_count = 1;
    project_begin(p);
    watch_begin(&p->guard, getpid());
    return p;
}

/* Where the mount cannot be made again the program could write what programs on the host obey. The
 * test's own process is no sandbox that could be entered. */
Test(watch, what_cannot_be_protected_again_stops_it)
{
    struct plan_op op;
    char dest[128];
    struct project *p = protected(&op, dest, sizeof(dest));

    cr_assert_eq(project_make(p, "saved"), 0);
    cr_assert_eq(renameat(p->top, "saved", p->top, ".envrc"), 0);
    cr_assert(take_all(p));
    cr_expect_eq(p->guard.report->stop, GUARD_LOST);
    cr_expect_str_eq(p->guard.report->lost, ".envrc");
    cr_expect(project_has(p, ".envrc"), "it is the person's own file");
    project_drop(p);
}

Test(watch, a_file_that_no_mount_protects_is_not_lost)
{
    struct plan_op op;
    char dest[128];
    struct project *p = protected(&op, dest, sizeof(dest));

    op.flags = PLAN_RW; /* the policy's own line */
    cr_assert_eq(project_make(p, "saved"), 0);
    cr_assert_eq(renameat(p->top, "saved", p->top, ".envrc"), 0);
    cr_assert(take_all(p));
    cr_expect_eq(p->guard.report->stop, GUARD_GOES_ON);
    project_drop(p);
}
