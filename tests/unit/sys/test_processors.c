/* Where a forked process begins, and what it may use afterwards. */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../child.h"
#include "processors-internal.h"
#include "svenv/sys/processors.h"

enum {
    STARTS = 100
};

static unsigned processor(void)
{
    unsigned here = 0;

    syscall(SYS_getcpu, &here, NULL, NULL);
    return here;
}

static int own_count(void)
{
    cpu_set_t own;

    return sched_getaffinity(0, sizeof(own), &own) < 0 ? 0 : CPU_COUNT(&own);
}

static bool may_use(pid_t pid, const cpu_set_t *set)
{
    cpu_set_t its;

    return sched_getaffinity(pid, sizeof(its), &its) == 0 && CPU_EQUAL(set, &its);
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Return: did it begin elsewhere? *kept: its processors are the caller's. */
static bool begins_elsewhere(bool *kept)
{
    volatile unsigned *first =
        mmap(NULL, sizeof(*first), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned here = processor();
    pid_t pid = fork();
    bool elsewhere;
    cpu_set_t own;

    if (pid == 0) {
        *first = processor() + 1;
        for (;;)
            pause();
    }
    cr_assert(processors_apart(pid) == 0);
    *kept = sched_getaffinity(0, sizeof(own), &own) == 0 && may_use(pid, &own);
    while (*first == 0)
        sched_yield();
    elsewhere = *first - 1 != here;
    munmap((void *)(uintptr_t)first, sizeof(*first));
    end(pid);
    return elsewhere;
}

Test(processors, begins_elsewhere_and_may_use_all)
{
    int elsewhere = 0;
    bool kept;

    if (own_count() < 2)
        cr_skip_test("there is one processor only");
    for (int i = 0; i < STARTS; i++) {
        elsewhere += begins_elsewhere(&kept);
        cr_assert(kept);
    }
    cr_assert_gt(elsewhere, STARTS * 9 / 10, "%d of %d began elsewhere", elsewhere, STARTS);
}

/* A choice that somebody made by taskset(1) stays. */
static int on_one(void *arg)
{
    cpu_set_t one;
    bool kept = false;

    (void)arg;
    CPU_ZERO(&one);
    CPU_SET(processor(), &one);
    return sched_setaffinity(0, sizeof(one), &one) == 0 && !begins_elsewhere(&kept) && kept ? 0 : 1;
}

Test(processors, stays_on_the_callers_only_one)
{
    cr_assert_eq(in_child(on_one, NULL), 0);
}

/* With two to choose from, of more. */
static int on_two(void *arg)
{
    cpu_set_t all, two;
    bool kept = false;

    (void)arg;
    CPU_ZERO(&two);
    if (sched_getaffinity(0, sizeof(all), &all) < 0)
        return 1;
    for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&two) < 2; i++) {
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &two);
    }
    if (sched_setaffinity(0, sizeof(two), &two) < 0)
        return 1;
    begins_elsewhere(&kept);
    return kept ? 0 : 1;
}

Test(processors, a_narrower_set_stays)
{
    if (own_count() < 3)
        cr_skip_test("there are fewer than three processors");
    cr_assert_eq(in_child(on_two, NULL), 0);
}

/* The same where there are two: a start would need a third to show it. */
Test(processors, a_narrower_set_is_given_back)
{
    pid_t pid;
    cpu_set_t one;

    if (own_count() < 2)
        cr_skip_test("there is one processor only");
    CPU_ZERO(&one);
    CPU_SET(processor(), &one);
    pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    cr_expect(!may_use(pid, &one));
    cr_expect_eq(processors_give_back(pid, &one), 0);
    cr_expect(may_use(pid, &one));
    end(pid);
}

Test(processors, one_that_is_gone)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    cr_assert_eq(processors_apart(pid), 0);
}
