/* The event loop: sources, deadlines, and the order of both. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../child.h"
#include "svenv/base/clock.h"
#include "svenv/sys/loop.h"

static struct loop loop;
static char calls[64];

static void called(char letter)
{
    size_t len = strlen(calls);

    cr_assert_lt(len, sizeof(calls) - 1);
    calls[len] = letter;
}

struct one {
    char letter; /* written large when it was a deadline */
    int fd;
    int number;
    loop_fn *also;
};

static void take(void *context, short events)
{
    struct one *one = context;
    char byte = 0;

    called((char)(events ? one->letter : one->letter - 'a' + 'A'));
    if (events & POLLIN)
        cr_expect_eq(read(one->fd, &byte, 1), 1);
    if (one->also)
        one->also(one, events);
}

static int end_of(struct one *one, char letter)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    *one = (struct one){.letter = letter, .fd = ends[0]};
    one->number = loop_add(&loop, ends[0], POLLIN, take, one);
    cr_assert_geq(one->number, 0);
    return ends[1];
}

static void say(int fd)
{
    cr_assert_eq(write(fd, "x", 1), 1);
}

Test(loop, sources_are_served_in_the_order_they_were_added)
{
    struct one a, b, c;
    int to_a = end_of(&a, 'a'), to_b = end_of(&b, 'b'), to_c = end_of(&c, 'c');

    say(to_c);
    say(to_b);
    loop_once(&loop);
    cr_expect_str_eq(calls, "bc");
    say(to_a);
    say(to_a);
    loop_once(&loop);
    loop_once(&loop);
    cr_expect_str_eq(calls, "bcaa");
}

Test(loop, what_has_come_counts_before_a_deadline)
{
    struct one a, b;
    int to_b = 0;

    end_of(&a, 'a');
    to_b = end_of(&b, 'b');
    loop_expect(&loop, a.number, clock_ms() - 100);
    loop_expect(&loop, b.number, clock_ms() - 200);
    say(to_b);
    loop_once(&loop);
    cr_expect_str_eq(calls, "bAB");
}

Test(loop, a_deadline_passes_once_and_never_early)
{
    struct one a, b;
    int64_t due = clock_ms() + 30;

    a = (struct one){.letter = 'a', .fd = -1};
    a.number = loop_add(&loop, -1, 0, take, &a);
    b = (struct one){.letter = 'b', .fd = -1};
    b.number = loop_add(&loop, -1, 0, take, &b);
    loop_expect(&loop, a.number, due);
    loop_expect(&loop, b.number, due + 3600000);
    while (!*calls)
        loop_once(&loop);
    cr_expect_geq(clock_ms(), due);
    cr_expect_str_eq(calls, "A");
    cr_expect_eq(loop.sources[a.number].due_ms, 0);
    loop_expect(&loop, b.number, 0);
    loop_expect(&loop, a.number, clock_ms());
    loop_once(&loop);
    cr_expect_str_eq(calls, "AA");
}

static void put_off(void *context, short events)
{
    const struct one *one = context;

    (void)events;
    if (strlen(calls) < 3)
        loop_expect(&loop, one->number, clock_ms());
}

Test(loop, a_handler_may_set_its_deadline_anew)
{
    struct one a = {.letter = 'a', .fd = -1, .also = put_off};

    a.number = loop_add(&loop, -1, 0, take, &a);
    loop_expect(&loop, a.number, clock_ms());
    for (int i = 0; i < 3; i++)
        loop_once(&loop);
    cr_expect_str_eq(calls, "AAA");
    cr_expect_eq(loop.sources[a.number].due_ms, 0);
}

static struct one late;
static int late_end = -1;

/* Takes the other sources away, and puts a new one into the row of the next. */
static void exchange(void *context, short events)
{
    const struct one *one = context;

    (void)events;
    loop_remove(&loop, one->number + 1);
    late_end = end_of(&late, 'n');
    say(late_end);
}

Test(loop, who_was_removed_is_not_called_and_who_is_new_waits)
{
    struct one a, b;
    int to_a = end_of(&a, 'a'), to_b = end_of(&b, 'b');

    a.also = exchange;
    say(to_a);
    say(to_b);
    loop_once(&loop);
    cr_expect_str_eq(calls, "a");
    cr_expect_eq(late.number, b.number);
    loop_once(&loop);
    cr_expect_str_eq(calls, "an");
}

Test(loop, the_end_of_a_descriptor_is_an_event)
{
    struct one a;
    int to_a = end_of(&a, 'a');

    loop_listen(&loop, a.number, 0);
    say(to_a);
    close(to_a);
    loop_once(&loop);
    cr_expect_str_eq(calls, "a");
}

Test(loop, who_does_not_listen_hears_nothing)
{
    struct one a, b;
    int to_a = end_of(&a, 'a'), to_b = end_of(&b, 'b');

    loop_listen(&loop, a.number, 0);
    say(to_a);
    say(to_b);
    loop_once(&loop);
    cr_expect_str_eq(calls, "b");
    loop_listen(&loop, a.number, POLLIN);
    loop_once(&loop);
    cr_expect_str_eq(calls, "ba");
}

static void stop(void *context, short events)
{
    (void)context;
    (void)events;
    loop.over = true;
}

Test(loop, when_it_is_over_nobody_is_called_any_more)
{
    struct one a, b;
    int to_a = end_of(&a, 'a'), to_b = end_of(&b, 'b');

    a.also = stop;
    say(to_a);
    say(to_b);
    loop_expect(&loop, b.number, clock_ms() - 1);
    loop_run(&loop);
    cr_expect_str_eq(calls, "a");
}

Test(loop, the_table_is_bounded)
{
    static struct one ones[LOOP_SOURCES_MAX];

    for (int i = 0; i < LOOP_SOURCES_MAX; i++)
        cr_assert_eq(loop_add(&loop, -1, 0, take, &ones[i]), i);
    cr_expect_eq(loop_add(&loop, -1, 0, take, &ones[0]), -ENOSPC);
    loop_remove(&loop, 7);
    loop_remove(&loop, -1);
    cr_expect_eq(loop_add(&loop, -1, 0, take, &ones[0]), 7);
}

/* How often the loop turns until both have been heard of, with that many descriptors allowed. */
static int turns_with(void *limit)
{
    const struct rlimit few = {*(rlim_t *)limit, *(rlim_t *)limit};
    struct one a, b;
    int to_a = end_of(&a, 'a'), to_b = end_of(&b, 'b');
    int turns = 0;

    if (setrlimit(RLIMIT_NOFILE, &few) < 0)
        return 255;
    say(to_a);
    say(to_b);
    while (strlen(calls) < 2 && turns < 10) {
        loop_once(&loop);
        turns++;
    }
    return turns;
}

/* Which may be fewer than are open, and fewer than the table has rows. */
Test(loop, a_caller_may_allow_few_descriptors)
{
    static rlim_t limits[] = {1, 2, 20, 64};

    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        cr_expect_eq(in_child(turns_with, &limits[i]), 1, "%d descriptors", (int)limits[i]);
}
