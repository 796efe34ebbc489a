/* `sandbox-venv status`: finds out all that is to be said about a venv. */
#include "status-internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "probe-internal.h"
#include "probe_limits-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/installing.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/layers.h"
#include "svenv/compute/leads.h"
#include "svenv/formats/dotenv.h"
#include "svenv/launcher/host.h"
#include "svenv/sys/drop.h"
#include "term-internal.h"

enum {
    ERR_TEXT = 1024
};

/* Rights that a Landlock ABI below the number lacks (landlock(7)). */
static const struct {
    unsigned abi;
    const char *text;
} landlock_gaps[] = {
    {1, "Landlock: this kernel has none (Linux 5.13, in the list of 'lsm='): mounts and the system "
        "call filter stand alone; a directory that a program is given as a descriptor leads to "
        "all above it"},
    {2, "Landlock ABI 2 (Linux 5.19): files cannot be moved between directories; truncate(2), "
        "openat2(2) and signals to the own process group are closed altogether instead; abstract "
        "sockets of the host can be reached with network.mode: host"},
    {3, "Landlock ABI 3 (Linux 6.2): truncate(2), openat2(2) and signals to the own process group "
        "are closed altogether instead; abstract sockets of the host can be reached with "
        "network.mode: host"},
    {6, "Landlock ABI 6 (Linux 6.12): signals to the own process group are closed altogether "
        "instead; abstract sockets of the host can be reached with network.mode: host"},
};

/* Explains an entry's state to the person, where it is not as it should be. */
static const char *const entry_problems[] = {
    [ENTRY_WRAPPED] = NULL,
    [ENTRY_BYPASS] = "runs outside the sandbox",
    [ENTRY_MISSING] = "has no stub in bin",
    [ENTRY_ORPHAN] = "is a stub with nothing behind it",
    [ENTRY_IGNORED] = NULL,
};
static_assert(ARRAY_SIZE(entry_problems) == ENTRY_STATE__COUNT, "a text per state");

static void add_problem(struct status *status, const char *about, const struct err *err)
{
    char text[ERR_TEXT];

    strv_take(&status->problems, xasprintf("%s: %s", about, err_text(err, text, sizeof(text))));
}

static void look_at_entries(struct status *status)
{
    struct err err = {0};

    if (venv_entries(&status->venv, &status->entries, &status->entry_count, &err) < 0) {
        add_problem(status, "entries", &err);
        return;
    }
    for (size_t i = 0; i < status->entry_count; i++) {
        const struct entry_status *entry = &status->entries[i];
        const char *problem = entry_problems[entry->state];

        if (problem)
            strv_take(&status->problems, xasprintf("%s %s", entry->name, problem));
    }
}

static void look_for_interrupted_installs(struct status *status)
{
    auto_fd int list = installing_left(status->path);

    if (list != -ENOENT)
        strv_take(&status->problems, xstrdup("an installer ended without its last look: the next "
                                             "start looks at what it left"));
}

static void look_at_policy(struct status *status)
{
    auto_free char *file = layers_venv_file(status->path);
    const struct layers layers = {.venv_file = file};
    struct err err = {0};
    char *closed = NULL;

    if (layers_load(&status->policy, &status->user, &layers, &err) < 0) {
        add_problem(status, "policy", &err);
        return;
    }
    status->has_policy = true;
    policy_effective(&status->policy, NULL, &status->values);
    if (compile_dry(&status->venv, &status->user, &status->policy, &status->plan, &err) < 0)
        add_problem(status, "policy", &err);
    else if (status->plan.variant_count > 0)
        status->default_plan = &status->plan.variants[status->plan.variant_count - 1].plan;
    if (status->default_plan != NULL)
        leads_list(status->default_plan, &status->leads);
    closed = status->default_plan != NULL ? compile_closed(&status->plan) : NULL;
    if (closed != NULL)
        strv_take(&status->problems, closed);
}

static const char *const plan_changes[] = {
    [PLAN_CHANGE_NONE] = NULL,           [PLAN_CHANGE_DAMAGE] = "a part of itself",
    [PLAN_CHANGE_TOOL] = SVENV_CLI,      [PLAN_CHANGE_VENV] = "the place of the venv",
    [PLAN_CHANGE_KERNEL] = "the kernel", [PLAN_CHANGE_INPUT] = NULL, /* by its path */
};
static_assert(ARRAY_SIZE(plan_changes) == PLAN_CHANGE__COUNT, "a name per kind of change");

/* Files of the host that went into /etc change on their own (resolv.conf with every network), and
 * so does the kernel: the next start takes them over, and nobody need do anything. */
static bool changes_alone(const struct plan_change *change)
{
    return change->kind == PLAN_CHANGE_KERNEL ||
           (change->path &&
            (path_is_beneath(change->path, "/etc") || path_is_beneath(change->path, "/run")));
}

static void look_at_plan(struct status *status)
{
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};
    struct plan_change change;
    struct err err = {0};
    const char *what = NULL;

    if (compile_read(status->path, &file, &bytes, &err) < 0) {
        add_problem(status, "compiled plan", &err);
        return;
    }
    change = compile_first_change(status->path, &file);
    what = change.path ? change.path : plan_changes[change.kind];
    if (what && changes_alone(&change))
        strv_take(&status->notes, xasprintf("%s has changed: taken over by the next start", what));
    else if (what)
        strv_take(&status->problems,
                  xasprintf("compiled plan is out of date (%s has changed): the next start, or "
                            "'sandbox-venv wrap', renews it",
                            what));
}

/* Tries the limits of the policy. One that cannot be held is a problem: every start is refused
 * then. Where the policy has no such limit, the line says what it could limit. */
static void look_at_limits(struct status *status)
{
    static const struct cgroup_limits any = {.memory = 1 << 30, .cpus = 1, .processes = 1 << 12};
    struct err err = {0};
    char text[ERR_TEXT];
    int r = probe_limits(&status->plan, &status->group, &err);

    status->group_needed = r < 0 || status->group != GROUP_NONE;
    if (!status->group_needed) {
        r = probe_group(&any, &status->group, &err);
        if (probe_root_exempt() && status->values.v[POLICY_LIMIT_PROCESSES].number > 0)
            strv_add(&status->missing, "limits.processes: NOT held, the kernel exempts root; a "
                                       "start with limits.memory or limits.cpus holds it");
    } else if (r < 0) {
        add_problem(status, "limits", &err);
    }
    if (r < 0)
        status->group_problem = xasprintf("%s", err_text(&err, text, sizeof(text)));
}

/* Nobody but root can give up a group, so they go in. */
static void look_at_groups(struct status *status)
{
    int count = getgroups(0, NULL);
    auto_free gid_t *groups = xcalloc(count > 0 ? (size_t)count : 1, sizeof(*groups));
    auto_buf struct buf text = {0};

    count = count > 0 ? getgroups(count, groups) : 0;

    for (int i = 0; i < count; i++) {
        if (groups[i] != getegid())
            buf_printf(&text, "%s%u", text.len ? ", " : "", (unsigned)groups[i]);
    }
    if (text.len > 0)
        strv_take(&status->notes,
                  xasprintf("files that are shown inside can also be opened by your groups %s: the "
                            "kernel lets nobody but root give those up",
                            text.data));
}

static void look_at_kernel(struct status *status)
{
    struct err err = {0};

    status->landlock_abi = landlock_abi();
    if (probe_installation(&err) < 0)
        add_problem(status, "installation", &err);
    if (probe_namespaces(&err) < 0)
        add_problem(status, "kernel", &err);
    for (size_t i = 0; i < ARRAY_SIZE(landlock_gaps); i++) {
        if (status->landlock_abi < landlock_gaps[i].abi) {
            strv_add(&status->missing, landlock_gaps[i].text);
            break;
        }
    }
    look_at_groups(status);
    if (!status->has_policy)
        return;
    look_at_limits(status);
    if (status->values.v[POLICY_NET_MODE].number == NET_MODE_HOST)
        strv_add(&status->missing, "network: NOT restricted (network.mode: host)");
    if (status->values.v[POLICY_SYSCALLS_PROFILE].number == SYSCALLS_OFF)
        strv_add(&status->missing, "system call filter: off (syscalls.profile)");
}

static void look_at_log(struct status *status)
{
    struct err err = {0};

    status->audit_log = log_path(&status->user, status->path);
    if (!status->audit_log) {
        (void)err_set(&err, errno, "cannot find the log");
        add_problem(status, "audit log", &err);
        return;
    }
    if (log_count_denials(status->audit_log, status->path, &status->denials, &err) < 0)
        add_problem(status, "audit log", &err);
}

/* The names that starts took out of the project: a directory for each start. */
static void look_at_quarantine(struct status *status)
{
    auto_free char *path = path_join(status->path, IN_SANDBOX(SANDBOX_QUARANTINE));
    auto_dir DIR *dir = NULL;
    const struct dirent *entry = NULL;
    struct err err = {0};
    size_t count = 0;
    int rc = look_open_dir(AT_FDCWD, path, 0, &dir);

    while (rc > 0 && (rc = look_next(dir, &entry)) > 0)
        count += entry->d_name[0] != '.';
    if (rc < 0) {
        (void)err_set(&err, rc, "cannot list '%s'", path);
        add_problem(status, "quarantine", &err);
    }
    if (count > 0)
        strv_take(
            &status->notes,
            xasprintf(
                "names that appeared in the project during %zu start%s are in %s: 'sandbox-venv "
                "quarantine restore' moves back what is yours",
                count, count == 1 ? "" : "s", path));
}

/* Tells of the file of variables as a start would. */
static void look_at_dotenv(struct status *status)
{
    const struct plan *plan = status->default_plan;
    struct arena arena = {NULL};
    struct dotenv dotenv = {0};
    const char *why = NULL, *unread = NULL;

    if (plan != NULL) {
        (void)host_dotenv(&arena, plan, &status->plan, &dotenv, &why);
        unread = host_dotenv_unread(&arena, &dotenv, plan->dotenv, why);
    }
    if (unread != NULL)
        strv_add(&status->notes, unread);
    arena_finish(&arena);
}

static void look_at_venv(struct status *status)
{
    struct err err = {0};

    if (manifest_read(&status->venv, status->path, &err) < 0) {
        add_problem(status, "manifest", &err);
        return;
    }
    if (!str_eq(status->venv.path, status->path)) {
        strv_take(&status->problems,
                  xasprintf("moved: it was wrapped as %s; 'sandbox-venv wrap' it again",
                            status->venv.path));
        return;
    }
    look_at_entries(status);
    look_at_policy(status);
    look_for_interrupted_installs(status);
    look_at_plan(status);
    look_at_log(status);
    look_at_quarantine(status);
    look_at_dotenv(status);
}

static int gather(struct status *status, const struct args *args, struct err *err)
{
    int r = venv_named(args->venv, &status->path, err);

    if (r == 0)
        r = user_load(&status->user, err);
    if (r < 0)
        return r;
    r = venv_is_wrapped(status->path, err);
    if (r < 0)
        return r;
    status->wrapped = r > 0;
    if (!status->wrapped)
        return venv_inspect(&status->venv, status->path, NULL, status->user.home_real, err);
    look_at_venv(status);
    look_at_kernel(status);
    return 0;
}

static void status_finish(struct status *status)
{
    free(status->path);
    free(status->audit_log);
    free(status->group_problem);
    user_finish(&status->user);
    venv_finish(&status->venv);
    policy_finish(&status->policy);
    plan_file_finish(&status->plan);
    strv_finish(&status->problems);
    strv_finish(&status->missing);
    strv_finish(&status->notes);
    strv_finish(&status->leads);
}

int command_status(const struct args *args)
{
    struct status status = {.named = args->venv ? args->venv : ".venv"};
    auto_buf struct buf out = {0};
    struct err err = {0};
    bool is_fine;
    int r;

    venv_init(&status.venv);
    policy_init(&status.policy);
    plan_file_init(&status.plan);
    r = gather(&status, args, &err);
    is_fine = status.wrapped && status.problems.count == 0;
    if (r == 0 && args->json)
        status_add_json(&status, &out);
    else if (r == 0 && !(args->quiet && is_fine))
        status_add_text(&status, &out);
    term_flush(&out);
    status_finish(&status);
    if (r < 0)
        return command_failed(&err);
    return args->check && !is_fine ? EXIT_CHECK : EXIT_DONE;
}
