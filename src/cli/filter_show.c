/* `sandbox-venv policy show --filter`: the system call filters of a venv as text. */
#include <string.h>

#include "command-internal.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/filter/filter.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"

#define INSTRUCTION_SIZE 8 /* struct sock_filter */

static bool filter_show_same_filter(const struct plan *a, const struct plan *b)
{
    return a->filter_count == b->filter_count &&
           (a->filter_count == 0 ||
            memcmp(a->filter, b->filter, a->filter_count * INSTRUCTION_SIZE) == 0);
}

/* Has an earlier variant the same filter? Then they are named together there. */
static bool is_shown(const struct plan_file *file, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (filter_show_same_filter(&file->variants[i].plan, &file->variants[index].plan))
            return true;
    }
    return false;
}

static void filter_show_add_heading(const struct plan_file *file, size_t index, struct buf *out)
{
    const struct plan *plan = &file->variants[index].plan;
    const char *comma = "";

    buf_add_str(out, "# ");
    for (size_t i = index; i < file->variant_count; i++) {
        if (filter_show_same_filter(&file->variants[i].plan, plan)) {
            buf_printf(out, "%s%s", comma, file->variants[i].plan.variant);
            comma = ", ";
        }
    }
    buf_printf(out, ": %s; %zu instructions\n", plan->filter_note ? plan->filter_note : "off",
               plan->filter_count);
}

int filter_show(const char *venv_path, const struct user *user, const struct policy *policy,
                struct buf *out, struct err *err)
{
    auto_venv struct venv venv;
    auto_plan_file struct plan_file file;
    int r;

    venv_init(&venv);
    plan_file_init(&file);
    r = manifest_read(&venv, venv_path, err);
    if (r == 0)
        r = compile_dry(&venv, user, policy, &file, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < file.variant_count; i++) {
        const struct plan *plan = &file.variants[i].plan;

        if (is_shown(&file, i))
            continue;
        filter_show_add_heading(&file, i, out);
        filter_summary(plan->filter, plan->filter_count, out);
        buf_add_char(out, '\n');
        filter_dump(plan->filter, plan->filter_count, out);
    }
    return 0;
}
