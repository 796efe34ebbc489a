/* Any bytes: a plan that encodes to the same bytes again and can be printed, or an error. */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"
#include "svenv/plan/tree.h"

#include "fuzz.h"

#define LENGTH_AT 16
#define SUM_AT 24
#define HEADER_SIZE 32

/* A start asks the tree about any path, and adds mount points where it has none. */
static void check_tree(const struct plan *compiled, enum tree_grant grant)
{
    struct arena arena = {NULL};
    struct plan plan = *compiled;
    struct mount_tree tree;

    tree_init(&tree, &arena, &plan, NULL);
    tree_open(&tree, compiled);
    tree.grant = grant;
    for (size_t i = 0; i < compiled->op_count; i++) {
        const char *path = arena_printf(&arena, "%s/x", compiled->ops[i].dest);

        (void)tree_area(&tree, path);
        (void)tree_holds(&tree, path, true);
        (void)tree_is_private(&tree, compiled->ops[i].dest);
        if (!tree_is_settled(&tree, path))
            (void)tree_point(&tree, path, true, PLAN_TRY, "fuzz", NULL);
        (void)tree_link(&tree, path, "x", "fuzz", NULL);
    }
    tree_join(&tree);
    assert(grant == TREE_GRANT_REFUSED || plan.op_count >= compiled->op_count);
    arena_finish(&arena);
}

static void check(const struct plan_file *file, const void *data, size_t size)
{
    auto_buf struct buf again = {0};
    auto_buf struct buf text = {0};

    assert(file->variant_count > 0);
    assert(file->variants[file->variant_count - 1].match_count == 0);
    for (size_t i = 0; i < file->variant_count; i++) {
        assert((uintptr_t)file->variants[i].plan.filter % 8 == 0);
        plan_print(&file->variants[i].plan, &text);
        check_tree(&file->variants[i].plan, TREE_GRANT_GIVEN);
        check_tree(&file->variants[i].plan, TREE_GRANT_REFUSED);
    }
    plan_encode(file, &again);
    /* Reading leaves the sum alone, so the reader sees damage to the rest here. */
    (void)plan_is_whole(file);
    assert(again.len == size);
    memcpy(again.data + SUM_AT, (const char *)data + SUM_AT, HEADER_SIZE - SUM_AT);
    assert(memcmp(again.data, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free uint8_t *copy = xcalloc(size, 1); /* aligned, and no longer than it says */
    struct plan_file file;
    struct err err = {0};

    if (size > 0)
        memcpy(copy, data, size);
    /* The length is made to fit: what follows it is more interesting. */
    for (unsigned i = 0; size >= HEADER_SIZE && i < 8; i++)
        copy[LENGTH_AT + i] = (uint8_t)((uint64_t)size >> (8 * i));
    plan_file_init(&file);
    if (plan_decode(&file, copy, size, &err) == 0)
        check(&file, copy, size);
    else
        assert(file.variants == NULL && err.msg[0] != '\0');
    plan_file_finish(&file);
    return 0;
}
