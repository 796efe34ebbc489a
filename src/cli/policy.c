/* `sandbox-venv policy show` and `policy check`. */
#include <errno.h>
#include <sys/stat.h>

#include "args-internal.h"
#include "command-internal.h"
#include "probe_limits-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/layers.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"
#include "svenv/policy/policy.h"
#include "term-internal.h"

static int load_file(struct policy *policy, const struct user *user, const char *file,
                     struct err *err)
{
    const struct layers layers = {.venv_file = file};

    return layers_load(policy, user, &layers, err);
}

static int show_policy(const struct args *args, struct buf *out, struct err *err)
{
    auto_free char *path = NULL;
    auto_free char *file = NULL;
    auto_user struct user user = {0};
    auto_policy struct policy policy;
    auto_policy struct policy base;
    int r = venv_named_wrapped(args->venv, &path, err);

    policy_init(&policy);
    policy_init(&base);
    if (r == 0)
        r = user_load(&user, err);
    if (r < 0)
        return r;
    file = layers_venv_file(path);
    r = load_file(&policy, &user, file, err);
    if (r == 0 && args->diff) {
        const struct policy_sources plain = {.templates = SVENV_TEMPLATES};

        r = policy_load(&base, &plain, err);
    }
    if (r < 0)
        return r;
    if (args->filter)
        return filter_show(path, &user, &policy, out, err);
    if (args->diff)
        policy_print_diff(&policy, &base, POLICY_SHOW_SAFE, out);
    else
        policy_print(&policy, POLICY_SHOW_SAFE, args->origins, out);
    return 0;
}

int command_policy_show(const struct args *args)
{
    auto_buf struct buf out = {0};
    struct err err = {0};

    if (args->diff + args->origins + args->filter > 1)
        return command_misused("policy show", "--origins, --diff and --filter exclude one another");
    if (show_policy(args, &out, &err) < 0)
        return command_failed(&err);
    term_flush(&out);
    return EXIT_DONE;
}

/* A policy may be right in every line and still ask for something that can't be planned, or kept
 * here: a directory that is not there, a system call that has no such name, a limit without control
 * groups. */
static int check_plan(const struct policy *policy, const struct user *user, const char *venv_path,
                      enum group_way *way_out, struct err *err)
{
    auto_venv struct venv venv;
    auto_plan_file struct plan_file plan;
    int r;

    venv_init(&venv);
    plan_file_init(&plan);
    r = manifest_read(&venv, venv_path, err);
    if (r == 0)
        r = compile_dry(&venv, user, policy, &plan, err);
    return r < 0 ? r : probe_limits(&plan, way_out, err);
}

static int check(const struct args *args, enum group_way *way_out, struct err *err)
{
    auto_free char *path = NULL;
    auto_free char *file = NULL;
    auto_user struct user user = {0};
    auto_policy struct policy policy;
    struct stat st;
    bool is_file = args->venv && stat(args->venv, &st) == 0 && !S_ISDIR(st.st_mode);
    int r = user_load(&user, err);

    policy_init(&policy);
    if (r == 0 && is_file)
        return load_file(&policy, &user, args->venv, err);
    if (r == 0)
        r = venv_named_wrapped(args->venv, &path, err);
    if (r < 0)
        return r;
    file = layers_venv_file(path);
    r = load_file(&policy, &user, file, err);
    return r < 0 ? r : check_plan(&policy, &user, path, way_out, err);
}

int command_policy_check(const struct args *args)
{
    auto_buf struct buf out = {0};
    enum group_way way = GROUP_NONE;
    struct err err = {0};

    if (check(args, &way, &err) < 0)
        return command_failed(&err);
    if (args->quiet)
        return EXIT_DONE;
    term_add(&out, TERM_GOOD, "ok");
    if (way != GROUP_NONE)
        buf_printf(&out, ": limits are held by %s", group_way_text(way));
    buf_add_char(&out, '\n');
    term_flush(&out);
    return EXIT_DONE;
}
