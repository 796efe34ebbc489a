/* The guard's own process: begins, works, says so, and ends, whatever becomes of the launcher. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../child.h"
#include "faults.h"
#include "project.h"

#include "svenv/base/mem.h"
#include "svenv/sys/syscalls.h"

enum {
    MS = 60000 /* only a test that fails takes that long */
};

/* Stands for the line of the audit log that is written when the launcher has ended. */
struct late {
    const struct project *project;
    struct shared_late {
        unsigned lines;
        size_t count;
        bool opened;
        enum guard_stop stop;
    } * shared;
};

static void write_late(void *context)
{
    const struct late *late = context;
    const struct guard_report *report = late->project->guard.report;

    *late->shared =
        (struct shared_late){late->shared->lines + 1, report->count, report->opened, report->stop};
}

struct beside_test {
    struct project *project;
    struct late late;
    pid_t init; /* stands for pid 1 of the sandbox */
};

static pid_t fork_init(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        for (;;)
            pause();
    }
    cr_assert_gt(pid, 0);
    return pid;
}

static struct beside_test prepared(void)
{
    struct beside_test t = {.project = project_new(), .init = fork_init()};
    struct project *p = t.project;

    cr_assert_eq(project_make(p, "sub/"), 0);
    project_place(p, "", PLAN_SEEN_WATCHED);
    project_place(p, "sub", PLAN_SEEN_WATCHED);
    project_begin(p);
    t.late.project = p;
    t.late.shared = mmap(NULL, sizeof(*t.late.shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(t.late.shared, MAP_FAILED);
    p->guard.late = write_late;
    return t;
}

static void begin(struct beside_test *t)
{
    t->project->guard.late_context = &t->late;
    cr_assert_eq(guard_fork(&t->project->guard, getpid(), t->init), 0);
    cr_expect(t->project->guard.process.begun);
}

static void end_init(struct beside_test *t)
{
    kill(t->init, SIGKILL);
    cr_expect_eq(waitpid(t->init, NULL, 0), t->init);
    t->init = 0;
}

/* The guard's process ends by itself, and with 0. */
static void expect_end(void)
{
    int status = 0;

    cr_expect_gt(waitpid(-1, &status, 0), 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void drop(struct beside_test *t)
{
    struct guard *guard = &t->project->guard;

    if (t->init > 0)
        end_init(t);
    cr_expect_eq(waitpid(-1, NULL, 0), -1, "no process is left");
    if (guard->process.socket >= 0)
        close(guard->process.socket);
    if (guard->process.pidfd >= 0)
        close(guard->process.pidfd);
    if (guard->report != &guard->own)
        munmap(guard->report, sizeof(*guard->report));
    munmap(t->late.shared, sizeof(*t->late.shared));
    project_drop(t->project);
}

static enum guard_news hear(struct guard *guard)
{
    struct pollfd fd = {.fd = guard->process.socket, .events = POLLIN};

    cr_assert_eq(poll(&fd, 1, MS), 1, "nothing was said");
    return guard_hear(guard);
}

static void finish(struct beside_test *t, bool alive)
{
    enum guard_news news = GUARD_NEWS;

    cr_assert_not(guard_finish(&t->project->guard, alive));
    while (news == GUARD_NEWS)
        news = hear(&t->project->guard);
    cr_expect_eq(news, GUARD_LOOKED);
    cr_expect_lt(t->project->guard.process.socket, 0);
}

Test(guard_process, takes_what_appears_and_says_so)
{
    struct beside_test t = prepared();
    struct project *p = t.project;

    begin(&t);
    cr_assert_eq(project_make(p, "README"), 0);
    cr_assert_eq(project_make(p, "sub/.envrc"), 0);
    cr_expect_eq(hear(&p->guard), GUARD_NEWS);
    cr_expect_eq(p->guard.report->count, 1);
    cr_expect_str_eq(p->guard.report->taken[0].rel, "sub/.envrc");
    cr_expect(project_took(p, "sub/.envrc"));
    finish(&t, false);
    expect_end();
    cr_expect(project_has(p, "README"));
    cr_expect_eq(t.late.shared->lines, 0, "the launcher has it");
    drop(&t);
}

/* The last look comes before the word that it was taken. */
Test(guard_process, takes_the_last_look_before_it_ends)
{
    struct beside_test t = prepared();
    struct project *p = t.project;

    begin(&t);
    cr_assert_eq(project_make(p, "__pycache__/a.pyc"), 0);
    cr_assert_eq(fchmod(p->top, 0777), 0);
    finish(&t, false);
    cr_expect_not(project_has(p, "__pycache__"));
    cr_expect(p->guard.report->opened);
    expect_end();
    drop(&t);
}

/* The job was stopped as a whole, and the program has been killed. */
Test(guard_process, a_stopped_one_goes_on_for_the_last_look)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;
    siginfo_t info;

    begin(&t);
    if (guard->process.pidfd < 0)
        cr_skip_test("this kernel has no pidfd");
    cr_assert_eq(sys_pidfd_kill(guard->process.pidfd, SIGSTOP), 0);
    cr_assert_eq(waitid(P_ALL, 0, &info, WSTOPPED), 0);
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    finish(&t, false);
    cr_expect_not(project_has(t.project, ".envrc"));
    expect_end();
    drop(&t);
}

/* A reader that waits for the end of a pipe of the launcher's need not wait for its guard. */
Test(guard_process, keeps_no_descriptor_of_the_caller)
{
    struct beside_test t = prepared();
    struct pollfd end = {.events = POLLIN};
    int pair[2];

    cr_assert_eq(pipe(pair), 0);
    begin(&t);
    close(pair[1]);
    end.fd = pair[0];
    /* pid 1 was forked before the pipe was made */
    cr_expect_eq(poll(&end, 1, MS), 1);
    cr_expect(end.revents & POLLHUP);
    close(pair[0]);
    finish(&t, false);
    expect_end();
    drop(&t);
}

/* --- without the launcher ----------------------------------------------------------------------
 */

static void launcher_ends(struct guard *guard)
{
    close(guard->process.socket);
    guard->process.socket = -1;
}

/* It was killed, and pid 1 with it. */
Test(guard_process, takes_the_last_look_when_the_launcher_is_gone)
{
    struct beside_test t = prepared();

    begin(&t);
    cr_assert_eq(project_make(t.project, "sub/.envrc"), 0);
    cr_assert_eq(hear(&t.project->guard), GUARD_NEWS);
    cr_assert_eq(project_make(t.project, "__pycache__/a.pyc"), 0);
    launcher_ends(&t.project->guard);
    end_init(&t);
    expect_end();
    cr_expect_not(project_has(t.project, "__pycache__"));
    cr_expect_eq(t.late.shared->lines, 1);
    cr_expect_eq(t.late.shared->count, 1, "what was taken before, too");
    drop(&t);
}

/* In a container without an init nobody reaps what pid 1 has killed. */
Test(guard_process, waits_not_for_ever_for_pid_1)
{
    struct beside_test t = prepared();

    begin(&t);
    launcher_ends(&t.project->guard);
    expect_end();
    cr_expect_eq(kill(t.init, 0), 0);
    cr_expect_eq(t.late.shared->lines, 0, "there was nothing");
    drop(&t);
}

/* lifetime: tree */
Test(guard_process, watches_on_while_something_lives)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;

    begin(&t);
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    finish(&t, true);
    cr_expect_eq(guard->report->count, 1);
    guard_leave(guard, t.init);
    cr_assert_eq(project_make(t.project, "sub/.envrc"), 0);
    (void)project_make(t.project, "sub/.git/config"); /* the directory may be taken meanwhile */
    cr_assert_eq(fchmod(t.project->top, 0777), 0);
    end_init(&t);
    expect_end();
    cr_expect_not(project_has(t.project, "sub/.envrc"));
    cr_expect_not(project_has(t.project, "sub/.git"));
    cr_expect(project_took(t.project, "sub/.git"), "in the same directory");
    cr_expect_eq(t.late.shared->lines, 1);
    cr_expect_eq(t.late.shared->count, 2, "without what the launcher has told");
    cr_expect(t.late.shared->opened);
    drop(&t);
}

/* A program that ended before anybody watched leaves something that lives on. */
Test(guard_process, begins_late_for_what_lives_on)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;

    guard->late_context = &t.late;
    cr_expect(guard_finish(guard, true));
    guard_leave(guard, t.init);
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    end_init(&t);
    expect_end();
    cr_expect_not(project_has(t.project, ".envrc"));
    cr_expect_eq(t.late.shared->lines, 1);
    drop(&t);
}

Test(guard_process, none_begins_for_what_has_ended)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;

    guard_leave(guard, 0);
    end_init(&t);
    guard->plan = NULL;
    cr_expect_not(guard_is_used(guard));
    guard_leave(guard, getpid());
    drop(&t);
}

/* --- what fails --------------------------------------------------------------------------------
 */

Test(guard_process, one_that_died_is_noticed)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;

    begin(&t);
    if (guard->process.pidfd < 0)
        cr_skip_test("this kernel has no pidfd");
    cr_assert_eq(sys_pidfd_kill(guard->process.pidfd, SIGKILL), 0);
    cr_expect_eq(hear(guard), GUARD_GONE);
    cr_expect_not(guard->process.begun);
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    cr_expect(guard_finish(guard, false), "the launcher looks itself");
    cr_expect_not(project_has(t.project, ".envrc"));
    cr_expect_gt(waitpid(-1, NULL, 0), 0);
    drop(&t);
}

/* The launcher has not heard of the death yet. */
Test(guard_process, one_that_died_just_now_is_no_last_look)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;
    siginfo_t info;

    begin(&t);
    if (guard->process.pidfd < 0)
        cr_skip_test("this kernel has no pidfd");
    cr_assert_eq(sys_pidfd_kill(guard->process.pidfd, SIGKILL), 0);
    do
        cr_assert_eq(waitid(P_ALL, 0, &info, WEXITED), 0);
    while (info.si_pid == t.init);
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    cr_expect(guard_finish(guard, false));
    cr_expect_not(guard->process.begun);
    cr_expect_not(project_has(t.project, ".envrc"));
    drop(&t);
}

/* Unwatched, nothing runs on: pid 1 is killed, and with it the sandbox. */
Test(guard_process, without_memory_the_sandbox_is_stopped)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;
    int status = 0;

    faults.calloc = true;
    begin(&t);
    faults.calloc = false;
    cr_expect_eq(hear(guard), GUARD_NEWS);
    cr_expect_eq(guard->report->stop, GUARD_NO_MEMORY);
    cr_expect_eq(waitpid(t.init, &status, 0), t.init);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    t.init = 0;
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    finish(&t, false);
    cr_expect_not(project_has(t.project, ".envrc"), "the last look is taken all the same");
    expect_end();
    drop(&t);
}

Test(guard_process, without_instances_it_looks_each_second)
{
    struct beside_test t = prepared();
    struct guard *guard = &t.project->guard;

    faults.inotify_init = true;
    begin(&t);
    cr_assert_eq(project_make(t.project, ".envrc"), 0);
    cr_expect_eq(hear(guard), GUARD_NEWS);
    cr_expect_not(project_has(t.project, ".envrc"));
    cr_assert_eq(project_make(t.project, "sub/.envrc"), 0);
    cr_expect_eq(hear(guard), GUARD_NEWS);
    cr_expect_not(project_has(t.project, "sub/.envrc"));
    cr_expect_eq(guard->report->stop, GUARD_GOES_ON);
    finish(&t, false);
    expect_end();
    drop(&t);
}

/* The launcher is told, and looks itself. */
static int fork_without_descriptors(void *arg)
{
    struct project *p = arg;
    struct rlimit limit, none = {.rlim_cur = 0};

    getrlimit(RLIMIT_NOFILE, &limit);
    none.rlim_max = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    if (guard_fork(&p->guard, getpid(), 0) != -EMFILE)
        return 1;
    if (p->guard.process.begun || p->guard.process.socket >= 0)
        return 2;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (project_make(p, ".envrc") < 0)
        return 3;
    guard_look(&p->guard, getpid());
    if (project_has(p, ".envrc"))
        return 4;
    if (project_make(p, "__pycache__/a.pyc") < 0 || !guard_finish(&p->guard, false))
        return 5;
    return project_has(p, "__pycache__") ? 6 : 0;
}

static int fork_without_processes(void *arg)
{
    struct project *p = arg;
    struct rlimit none = {.rlim_cur = 0};

    if (setrlimit(RLIMIT_NPROC, &none) < 0 || (geteuid() == 0 && setuid(65534) < 0))
        return 1;
    if (guard_fork(&p->guard, getpid(), 0) != -EAGAIN)
        return 2;
    return p->guard.process.begun || p->guard.process.socket >= 0 ? 3 : 0;
}

Test(guard_process, one_that_cannot_begin_is_told)
{
    struct beside_test t = prepared();

    cr_expect_eq(in_child(fork_without_descriptors, t.project), 0);
    cr_expect_eq(in_child(fork_without_processes, t.project), 0);
    drop(&t);
}
