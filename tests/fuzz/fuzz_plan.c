/* Any bytes: a plan that encodes to the same bytes again and can be printed, or an error. */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

#include "fuzz.h"

#define LENGTH_AT 16
#define SUM_AT 24
#define HEADER_SIZE 32

static void check(const struct plan_file *file, const void *data, size_t size)
{
    auto_buf struct buf again = {0};
    auto_buf struct buf text = {0};

    assert(file->variant_count > 0);
    assert(file->variants[file->variant_count - 1].match_count == 0);
    for (size_t i = 0; i < file->variant_count; i++) {
        assert((uintptr_t)file->variants[i].plan.filter % 8 == 0);
        plan_print(&file->variants[i].plan, &text);
    }
    plan_encode(file, &again);
    /* Reading leaves the sum alone, so that damage to the rest is what is read here. */
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
