#include <criterion/criterion.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "svenv/base/mem.h"

#include "../child.h"

Test(mem, arena_is_zeroed_and_aligned)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 2047, 2049, 8192, 100000, 3};
    struct arena arena = {0};

    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            unsigned char *got = arena_alloc(&arena, sizes[i]);

            cr_assert_eq((uintptr_t)got % _Alignof(max_align_t), 0);
            for (size_t k = 0; k < sizes[i]; k++)
                cr_assert_eq(got[k], 0);
            memset(got, 0xA5, sizes[i]);
        }
    }
    arena_finish(&arena);
    cr_expect_null(arena.chunks);
    arena_finish(&arena);
}

Test(mem, arena_strings)
{
    struct arena arena = {0};

    cr_expect_str_eq(arena_strdup(&arena, "text"), "text");
    cr_expect_str_eq(arena_strndup(&arena, "text", 2), "te");
    cr_expect_str_eq(arena_strndup(&arena, "text", 20), "text");
    cr_expect_str_eq(arena_printf(&arena, "%s-%d", "x", 7), "x-7");
    cr_expect_str_eq(arena_printf(&arena, "%s", ""), "");
    arena_finish(&arena);
}

Test(mem, arena_push_keeps_all)
{
    struct item {
        int number;
        char pad[20];
    } *items = NULL;
    struct arena arena = {0};
    size_t count = 0;

    for (int i = 0; i < 1000; i++) {
        struct item *slot = arena_push(&arena, &items, &count, sizeof(*items));

        cr_assert_eq(slot, &items[i]);
        cr_assert_eq(slot->number, 0);
        slot->number = i;
        arena_alloc(&arena, 24);
    }
    cr_expect_eq(count, 1000);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(items[i].number, i);
    arena_finish(&arena);
}

Test(mem, steal)
{
    auto_free char *text = xstrdup("x");
    char *taken = steal_ptr(text);

    cr_expect_null(text);
    cr_expect_str_eq(taken, "x");
    free(taken);
}

Test(mem, copies)
{
    auto_free char *a = xstrndup("abc", 2);
    auto_free char *b = xstrndup("abc", 9);
    auto_free char *c = xasprintf("%s%d", "n", 1);
    auto_free void *d = xcalloc(0, 0);

    cr_expect_str_eq(a, "ab");
    cr_expect_str_eq(b, "abc");
    cr_expect_str_eq(c, "n1");
    cr_expect_not_null(d);
}

static int ask_for_too_much(void *arg)
{
    size_t count = *(size_t *)arg;

    close(STDERR_FILENO);
    free(xreallocarray(NULL, count, 16));
    return 0;
}

Test(mem, too_much_ends_with_125)
{
    size_t overflowing = SIZE_MAX / 8;
    size_t small = 4;

    cr_expect_eq(in_child(ask_for_too_much, &overflowing), 125);
    cr_expect_eq(in_child(ask_for_too_much, &small), 0);
}
