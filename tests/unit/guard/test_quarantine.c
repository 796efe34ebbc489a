/* How a name leaves the project. */
#include <criterion/criterion.h>
#include <limits.h>

#include "project.h"

#include "svenv/base/layout.h"
#include "svenv/base/mem.h"

static struct project *begun(const char *const *made, size_t count)
{
    struct project *p = project_new();

    project_begin(p);
    for (size_t i = 0; i < count && made[i]; i++)
        cr_assert_eq(project_make(p, made[i]), 0, "%s", made[i]);
    return p;
}

static struct project *begun_with(const char *made)
{
    return begun(&made, 1);
}

static int take(struct project *p, const char *rel)
{
    return quarantine_take(&p->guard.quarantine, p->top, rel);
}

static struct file_id in_quarantine(const struct project *p, const char *rel)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "v/" IN_SANDBOX(SANDBOX_QUARANTINE) "/%s/%s",
             p->guard.report->stamp, rel);
    return file_id_of(p->scratch.fd, path, false);
}

Test(quarantine, keeps_what_it_takes)
{
    static const struct {
        const char *made[3], *rel;
        const char *kept[3];
    } rows[] = {
        {{".envrc"}, ".envrc", {".envrc"}},
        {{"a/b/.envrc"}, "a/b/.envrc", {"a/b/.envrc"}},
        {{".git/config", ".git/hooks/x"}, ".git", {".git/config", ".git/hooks/x"}},
        {{".git/"}, ".git", {".git"}},
        {{"a/.git/a/b/c"}, "a/.git", {"a/.git/a/b/c"}},
        {{".envrc->/etc/passwd"}, ".envrc", {".envrc"}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct project *p = begun(rows[i].made, 3);
        const struct guard_report *report = p->guard.report;

        cr_expect_eq(take(p, rows[i].rel), 0, "%s", rows[i].rel);
        cr_expect_not(project_has(p, rows[i].rel), "%s", rows[i].rel);
        for (size_t j = 0; j < 3 && rows[i].kept[j]; j++)
            cr_expect(project_took(p, rows[i].kept[j]), "%s", rows[i].kept[j]);
        cr_expect_eq(project_count(p, ".", NAME_TAKEN), 0, "%s", rows[i].rel);
        cr_expect_eq(report->count, 1);
        cr_expect_eq(report->stuck, 0);
        cr_expect(report->taken[0].moved);
        cr_expect_str_eq(report->taken[0].rel, rows[i].rel);
        project_drop(p);
    }
}

Test(quarantine, nobody_else_gets_to_it)
{
    struct project *p = begun_with("a/.git/config");
    struct stat st;

    cr_assert_eq(take(p, "a/.git"), 0);
    cr_assert_eq(fstatat(p->scratch.fd, "v/" IN_SANDBOX(SANDBOX_QUARANTINE), &st, 0), 0);
    cr_expect_eq(st.st_mode & 0777, 0700);
    cr_expect_eq(in_quarantine(p, "").mode & 0777, 0700);
    cr_expect_eq(in_quarantine(p, "a").mode & 0777, 0700);
    cr_expect_eq(in_quarantine(p, "a/.git").mode & 0777, 0700);
    project_drop(p);
}

Test(quarantine, what_is_gone_is_no_failure)
{
    struct project *p = begun_with("README");

    cr_expect_eq(take(p, ".envrc"), 0);
    cr_expect_eq(p->guard.report->count, 0);
    cr_expect_eq(*p->guard.report->stamp, '\0', "nothing is made for nothing");
    cr_expect_not(scratch_has(&p->scratch, "v/" IN_SANDBOX(SANDBOX_QUARANTINE)));
    project_drop(p);
}

/* A process inside that has the directory as its own would come by ".." to where it was moved. */
Test(quarantine, no_directory_is_moved)
{
    struct project *p = begun_with(".git/sub/config");
    struct file_id file = file_id_of(p->top, ".git/sub/config", false);
    struct file_id project = file_id_of(p->top, ".", false);
    struct stat first;
    int dirs[2] = {openat(p->top, ".git", O_PATH | O_CLOEXEC),
                   openat(p->top, ".git/sub", O_PATH | O_CLOEXEC)};

    cr_assert_eq(fstat(dirs[0], &first), 0);
    cr_assert_eq(take(p, ".git"), 0);
    cr_expect_eq(in_quarantine(p, ".git/sub/config").ino, file.ino, "the file is the same");
    for (size_t i = 0; i < 2; i++) {
        struct stat st, above;

        cr_assert_eq(fstat(dirs[i], &st), 0);
        cr_expect_eq(fstatat(dirs[i], "..", &above, 0), 0);
        cr_expect_eq(above.st_ino, i == 0 ? project.ino : first.st_ino);
        cr_expect_neq(st.st_ino, in_quarantine(p, i == 0 ? ".git" : ".git/sub").ino);
        close(dirs[i]);
    }
    project_drop(p);
}

Test(quarantine, no_link_is_followed)
{
    struct project *p = begun_with(".git/link->../../outside");

    cr_assert_eq(mkdirat(p->scratch.fd, "outside", 0755), 0);
    scratch_write(&p->scratch, "outside/.envrc", "");
    cr_assert_eq(project_make(p, "sub->../outside"), 0);
    cr_expect_lt(take(p, "sub/.envrc"), 0);
    cr_expect_lt(take(p, "../outside/.envrc"), 0);
    cr_expect(scratch_has(&p->scratch, "outside/.envrc"));
    cr_expect_eq(take(p, ".git"), 0);
    cr_expect(scratch_has(&p->scratch, "outside/.envrc"));
    cr_expect(S_ISLNK(in_quarantine(p, ".git/link").mode));
    project_drop(p);
}

/* The directories of a venv are not the program's to write, but the venv's own path may be. */
Test(quarantine, what_it_cannot_move_is_obeyed_by_nobody)
{
    static const char *const made[] = {".envrc", ".git/config"};

    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        struct project *p = begun_with(made[i]);
        const char *rel = i == 0 ? ".envrc" : ".git";

        cr_assert_eq(unlinkat(p->scratch.fd, "v/" VENV_SANDBOX, AT_REMOVEDIR), 0);
        cr_assert_eq(symlinkat("..", p->scratch.fd, "v/" VENV_SANDBOX), 0);
        cr_expect_eq(take(p, rel), 0);
        cr_expect_not(project_has(p, rel));
        cr_expect_eq(project_count(p, ".", NAME_TAKEN), 1);
        cr_expect_eq(p->guard.report->count, 1);
        cr_expect_eq(p->guard.report->stuck, 1);
        cr_expect_not(p->guard.report->taken[0].moved);
        cr_expect_not(scratch_has(&p->scratch, SANDBOX_QUARANTINE));
        project_drop(p);
    }
}

Test(quarantine, a_name_that_comes_again_stands_beside_the_first)
{
    struct project *p = begun_with(".envrc");

    cr_assert_eq(take(p, ".envrc"), 0);
    cr_assert_eq(project_make(p, ".envrc"), 0);
    cr_assert_eq(take(p, ".envrc"), 0);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(project_make(p, ".git/config"), 0);
        cr_assert_eq(take(p, ".git"), 0);
    }
    cr_expect(project_took(p, ".envrc"));
    cr_expect(project_took(p, ".envrc.1"));
    cr_expect(project_took(p, ".git/config"));
    cr_expect(project_took(p, ".git.1/config"));
    cr_expect_eq(p->guard.report->stuck, 0);
    cr_expect_eq(p->guard.report->count, 4);
    project_drop(p);
}

Test(quarantine, closed_directories_give_back_what_is_in_them)
{
    struct project *p = begun_with(".git/hooks/x");

    cr_assert_eq(fchmodat(p->top, ".git/hooks", 0, 0), 0);
    cr_assert_eq(fchmodat(p->top, ".git", 0, 0), 0);
    cr_expect_eq(take(p, ".git"), 0);
    cr_expect(project_took(p, ".git/hooks/x"));
    cr_expect_eq(p->guard.report->stuck, 0);
    project_drop(p);
}

/* Each directory on the way costs a descriptor. */
Test(quarantine, a_tree_beyond_the_depth_comes_in_parts)
{
    char path[PATH_MAX] = ".git/";
    struct project *p = NULL;

    for (int i = 0; i < 150; i++)
        strcat(path, "d/");
    strcat(path, ".envrc");
    p = begun_with(path);
    cr_expect_eq(take(p, ".git"), 0);
    cr_expect_not(project_has(p, ".git"));
    cr_expect_eq(project_count(p, ".", NAME_TAKEN), 0);
    cr_expect(project_took(p, ".git"));
    cr_expect(project_took(p, ".git.1"));
    cr_expect(project_took(p, ".git.2"));
    cr_expect_eq(p->guard.report->stuck, 0);
    cr_expect_eq(p->guard.report->count, 1);
    project_drop(p);
}

/* Its mode is the program's affair, and stays. */
Test(quarantine, a_closed_parent_keeps_nothing)
{
    static const char *const made[] = {"a/.git/config", "a/.envrc"};
    struct project *p = begun(made, ARRAY_SIZE(made));
    struct file_id id;

    cr_assert_eq(fchmodat(p->top, "a", 0, 0), 0);
    cr_expect_eq(take(p, "a/.git"), 0);
    cr_expect_eq(take(p, "a/.envrc"), 0);
    id = file_id_of(p->top, "a", false);
    cr_expect_eq(id.mode & 0777, 0);
    cr_assert_eq(fchmodat(p->top, "a", 0700, 0), 0);
    cr_expect_eq(project_count(p, "a", NAME_TAKEN), 0);
    cr_expect(project_took(p, "a/.git/config"));
    cr_expect(project_took(p, "a/.envrc"));
    cr_expect_eq(p->guard.report->stuck, 0);
    project_drop(p);
}

/* A file that was taken lies where the next one's directory would. */
Test(quarantine, a_file_in_the_way_keeps_nothing_out)
{
    struct project *p = begun_with("a");

    cr_expect_eq(take(p, "a"), 0);
    cr_assert_eq(project_make(p, "a/.envrc"), 0);
    cr_expect_eq(take(p, "a/.envrc"), 0);
    cr_expect(project_took(p, ".envrc"));
    cr_expect_eq(p->guard.report->stuck, 0);
    project_drop(p);
}

Test(quarantine, more_names_than_are_kept_are_counted)
{
    struct project *p = begun_with("README");
    char name[32];

    for (int i = 0; i <= TAKEN_KEPT; i++) {
        snprintf(name, sizeof(name), "%d.code-workspace", i);
        cr_assert_eq(project_make(p, name), 0);
        cr_expect_eq(take(p, name), 0);
    }
    cr_expect_eq(p->guard.report->count, TAKEN_KEPT + 1);
    cr_expect_str_eq(p->guard.report->taken[TAKEN_KEPT - 1].rel, "31.code-workspace");
    cr_expect(project_took(p, "32.code-workspace"));
    project_drop(p);
}
