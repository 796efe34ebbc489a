/* The lines that tell the user of what appeared in the project. */
#include <criterion/criterion.h>

#include "project.h"

#include "svenv/base/mem.h"

static char said[16384];

static int begin_capture(const struct project *p)
{
    int file = openat(p->scratch.fd, "said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

    cr_assert(file >= 0 && own >= 0);
    cr_assert_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    close(file);
    return own;
}

static void end_capture(int own)
{
    ssize_t len = pread(STDERR_FILENO, said, sizeof(said) - 1, 0);

    dup2(own, STDERR_FILENO);
    close(own);
    cr_assert_geq(len, 0);
    said[len] = '\0';
}

static unsigned lines(void)
{
    unsigned count = 0;

    for (const char *c = said; *c; c++)
        count += *c == '\n';
    return count;
}

static void tell(struct project *p, bool ended)
{
    int own = begin_capture(p);

    guard_tell(&p->guard, ended);
    end_capture(own);
}

static void tell_stop(struct project *p, enum guard_stop stop)
{
    int own = begin_capture(p);

    p->guard.report->stop = stop;
    guard_tell_stop(&p->guard);
    end_capture(own);
}

static struct project *taken(size_t count)
{
    struct project *p = project_new();
    struct guard_report *report = NULL;

    project_begin(p);
    report = p->guard.report;
    snprintf(report->stamp, sizeof(report->stamp), "STAMP");
    report->count = count;
    for (size_t i = 0; i < count && i < TAKEN_KEPT; i++)
        snprintf(report->taken[i].rel, sizeof(report->taken[i].rel), "name%zu", i);
    return p;
}

Test(tell, names_what_was_taken_and_where_it_is)
{
    static const struct {
        size_t count;
        const char *part;
    } rows[] = {
        {1, "obey 'name0', which appeared"},
        {4, "'name0', 'name1', 'name2', 'name3', which"},
        {5, "'name3' and 1 more, which"},
        {TAKEN_KEPT + 1, "'name3' and 29 more, which"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct project *p = taken(rows[i].count);
        char where[160];

        tell(p, true);
        snprintf(where, sizeof(where), "%s/sandbox/quarantine/STAMP'", p->venv);
        cr_expect_not_null(strstr(said, rows[i].part), "%s", said);
        cr_expect_not_null(strstr(said, where), "%s", said);
        cr_expect_eq(lines(), 1, "%s", said);
        tell(p, true);
        cr_expect_str_eq(said, "", "nothing is told twice");
        project_drop(p);
    }
}

/* Their names are no longer known, their number is. */
Test(tell, counts_what_it_cannot_name)
{
    struct project *p = taken(TAKEN_KEPT);

    tell(p, false);
    p->guard.report->count += 3;
    tell(p, false);
    cr_expect_not_null(strstr(said, "obey 3 names, which"), "%s", said);
    project_drop(p);
}

/* A program that goes on makes no flood; the rest is told when it has ended. */
Test(tell, lines_are_few_while_the_program_runs)
{
    struct project *p = taken(0);
    unsigned all = 0;

    for (unsigned i = 0; i < 20; i++) {
        p->guard.report->count++;
        tell(p, false);
        all += lines();
    }
    cr_expect_eq(all, 8);
    tell(p, true);
    cr_expect_eq(lines(), 1);
    cr_expect_not_null(strstr(said, "and 8 more, which"), "%s", said);
    project_drop(p);
}

/* The names are the program's to choose. */
Test(tell, names_cannot_write_to_the_terminal)
{
    struct project *p = taken(1);

    snprintf(p->guard.report->taken[0].rel, PATH_MAX, "a\033]0;x\a\nsandbox-venv: fine");
    tell(p, true);
    cr_expect_null(strchr(said, '\033'));
    cr_expect_null(strchr(said, '\a'));
    cr_expect_eq(lines(), 1, "%s", said);
    project_drop(p);
}

Test(tell, nothing_happened_and_nothing_is_said)
{
    struct project *p = taken(0);

    tell(p, false);
    cr_expect_str_eq(said, "");
    tell(p, true);
    cr_expect_str_eq(said, "");
    tell_stop(p, GUARD_GOES_ON);
    cr_expect_str_eq(said, "");
    project_drop(p);
}

Test(tell, each_reservation_has_its_line)
{
    struct project *p = taken(0);
    struct guard_report *report = p->guard.report;

    report->stuck = 1;
    report->opened = report->failed = report->incomplete = true;
    tell(p, false);
    cr_expect_str_eq(said, "", "not before the end");
    tell(p, true);
    cr_expect_eq(lines(), 4, "%s", said);
    cr_expect_not_null(strstr(said, "not all of it could be moved"));
    cr_expect_not_null(strstr(said, "had become writable for other users"));
    cr_expect_not_null(strstr(said, "cannot be moved away"));
    cr_expect_not_null(strstr(said, "could be searched for"));
    project_drop(p);
}

Test(tell, each_stop_has_its_reason)
{
    static const struct {
        enum guard_stop stop;
        const char *part;
    } rows[] = {
        {GUARD_LOST, "'sub/.envrc' was replaced on the host"},
        {GUARD_NO_MEMORY, "no memory left to watch"},
        {GUARD_DIED, "the process that watches"},
    };
    struct project *p = taken(0);

    snprintf(p->guard.report->lost, PATH_MAX, "sub/.envrc");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        tell_stop(p, rows[i].stop);
        cr_expect_not_null(strstr(said, "sandbox-venv: stopped: "), "%s", said);
        cr_expect_not_null(strstr(said, rows[i].part), "%s", said);
        cr_expect_eq(lines(), 1);
    }
    project_drop(p);
}
