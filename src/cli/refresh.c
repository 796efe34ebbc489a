/* The commands by which the launcher has a plan made. */
#include <errno.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/layers.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"

enum {
    PLAN_FD = 3
}; /* where the launcher reads the answer of internal-plan */

static int refresh_begin(const struct args *args, char **path_out, struct user *user,
                         struct err *err)
{
    int r = venv_named_wrapped(args->venv, path_out, err);

    return r < 0 ? r : user_load(user, err);
}

int command_refresh(const struct args *args)
{
    auto_free char *path = NULL;
    auto_user struct user user = {0};
    struct err err = {0};
    int r = refresh_begin(args, &path, &user, &err);

    if (r == 0)
        r = compile_store(path, &user, &err);
    return r < 0 ? command_failed(&err) : EXIT_DONE;
}

static int write_plan(const char *path, const struct user *user, struct err *err)
{
    auto_free char *policy = layers_venv_file(path);
    const struct layers layers = {.venv_file = policy, .environment = true};
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};
    int r = compile_plan(path, user, &layers, &file, err);

    if (r < 0)
        return r;
    plan_encode(&file, &bytes);
    r = fd_write_all(PLAN_FD, bytes.data, bytes.len);
    return r < 0 ? err_set(err, -r, "cannot hand the plan to the launcher") : 0;
}

int command_plan(const struct args *args)
{
    auto_free char *path = NULL;
    auto_user struct user user = {0};
    struct err err = {0};
    int r = refresh_begin(args, &path, &user, &err);

    if (r == 0)
        r = write_plan(path, &user, &err);
    return r < 0 ? command_failed(&err) : EXIT_DONE;
}
