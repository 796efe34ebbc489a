/* The driver: from the files of a venv and of the host to a compiled plan. */
#include "svenv/compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts-internal.h"
#include "inputs-internal.h"
#include "settle-internal.h"
#include "svenv/audit/record.h"
#include "svenv/audit/writer.h"
#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/compile/etc.h"
#include "svenv/compile/history.h"
#include "svenv/compile/layers.h"
#include "svenv/compute/compute.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/launch/launch.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/syscalls.h"
#include "svenv/wrap/wrap.h"

static int read_manifest(struct venv *venv, const char *venv_path, struct err *err)
{
    int r = manifest_read(venv, venv_path, err);

    if (r < 0)
        return r;
    if (!str_eq(venv->path, venv_path))
        return err_plain(err, ESTALE,
                         "'%s' was wrapped as '%s' and has moved: run 'sandbox-venv wrap %s'",
                         venv_path, venv->path, venv_path);
    return 0;
}

/* The private directories lie where each account can take a name that is free, after /tmp was
 * emptied. Then the venv takes another one. */
static int open_venv(struct venv *venv, const char *venv_path, struct err *err)
{
    auto_free char *taken = NULL;
    int r = read_manifest(venv, venv_path, err);

    if (r < 0 || !venv_temporary_is_taken(venv->id))
        return r;
    taken = xasprintf(TEMPORARY_PREFIX "%s", venv->id);
    r = venv_rename_temporary(venv_path, err);
    if (r < 0)
        return r;
    log_line("'%s' is another account's in " TEMPORARY_TMP " or " TEMPORARY_SHM
             ": private directories of '%s' have another name from now on",
             taken, venv_path);
    venv_finish(venv);
    venv_init(venv);
    return read_manifest(venv, venv_path, err);
}

static int make_etc(struct plan_file *file, const struct venv *venv, const struct user *user,
                    struct err *err)
{
    const struct etc_identity identity = {.user = user->name,
                                          .home = user->home,
                                          .shell = user->shell,
                                          .uid = user->uid,
                                          .gid = user->gid};

    return etc_make(venv->path, venv->id, &identity, inputs_note_etc, file, err);
}

/* The user is told of a history that cannot be written; the venv can be used all the same. */
static void keep_history(const struct plan_file *file, const struct venv *venv,
                         const struct user *user, const struct policy *policy)
{
    struct err err = {0};

    if (file->variants[0].plan.audit != PLAN_AUDIT_OFF &&
        history_note(user, venv, policy, file->policy_hash, &err) < 0)
        log_err(&err);
}

/* The planner looks at the host through the facts: one look that failed makes its result useless.
 */
static int plan_by_facts(struct plan_file *file, const struct venv *venv, const struct user *user,
                         const struct policy *policy, struct host_facts *host, struct err *err)
{
    int planned;
    int looked;

    facts_gather(host, user);
    facts_expand(host, policy, venv->project);
    facts_survey(host, policy, venv);
    planned = plan_compute(file, policy, venv, &host->facts, err);
    looked = facts_check(host, err);
    return looked < 0 ? looked : planned;
}

static int compute(struct plan_file *file, const struct venv *venv, const struct user *user,
                   const struct policy *policy, struct err *err)
{
    auto_facts struct host_facts host = {0};
    int r;

    inputs_add_project(file, venv);
    r = plan_by_facts(file, venv, user, policy, &host, err);
    if (r == 0)
        inputs_add_asked(file, &host);
    return r;
}

/* The entries are brought in step even where the policy has a fault, as if it said nothing. */
static int load_and_sync(struct plan_file *file, struct venv *venv, const struct user *user,
                         const struct layers *layers, struct policy *policy, struct err *err)
{
    struct err fault = {0};
    struct venv_sides sides = {.bin = {.mode = 0}};
    int loaded = layers_load(policy, user, layers, &fault);
    int r = settle_venv(venv, loaded == 0 ? policy : NULL, &sides, err);

    if (r == 0)
        inputs_add_sides(file, venv->path, &sides);
    if (r == 0 && loaded < 0)
        *err = fault;
    return r < 0 ? r : loaded;
}

static bool is_closed_inside(const struct plan_file *file, const char *path)
{
    for (size_t i = 0; i < file->variant_count; i++) {
        const struct plan *plan = &file->variants[i].plan;

        for (size_t j = 0; j < plan->op_count; j++) {
            const struct plan_op *op = &plan->ops[j];

            if (op->kind == PLAN_BIND && (op->flags & PLAN_RW) == 0 && str_eq(op->dest, path))
                return true;
        }
    }
    return false;
}

/* The next closed directory from *at on, or NULL. */
static char *next_closed(const struct plan_file *file, size_t *at)
{
    while (*at < file->seen_count) {
        const struct plan_seen *seen = &file->seen[(*at)++];
        auto_free char *path =
            *seen->rel ? path_join(file->project, seen->rel) : xstrdup(file->project);

        if (seen->kind == PLAN_SEEN_CLOSED && is_closed_inside(file, path))
            return steal_ptr(path);
    }
    return NULL;
}

char *compile_closed(const struct plan_file *file)
{
    size_t at = 0, count = 0;
    auto_free char *first = next_closed(file, &at);

    for (char *path = first; path != NULL; count++) {
        if (path != first)
            free(path);
        path = next_closed(file, &at);
    }
    if (count == 0)
        return NULL;
    return count == 1
               ? xasprintf("'%s' is read-only inside: not all of it could be looked through for "
                           "names to protect (filesystem.unguarded opens it)",
                           first)
               : xasprintf(
                     "'%s' and %zu more are read-only inside: not all of them "
                     "could be looked through for names to protect (filesystem.unguarded opens "
                     "them)",
                     first, count - 1);
}

/* A plan that leaves out what it could not look at says so, once for all starts with it. */
static void tell_closed(const struct plan_file *file)
{
    auto_free char *text = compile_closed(file);

    if (text != NULL)
        log_line("%s", text);
}

/* With isolation: auto a kernel without Landlock runs programs all the same. */
static void tell_landlock(const struct plan_file *file)
{
    const struct plan *plan = &file->variants[file->variant_count - 1].plan;

    if ((plan->flags & PLAN_USE_LANDLOCK) == 0)
        log_line("this kernel has no Landlock, and isolation: auto does without: redirected files "
                 "can be opened again with more rights, and a directory that a program is given as "
                 "a descriptor leads to all above it");
}

/* A line for each, at most as many as one start may have. */
static void log_closed(const struct plan_file *file)
{
    const struct plan *plan = &file->variants[file->variant_count - 1].plan;
    const struct audit_subject subject = {.time_ms = audit_now_ms(),
                                          .launcher = getpid(),
                                          .venv = file->venv,
                                          .variant = plan->variant,
                                          .policy = file->policy_hash,
                                          .own_net = (plan->flags & PLAN_OWN_NET) != 0,
                                          .landlock_abi = plan->landlock_abi,
                                          .filter = plan->filter != NULL};
    struct audit_denial *denials = NULL;
    auto_strv struct strv paths = {0};
    auto_buf struct buf lines = {0};
    struct err err = {0};
    char *path = NULL;

    for (size_t at = 0; (path = next_closed(file, &at)) != NULL;)
        strv_take(&paths, path);
    if (paths.count == 0 || plan->audit == PLAN_AUDIT_OFF)
        return;
    denials = xcalloc(paths.count, sizeof(*denials));
    for (size_t i = 0; i < paths.count; i++)
        denials[i] = (struct audit_denial){
            "closed", paths.items[i], "read-only inside: not all of it could be looked through"};
    audit_add_denials(&lines, &subject, denials, paths.count);
    free(denials);
    if (audit_append(plan->audit_log, lines.data, lines.len, &err) < 0)
        log_err(&err);
}

int compile_plan(const char *venv_path, const struct user *user, const struct layers *layers,
                 struct plan_file *file, struct err *err)
{
    char kernel[KERNEL_NAME_MAX];
    auto_policy struct policy policy;
    auto_venv struct venv venv;
    int r;

    plan_file_init(file);
    policy_init(&policy);
    venv_init(&venv);
    file->tool = arena_strdup(&file->arena, SVENV_BUILD);
    sys_kernel_name(kernel);
    file->kernel = arena_strdup(&file->arena, kernel);
    r = open_venv(&venv, venv_path, err);
    if (r < 0)
        return r;
    inputs_add_files(file, venv_path, user, layers);
    r = inputs_add_templates(file, err);
    if (r == 0)
        r = load_and_sync(file, &venv, user, layers, &policy, err);
    if (r < 0)
        return r;
    inputs_add_manifest(file, venv_path);
    inputs_add_stubs(file, &venv);
    r = make_etc(file, &venv, user, err);
    if (r == 0)
        inputs_add_etc(file, venv_path);
    if (r == 0)
        r = compute(file, &venv, user, &policy, err);
    if (r == 0 && layers->history)
        keep_history(file, &venv, user, &policy);
    if (r == 0) {
        tell_closed(file);
        tell_landlock(file);
    }
    return r;
}

int compile_dry(const struct venv *venv, const struct user *user, const struct policy *policy,
                struct plan_file *file, struct err *err)
{
    auto_facts struct host_facts host = {0};

    plan_file_init(file);
    return plan_by_facts(file, venv, user, policy, &host, err);
}

/* Makes the nodes that every start needs on the host, so that the first start does not pay for it.
 */
static int make_nodes(const struct plan_file *file, struct err *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < file->variant_count; i++)
        r = nodes_make(&file->variants[i].plan, err);
    return r;
}

int compile_store(const char *venv_path, const struct user *user, struct err *err)
{
    auto_free char *policy = layers_venv_file(venv_path);
    auto_free char *sandbox = path_join(venv_path, VENV_SANDBOX);
    const struct layers layers = {.venv_file = policy, .history = true};
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};
    auto_fd int dir = -1;
    int r = compile_plan(venv_path, user, &layers, &file, err);

    if (r == 0)
        r = make_nodes(&file, err);
    if (r < 0)
        return r;
    inputs_add_temporary(&file);
    venv_mark_temporary(strrchr(file.temp_base, '-') + 1, venv_path);
    file.made_ns = clock_now_ns();
    plan_encode(&file, &bytes);
    log_closed(&file);
    dir = open(sandbox, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return err_set(err, errno, "cannot open '%s'", sandbox);
    file_forget_temporaries(dir);
    return file_write_atomic(dir, SANDBOX_PLAN, bytes.data, bytes.len, 0600, err);
}

int compile_read(const char *venv_path, struct plan_file *file, struct buf *bytes, struct err *err)
{
    auto_free char *path = path_join(venv_path, IN_SANDBOX(SANDBOX_PLAN));
    int r;

    plan_file_init(file);
    r = file_read(AT_FDCWD, path, PLAN_BYTES_MAX, bytes, err);
    return r < 0 ? r : plan_decode(file, bytes->data, bytes->len, err);
}

struct plan_change compile_first_change(const char *venv_path, const struct plan_file *file)
{
    char kernel[KERNEL_NAME_MAX];
    const struct plan_now now = {.tool = SVENV_BUILD,
                                 .venv = venv_path,
                                 .kernel = kernel,
                                 .landlock_abi = landlock_abi(),
                                 .look = file_id_known};

    sys_kernel_name(kernel);
    return plan_first_change(file, &now);
}
