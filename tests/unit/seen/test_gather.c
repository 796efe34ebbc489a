#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "svenv/sys/syscalls.h"

#include "../base/scratch.h"
#include "../child.h"

#include "svenv/seen/seen.h"

enum {
    DIRECTORIES = 1100,
    REPLACED = 3,
    REMOVED = 700,
    PASSED = 1099
};

/* Calls that a test lets fail. */
static struct {
    bool fork, mmap;
    bool idle; /* the new processes end before they look at anything */
} broken;

pid_t __real_sys_fork_with(unsigned long flags, pid_t *pid_out);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
pid_t __wrap_sys_fork_with(unsigned long flags, pid_t *pid_out);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);

pid_t __wrap_sys_fork_with(unsigned long flags, pid_t *pid_out)
{
    pid_t pid = broken.fork ? -EAGAIN : __real_sys_fork_with(flags, pid_out);

    if (pid == 0 && broken.idle)
        _exit(0);
    return pid;
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    if (!broken.mmap)
        return __real_mmap(at, len, prot, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

struct tree {
    struct scratch scratch;
    struct plan_seen entries[DIRECTORIES];
    char names[DIRECTORIES][32];
    struct plan_file file;
    struct seen seen;
};

/* Large, and used by one process after the other. */
static struct tree tree;

static void make_tree(void)
{
    tree.scratch = scratch_new();
    tree.file = (struct plan_file){.seen = tree.entries, .seen_count = DIRECTORIES};
    tree.seen = (struct seen){.file = &tree.file, .top = tree.scratch.fd};
    cr_assert_eq(mkdirat(tree.scratch.fd, "b", 0755), 0);
    cr_assert_eq(mkdirat(tree.scratch.fd, "b/c", 0755), 0);
    for (int i = 0; i < DIRECTORIES; i++) {
        struct file_id id;

        /* Some lie together below a directory, and others on both sides of its end. */
        snprintf(tree.names[i], sizeof(tree.names[i]), "%s%04d",
                 i < 200   ? "a"
                 : i < 500 ? "b/"
                           : "b/c/d",
                 i);
        cr_assert_eq(mkdirat(tree.scratch.fd, tree.names[i], 0755), 0);
        id = file_id_of(tree.scratch.fd, tree.names[i], false);
        tree.entries[i] = (struct plan_seen){.rel = tree.names[i],
                                             .kind = PLAN_SEEN_WATCHED,
                                             .dev = id.dev,
                                             .ino = id.ino,
                                             .ctime_ns = id.ctime_ns};
    }
    tree.entries[REPLACED].ino++;
    tree.entries[PASSED].kind = PLAN_SEEN_PASSED;
    cr_assert_eq(unlinkat(tree.scratch.fd, tree.names[REMOVED], AT_REMOVEDIR), 0);
}

static enum seen_state expected(int i)
{
    return i == REPLACED ? SEEN_OTHER : i == REMOVED ? SEEN_GONE : SEEN_SAME;
}

/* Return: how many answers are wrong, or 200: a process is left. */
static int look(void *arg)
{
    struct gather gather;
    int wrong = 0;

    (void)arg;
    gather_begin(&gather, &tree.seen);
    for (int i = 0; i < DIRECTORIES; i++) {
        int64_t ctime_ns = 7;
        enum seen_state state = gather_look(&gather, (size_t)i, &ctime_ns);
        int64_t right = state == SEEN_SAME ? tree.entries[i].ctime_ns : 0;

        wrong += (state != expected(i) || ctime_ns != right) && wrong < 100;
    }
    gather_end(&gather);
    if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD)
        return 200;
    return wrong;
}

static int look_at_what_moved(void *arg)
{
    struct gather gather;
    int wrong = 0;

    (void)arg;
    gather_begin(&gather, &tree.seen);
    for (int i = 0; i < DIRECTORIES; i++) {
        int64_t ctime_ns = 7, right_ns = 0;
        enum seen_state state = gather_look(&gather, (size_t)i, &ctime_ns);

        wrong +=
            (state != seen_look(&tree.seen, &tree.entries[i], &right_ns) || ctime_ns != right_ns) &&
            wrong < 100;
    }
    gather_end(&gather);
    return wrong;
}

Test(gather, gives_what_a_look_at_each_gives)
{
    make_tree();
    cr_expect_eq(in_child(look, NULL), 0);
    scratch_drop(&tree.scratch);
}

/* Names of a damaged plan are in any order. */
Test(gather, entries_need_not_be_sorted)
{
    struct plan_seen one;

    make_tree();
    for (int i = 510; i < 1000; i += 7) {
        one = tree.entries[i - 500];
        tree.entries[i - 500] = tree.entries[i];
        tree.entries[i] = one;
    }
    cr_expect_eq(in_child(look_at_what_moved, NULL), 0);
    scratch_drop(&tree.scratch);
}

static int look_on_one_processor(void *arg)
{
    cpu_set_t own, one;
    size_t first = 0;

    if (sched_getaffinity(0, sizeof(own), &own) < 0)
        return 201;
    while (!CPU_ISSET(first, &own))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    return sched_setaffinity(0, sizeof(one), &one) < 0 ? 202 : look(arg);
}

Test(gather, works_on_one_processor)
{
    make_tree();
    cr_expect_eq(in_child(look_on_one_processor, NULL), 0);
    scratch_drop(&tree.scratch);
}

Test(gather, without_processes_or_memory_each_is_looked_at)
{
    make_tree();
    broken.fork = true;
    cr_expect_eq(in_child(look, NULL), 0, "no process can be made");
    broken.fork = false;
    broken.idle = true;
    cr_expect_eq(in_child(look, NULL), 0, "the processes do nothing");
    broken.idle = false;
    broken.mmap = true;
    cr_expect_eq(in_child(look, NULL), 0, "no memory can be shared");
    broken.mmap = false;
    scratch_drop(&tree.scratch);
}

/* Its process ended, or was killed, with the row in its hands. */
static int look_at_a_row_that_is_not_filled(void *arg)
{
    struct gather gather;
    int64_t ctime_ns = 0;

    (void)arg;
    gather_begin(&gather, &tree.seen);
    if (gather.shared != NULL) /* passed rows are never filled */
        tree.entries[PASSED].kind = PLAN_SEEN_WATCHED;
    return gather_look(&gather, PASSED, &ctime_ns) == SEEN_SAME && ctime_ns != 0 ? 0 : 1;
}

Test(gather, a_row_that_nobody_filled_is_looked_at)
{
    make_tree();
    cr_expect_eq(in_child(look_at_a_row_that_is_not_filled, NULL), 0);
    scratch_drop(&tree.scratch);
}
