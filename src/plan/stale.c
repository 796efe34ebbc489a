/* Whether a compiled plan still says what is there: pure, but for the looks that the caller lends.
 */
#include "svenv/plan/stale.h"

#include <fcntl.h>

#include "svenv/base/fd.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

/* All variants were made with the same kernel. */
static bool is_of_kernel(const struct plan_file *file, unsigned landlock_abi)
{
    struct plan head = {0};

    return file->variant_count > 0 && plan_peek(&file->variants[0], &head, NULL) == 0 &&
           head.landlock_abi == landlock_abi;
}

static bool is_input_same(const struct plan_input *input, const struct plan_now *now)
{
    struct file_id id = now->look(AT_FDCWD, input->path, input->follow);

    if (input->directory)
        return file_id_is_known(&id) && id.dev == input->id.dev && id.ino == input->id.ino &&
               id.mode == input->id.mode;
    return file_id_eq(&id, &input->id);
}

/* Both must be as they were when the two sides of the venv were in step. */
static const char *first_changed_side(const struct plan_file *file, const struct plan_now *now)
{
    const struct {
        const char *rel;
        const struct file_id *id;
    } sides[] = {{"bin", &file->bin}, {"sandbox/bin", &file->sandbox_bin}};

    for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
        auto_free char *path = path_join(now->venv, sides[i].rel);
        struct file_id id = now->look(AT_FDCWD, path, false);

        if (!file_id_eq(&id, sides[i].id))
            return sides[i].rel;
    }
    return NULL;
}

struct plan_change plan_first_change(const struct plan_file *file, const struct plan_now *now)
{
    const char *side = NULL;

    if (!str_eq(file->tool, now->tool))
        return (struct plan_change){.kind = PLAN_CHANGE_TOOL};
    if (!str_eq(file->venv, now->venv))
        return (struct plan_change){.kind = PLAN_CHANGE_VENV};
    if (!is_of_kernel(file, now->landlock_abi))
        return (struct plan_change){.kind = PLAN_CHANGE_KERNEL};
    side = first_changed_side(file, now);
    if (side)
        return (struct plan_change){PLAN_CHANGE_INPUT, side};
    for (size_t i = 0; i < file->input_count; i++) {
        if (!is_input_same(&file->inputs[i], now))
            return (struct plan_change){PLAN_CHANGE_INPUT, file->inputs[i].path};
    }
    return (struct plan_change){.kind = PLAN_CHANGE_NONE};
}
