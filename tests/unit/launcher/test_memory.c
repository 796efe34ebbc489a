/* The launcher's allocator in its two phases. It stands in for the C library's in the launcher
 * alone, so here it goes by other names; each case has its own, in a child. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "svenv/launch/launch.h"

#include "../child.h"

#define malloc launcher_malloc
#define free launcher_free
#define calloc launcher_calloc
#define realloc launcher_realloc
void *malloc(size_t size);
void free(void *ptr);
void *calloc(size_t count, size_t size);
void *realloc(void *ptr, size_t size);
#include "../../../src/launcher/malloc.c"

#define REQUIRE(that)                                                                              \
    do {                                                                                           \
        if (!(that))                                                                               \
            return __LINE__ % 250 + 1;                                                             \
    } while (0)

static int wait_for(pid_t pid)
{
    int status = 0;

    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 512;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static pid_t child_that_allocates(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(malloc(1) ? 0 : 1);
    return pid;
}

static int shares_with_children(void *arg)
{
    char *text = malloc(8);
    pid_t pid = fork();

    (void)arg;
    if (pid == 0) {
        while (*(volatile char *)text == 0) {
        }
        _exit(strcmp(text, "later") == 0 ? 0 : 1);
    }
    memcpy(text + 1, "ater", 5);
    *(volatile char *)text = 0x6c;
    REQUIRE(wait_for(pid) == 0);
    return 0;
}

Test(memory, what_the_set_up_writes_is_seen_by_its_children)
{
    cr_expect_eq(in_child(shares_with_children, NULL), 0);
}

static int child_allocates(void *arg)
{
    struct launch_failure *failure = malloc(sizeof(*failure));
    int streams[2];
    char said[256] = "";

    (void)arg;
    REQUIRE(pipe(streams) == 0);
    dup2(streams[1], STDERR_FILENO);
    REQUIRE(wait_for(child_that_allocates()) == 125);
    REQUIRE(read(streams[0], said, sizeof(said) - 1) > 0);
    REQUIRE(strncmp(said, "sandbox-venv: a child of the launcher", 37) == 0);
    memory_failure(failure);
    REQUIRE(wait_for(child_that_allocates()) == 125);
    REQUIRE(failure->status == 125 && failure->err.code == EDEADLK);
    REQUIRE(strncmp(failure->err.msg, "a child of the launcher", 23) == 0);
    REQUIRE(malloc(1) != NULL); /* the launcher itself goes on */
    return 0;
}

Test(memory, a_child_that_allocates_fails_and_says_so)
{
    cr_expect_eq(in_child(child_allocates, NULL), 0);
}

static int free_in_child(void *arg)
{
    void *ptr = malloc(1);
    pid_t pid = fork();

    (void)arg;
    if (pid == 0) {
        free(ptr);
        _exit(0);
    }
    REQUIRE(wait_for(pid) == 0);
    return 0;
}

Test(memory, a_child_may_give_back)
{
    cr_expect_eq(in_child(free_in_child, NULL), 0);
}

static bool is_there(const void *at)
{
    unsigned char page = 0;
    union {
        const void *in;
        void *out;
    } start = {.in = (const void *)((uintptr_t)at & ~(uintptr_t)4095)};

    return mincore(start.out, 1, &page) == 0;
}

static int give_back(void *arg)
{
    char *old = malloc(100);
    char *lasts = memory_that_stays(100);
    char *kept = NULL;

    (void)arg;
    memset(old, 'o', 100);
    memset(lasts, 's', 100);
    memory_settle();
    kept = malloc(100);
    REQUIRE(heap_owns(&memory.heap, kept) && !heap_owns(&memory.heap, lasts));
    memcpy(kept, old, 100);
    REQUIRE(is_there(old));
    memory_give_back();
    REQUIRE(!is_there(old));
    REQUIRE(kept[99] == 'o' && lasts[99] == 's');
    free(old); /* of nothing */
    free(kept);
    REQUIRE(malloc(90) == kept && kept[0] == 0);
    REQUIRE(wait_for(child_that_allocates()) == 0); /* it has its own now */
    return 0;
}

Test(memory, the_arena_goes_and_what_was_kept_stays)
{
    cr_expect_eq(in_child(give_back, NULL), 0);
}

static int grows(void *arg)
{
    const bool *settled = arg;
    char *text = malloc(10);

    if (*settled) {
        memory_settle();
        text = malloc(10);
    }
    memcpy(text, "0123456789", 10);
    for (size_t size = 11; size < 100000; size += 997) {
        text = realloc(text, size);
        REQUIRE(text && memcmp(text, "0123456789", 10) == 0);
        text[size - 1] = 'x';
    }
    REQUIRE(realloc(NULL, 5) != NULL);
    return 0;
}

Test(memory, objects_grow)
{
    bool settled = false;

    cr_expect_eq(in_child(grows, &settled), 0);
    settled = true;
    cr_expect_eq(in_child(grows, &settled), 0);
}

static int bounded(void *arg)
{
    const bool *settled = arg;
    size_t count = 0;

    REQUIRE(malloc(1));
    if (*settled)
        memory_settle();
    while (malloc(500000))
        count++;
    REQUIRE(errno == ENOMEM);
    REQUIRE(count > 16 && count < 200);
    REQUIRE(!malloc(SIZE_MAX) && !malloc(SIZE_MAX - 64) && !calloc(SIZE_MAX, 2));
    REQUIRE(malloc(SIZE_MAX / 2) == NULL);
    return 0;
}

Test(memory, there_is_an_end)
{
    bool settled = false;

    cr_expect_eq(in_child(bounded, &settled), 0);
    settled = true;
    cr_expect_eq(in_child(bounded, &settled), 0);
}
