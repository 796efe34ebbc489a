/* Whether a compiled plan still says what is there: pure, but for the looks that the caller lends.
 */
#include "svenv/plan/stale.h"

#include <fcntl.h>

#include "svenv/base/fd.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

/* The plan holds the contents of /proc and /sys, and what Landlock can do; all variants were made
 * with the same. */
static bool is_of_kernel(const struct plan_file *file, const struct plan_now *now)
{
    struct plan head = {0};

    return str_eq(file->kernel, now->kernel) && file->variant_count > 0 &&
           plan_peek(&file->variants[0], &head, NULL) == 0 &&
           head.landlock_abi == now->landlock_abi;
}

static bool is_input_same(const struct plan_input *input, const struct plan_now *now)
{
    struct file_id id = now->look(AT_FDCWD, input->path, input->follow);

    if (input->directory)
        return file_id_is_known(&id) && id.dev == input->id.dev && id.ino == input->id.ino &&
               id.mode == input->id.mode;
    return file_id_eq(&id, &input->id);
}

struct plan_change plan_first_change(const struct plan_file *file, const struct plan_now *now)
{
    if (!plan_is_whole(file))
        return (struct plan_change){.kind = PLAN_CHANGE_DAMAGE};
    if (!str_eq(file->tool, now->tool))
        return (struct plan_change){.kind = PLAN_CHANGE_TOOL};
    if (!str_eq(file->venv, now->venv))
        return (struct plan_change){.kind = PLAN_CHANGE_VENV};
    if (!is_of_kernel(file, now))
        return (struct plan_change){.kind = PLAN_CHANGE_KERNEL};
    for (size_t i = 0; i < file->input_count; i++) {
        if (!is_input_same(&file->inputs[i], now))
            return (struct plan_change){PLAN_CHANGE_INPUT, file->inputs[i].path};
    }
    return (struct plan_change){.kind = PLAN_CHANGE_NONE};
}
