/* The launcher's heap: memory that is given back is handed out again, and the heap never grows
 * beyond its region. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "heap-internal.h"

#define BYTES ((size_t)1 << 20)

static _Alignas(16) char region[BYTES];

static void begin(struct heap *heap)
{
    memset(region, 0, sizeof(region));
    heap_init(heap, region, sizeof(region));
}

Test(heap, objects_are_aligned_zeroed_and_apart)
{
    struct heap heap;
    char *before = NULL;

    begin(&heap);
    for (size_t size = 0; size < 3000; size += 7) {
        char *ptr = heap_alloc(&heap, size);

        cr_assert_not_null(ptr);
        cr_expect_eq((uintptr_t)ptr % 16, 0);
        cr_expect_geq(heap_room(ptr), size);
        cr_expect(heap_owns(&heap, ptr));
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(ptr[i], 0, "byte %zu of %zu", i, size);
        memset(ptr, 0xff, heap_room(ptr));
        if (before)
            cr_assert_gt(ptr, before);
        before = ptr;
        if (size % 2) { /* and so it is when it was in use before */
            heap_free(&heap, ptr);
            cr_expect_eq(heap_alloc(&heap, size), ptr);
            cr_expect_eq(ptr[size - 1], 0);
        }
    }
    cr_expect_not(heap_owns(&heap, &heap));
}

Test(heap, a_million_replacements_need_no_more_than_two)
{
    struct heap heap;
    void *kept = NULL;
    size_t used = 0;

    begin(&heap);
    for (int i = 0; i < 1000000; i++) {
        void *next = heap_alloc(&heap, 100);

        cr_assert_not_null(next);
        if (kept)
            heap_free(&heap, kept);
        kept = next;
        if (i == 1)
            used = heap.used;
    }
    cr_expect_eq(heap.used, used);
}

/* Names of watched directories: replaced in no order, of all lengths. */
Test(heap, names_that_come_and_go_stay_within_their_sum)
{
    enum {
        NAMES = 512,
        ROUNDS = 200000
    };
    static void *names[NAMES];
    struct heap heap;
    uint32_t random = 1;

    begin(&heap);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t at = (random = random * 1664525 + 1013904223) >> 16;

        if (names[at % NAMES])
            heap_free(&heap, names[at % NAMES]);
        names[at % NAMES] = heap_alloc(&heap, 1 + at % 900);
        cr_assert_not_null(names[at % NAMES], "round %d, %zu used", i, heap.used);
    }
}

Test(heap, what_does_not_fit_is_refused)
{
    struct heap heap;
    size_t count = 0;

    begin(&heap);
    cr_expect_null(heap_alloc(&heap, BYTES));
    cr_expect_null(heap_alloc(&heap, BYTES + 1));
    cr_expect_null(heap_alloc(&heap, SIZE_MAX));
    cr_expect_null(heap_alloc(&heap, SIZE_MAX - 8));
    while (heap_alloc(&heap, 1000))
        count++;
    cr_expect_eq(count, BYTES / 1024);
    cr_expect_null(heap_alloc(&heap, 1));
    cr_expect_leq(heap.used, BYTES);
}

Test(heap, giving_back_twice_is_noticed, .signal = SIGABRT)
{
    struct heap heap;
    void *ptr = NULL;

    begin(&heap);
    ptr = heap_alloc(&heap, 8);
    heap_free(&heap, ptr);
    heap_free(&heap, ptr);
}
