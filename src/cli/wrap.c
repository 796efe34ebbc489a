/* `sandbox-venv wrap`: wraps a venv and says what came of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "args-internal.h"
#include "command-internal.h"
#include "policy_file-internal.h"
#include "probe-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/layers.h"
#include "svenv/find/registry.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/inside/running.h"
#include "svenv/policy/policy.h"
#include "svenv/wrap/wrap.h"
#include "term-internal.h"

enum {
    PROGRESS_FROM = 100
};

struct wrapping {
    const struct args *args;
    const char *named; /* as the person says */
    struct user user;
    struct venv venv;
    struct sync_result result;
    bool again;       /* it was wrapped before */
    bool known;       /* by this account: what lies in its directory `sandbox` is the person's */
    bool had_private; /* home or cache were there before */
    enum policy_placed policy;
};

static void show_progress(void *context, size_t done, size_t total)
{
    (void)context;
    if (total > PROGRESS_FROM)
        term_progress("wrapping", done, total);
}

/* It may be anybody's word. */
static void tell_of_project(const struct wrapping *wrapping, const char *named)
{
    const char *project = wrapping->venv.project;

    if (named != NULL && (project == NULL || !str_eq(project, named)))
        log_line("this account has not wrapped '%s' before, so the project that it names is not "
                 "taken: --project '%s' does that",
                 wrapping->venv.path, named);
}

/* The project that was named at an earlier wrap stays, unless the venv has moved since. */
static int inspect_venv(struct wrapping *wrapping, const char *path, struct err *err)
{
    auto_venv struct venv before;
    const char *project = wrapping->args->project;
    const char *named = NULL;
    struct stat st;
    int r = venv_is_wrapped(path, err);

    venv_init(&before);
    if (r < 0)
        return r;
    wrapping->again = r > 0;
    /* Where nobody can say, it is somebody else's; enlist() tells the cause. */
    wrapping->known = registry_knows(&wrapping->user, path, NULL) > 0;
    r = 0;
    if (!project && wrapping->again)
        r = manifest_read(&before, path, err);
    if (r < 0)
        return err_wrap(err, "the manifest is not usable ('sandbox-venv unwrap' and wrap again)");
    if (before.path && str_eq(before.path, path))
        named = before.project_named;
    if (named && wrapping->known)
        project = named;
    if (project && !wrapping->args->project && look_at(AT_FDCWD, project, true, &st) == 0)
        project = NULL;
    r = venv_inspect(&wrapping->venv, wrapping->named, project, wrapping->user.home_real, err);
    if (r == 0 && !wrapping->known)
        tell_of_project(wrapping, named);
    return r;
}

/* A person's own home or cache is never removed: in doubt it is the person's. */
static bool has_private(const char *path)
{
    auto_free char *home = path_join(path, VENV_HOME);
    auto_free char *cache = path_join(path, VENV_CACHE);
    struct stat st;

    return look_at(AT_FDCWD, home, false, &st) != 0 || look_at(AT_FDCWD, cache, false, &st) != 0;
}

/* The person knows the policy that could not be carried out by the name that they gave. */
static void name_original(const char *named, struct err *err)
{
    static const char placed[] = SANDBOX_POLICY;
    auto_free char *msg = xstrdup(err->msg);

    if (str_eq(err->pos.file, placed))
        (void)snprintf(err->pos.file, sizeof(err->pos.file), "%s", named);
    else if (str_starts(msg, SANDBOX_POLICY ":"))
        (void)err_plain(err, err->code, "%s%s", named, msg + sizeof(placed) - 1);
}

/* A venv whose sandbox can't be computed would start nothing at all: a first wrap that fails here
 * is taken back, and so is the new policy of one that was wrapped already. */
static int wrap_and_compile(struct wrapping *wrapping, struct err *err)
{
    const struct wrap_options options = {.stub = SVENV_STUB,
                                         .progress = wrapping->args->quiet ? NULL : show_progress};
    const char *path = wrapping->venv.path;
    int r = venv_wrap(&wrapping->venv, &options, &wrapping->result, err);

    if (r == 0)
        r = compile_store(path, &wrapping->user, err);
    if (r < 0 && !wrapping->again)
        (void)venv_unwrap(path, !wrapping->had_private, NULL);
    if (r < 0 && wrapping->again && wrapping->policy == POLICY_PLACED_REPLACED)
        policy_file_take_back(path);
    if (r < 0 && wrapping->args->policy)
        name_original(wrapping->args->policy, err);
    return r;
}

static void enlist(const struct wrapping *wrapping)
{
    struct err err = {0};

    if (registry_add(&wrapping->user, wrapping->venv.path, &err) < 0) {
        (void)err_wrap(&err, "'sandbox-venv list' will not know this one");
        log_err(&err);
    }
}

static void summary_add_title(struct buf *out, const struct wrapping *wrapping)
{
    size_t changed = wrapping->result.added + wrapping->result.adopted + wrapping->result.removed +
                     wrapping->result.repaired;
    size_t entries = wrapping->venv.entry_count + wrapping->venv.own_shell;

    term_add(out, TERM_GOOD, wrapping->again ? "Wrapped again" : "Wrapped");
    buf_add_char(out, ' ');
    term_add(out, TERM_BOLD, wrapping->named);
    if (wrapping->again && changed == 0)
        buf_printf(out, ": %zu entry points, nothing to change\n", entries);
    else
        buf_printf(out, ": %zu entry points now start in the sandbox\n", entries);
}

static void summary_add_project(struct buf *out, const struct wrapping *wrapping,
                                const struct policy_values *values)
{
    auto_buf struct buf text = {0};
    const struct policy_value *mode = &values->v[POLICY_FS_PROJECT];
    const char *const *names = policy_field_info(POLICY_FS_PROJECT)->names;

    if (wrapping->venv.project && mode->number != PROJECT_NONE) {
        buf_add_escaped(&text, wrapping->venv.project);
        buf_printf(&text, " (%s)", names[mode->number]);
    } else if (wrapping->venv.project) {
        buf_add_str(&text, "not shown (filesystem.project: none)");
    } else {
        buf_printf(&text, "none: %s; --project DIR names one",
                   wrapping->venv.project_reason ? wrapping->venv.project_reason : "not found");
    }
    term_row(out, "project", text.data);
}

static void summary_add_policy(struct buf *out, const struct wrapping *wrapping)
{
    auto_free char *file = layers_venv_file(wrapping->named);
    auto_buf struct buf text = {0};

    buf_add_escaped(&text, file);
    if (wrapping->again && wrapping->policy == POLICY_PLACED_KEPT)
        buf_add_str(&text, " (kept as it was)");
    else if (wrapping->policy == POLICY_PLACED_REPLACED)
        buf_add_str(&text, " (the one before: policy.yaml.old)");
    term_row(out, "policy", text.data);
}

static void summary_add_network(struct buf *out, const struct policy_values *values)
{
    if (values->v[POLICY_NET_MODE].number == NET_MODE_HOST)
        term_row(out, "network", "NOT restricted (network.mode: host); --unshare-net cuts it off");
    else
        term_row(out, "network", "none: programs reach only each other");
}

static void print_wrapped(const struct wrapping *wrapping)
{
    auto_free char *file = layers_venv_file(wrapping->venv.path);
    const struct layers layers = {.venv_file = file};
    auto_policy struct policy policy;
    auto_buf struct buf out = {0};
    auto_buf struct buf undo = {0};
    struct policy_values values;
    struct err err = {0};

    policy_init(&policy);
    if (layers_load(&policy, &wrapping->user, &layers, &err) < 0) {
        log_err(&err);
        return;
    }
    policy_effective(&policy, NULL, &values);
    summary_add_title(&out, wrapping);
    summary_add_project(&out, wrapping, &values);
    summary_add_policy(&out, wrapping);
    summary_add_network(&out, &values);
    buf_add_str(&undo, "sandbox-venv unwrap ");
    buf_add_escaped(&undo, wrapping->named);
    term_row(&out, "undo", undo.data);
    term_flush(&out);
}

/* Of somebody else's directory all that decides something: by such records virtualenvs count as
 * made inside, directories as looked at, and pip has another index. Starts make them anew. */
static int forget_records(const char *path, struct err *err)
{
    static const char *const records[] = {SANDBOX_MADE_INSIDE, SANDBOX_SEEN, SANDBOX_PLAN,
                                          SANDBOX_INSTALLING, SANDBOX_INSTALLER};
    auto_free char *sandbox = path_join(path, VENV_SANDBOX);
    auto_fd int dir = open(sandbox, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    for (size_t i = 0; dir >= 0 && i < ARRAY_SIZE(records); i++) {
        int r = tree_remove(dir, records[i]);

        if (r < 0 && r != -ENOENT)
            return err_set(err, -r, "cannot remove '%s/%s'", sandbox, records[i]);
    }
    return 0;
}

/* venv_wrap() takes the lock again by itself: this lock protects the policy, and that one wrap of
 * several at once makes the directory the person's. */
static int place_policy(struct wrapping *wrapping, struct err *err)
{
    const char *path = wrapping->venv.path;
    auto_fd int lock = venv_lock(path, err);
    bool known = wrapping->known || registry_knows(&wrapping->user, path, NULL) > 0;
    int r = lock < 0 ? lock
                     : policy_file_place(path, &wrapping->user, wrapping->args, known,
                                         &wrapping->policy, err);

    if (r == 0 && !known)
        r = forget_records(path, err);
    if (r == 0 && !known)
        (void)registry_add(&wrapping->user, path, NULL); /* enlist() tells what fails */
    return r;
}

/* Programs that run in a sandbox could change what the host is about to obey, and nobody knows what
 * they have changed before it was closed to them. A file that they gave a second name gets an inode
 * of its own. */
static int close_to_running(const char *path, const char *named, struct err *err)
{
    unsigned covered = 0;
    int r = running_close(path, &covered, err);

    if (r < 0 || covered == 0)
        return r;
    r = venv_break_links(path, NULL, err);
    if (r < 0)
        return r;
    return err_plain(
        err, EBUSY,
        "programs that run in a sandbox could write in '%s' until now, so its files "
        "may be theirs: make it again ('python3 -m venv --clear \"%s\"'), which is closed "
        "to them from now on, and wrap it ('sandbox-venv create' does both at once)",
        named, named);
}

static int wrap(struct wrapping *wrapping, struct err *err)
{
    auto_free char *path = NULL;
    int r = probe_installation(err);

    if (r == 0)
        r = venv_named(wrapping->args->venv, &path, err);
    if (r == 0)
        r = user_load(&wrapping->user, err);
    if (r == 0)
        r = inspect_venv(wrapping, path, err);
    if (r == 0)
        r = probe_namespaces(err);
    if (r == 0)
        r = close_to_running(path, wrapping->named, err);
    if (r < 0)
        return r;
    wrapping->had_private = has_private(path);
    r = place_policy(wrapping, err);
    if (r < 0)
        return r;
    return wrap_and_compile(wrapping, err);
}

int command_wrap(const struct args *args)
{
    struct wrapping wrapping = {.args = args, .named = args->venv ? args->venv : ".venv"};
    struct err err = {0};
    int r;

    venv_init(&wrapping.venv);
    r = wrap(&wrapping, &err);
    if (r == 0) {
        enlist(&wrapping);
        venv_sweep_temporary();
        if (!args->quiet)
            print_wrapped(&wrapping);
    }
    venv_finish(&wrapping.venv);
    user_finish(&wrapping.user);
    return r < 0 ? command_failed(&err) : EXIT_DONE;
}
