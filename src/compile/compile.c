/* The driver: from the files of a venv and of the host to a compiled plan. */
#include "svenv/compile/compile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "facts-internal.h"
#include "settle-internal.h"
#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/compile/etc.h"
#include "svenv/compile/history.h"
#include "svenv/compile/layers.h"
#include "svenv/compile/user.h"
#include "svenv/compute/compute.h"
#include "svenv/find/venv.h"
#include "svenv/launch/launch.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/syscalls.h"
#include "svenv/wrap/wrap.h"

enum {
    STUBS_WATCHED = 64
};

static bool has_input(const struct plan_file *file, const char *path, bool follow, bool directory)
{
    for (size_t i = 0; i < file->input_count; i++) {
        const struct plan_input *input = &file->inputs[i];

        if (input->follow == follow && input->directory == directory && str_eq(input->path, path))
            return true;
    }
    return false;
}

/* Every input is a look-up at every start, so none is listed twice. */
static void add_input(struct plan_file *file, const char *path, bool follow, bool directory,
                      const struct file_id *id)
{
    struct plan_input *input;

    if (has_input(file, path, follow, directory))
        return;
    input = arena_push(&file->arena, &file->inputs, &file->input_count, sizeof(*input));
    *input = (struct plan_input){.path = arena_strdup(&file->arena, path),
                                 .follow = follow,
                                 .directory = directory,
                                 .id = id ? *id : file_id_known(AT_FDCWD, path, follow)};
}

/* The system's directories whose files packages replace by renaming: their own times tell of every
 * name in them, in one look-up for dozens. */
static bool is_told_by_directory(const char *path)
{
    static const char *const dirs[] = {"/", "/etc", SVENV_TEMPLATES};
    auto_free char *dir = path_dirname(path);

    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        if (str_eq(dir, dirs[i]))
            return true;
    }
    return false;
}

static void add_system_input(struct plan_file *file, const char *path, bool follow, bool directory,
                             const struct file_id *id)
{
    auto_free char *dir = path_dirname(path);

    if (is_told_by_directory(path))
        add_input(file, dir, false, false, NULL);
    else
        add_input(file, path, follow, directory, id);
}

static void note_etc(void *context, const char *host_path, bool edited)
{
    if (edited)
        add_input(context, host_path, true, false, NULL);
    else
        add_system_input(context, host_path, true, false, NULL);
}

/* Before anything is read: what changes between the look and the reading is then noticed. */
static void add_file_inputs(struct plan_file *file, const char *venv_path, const struct user *user,
                            const struct layers *layers)
{
    auto_free char *venv_policy = layers_venv_file(venv_path);

    add_input(file, layers->venv_file ? layers->venv_file : venv_policy, true, false, NULL);
    add_input(file, user->policy, true, false, NULL);
    add_input(file, SVENV_CLI, true, false, NULL);
    add_input(file, SVENV_STUB, true, false, NULL);
}

/* Profiles may build on one another, so all of them count. */
static int add_template_inputs(struct plan_file *file, struct err *err)
{
    auto_dir DIR *dir = NULL;
    const struct dirent *entry;
    int r = look_open_dir(AT_FDCWD, SVENV_TEMPLATES, 0, &dir);

    while (r > 0 && (r = look_next(dir, &entry)) > 0) {
        auto_free char *path = path_join(SVENV_TEMPLATES, entry->d_name);

        if (str_ends(entry->d_name, ".yaml"))
            add_system_input(file, path, true, false, NULL);
    }
    return r < 0 ? err_set(err, r, "cannot list '%s'", SVENV_TEMPLATES) : 0;
}

/* After the sync, which may have written it. */
static void add_manifest_input(struct plan_file *file, const char *venv_path)
{
    auto_free char *manifest = path_join(venv_path, IN_SANDBOX(SANDBOX_MANIFEST));

    add_input(file, manifest, true, false, NULL);
}

/* A tool that writes over a stub in place leaves no trace in the directory's times. A look at each
 * stub is cheap while they are few; the interpreters are looked at always. */
static void add_stub_inputs(struct plan_file *file, const struct venv *venv)
{
    for (size_t i = 0; i < venv->entry_count; i++) {
        const char *name = venv->entries[i].name;
        auto_free char *path = xasprintf("%s/bin/%s", venv->path, name);

        if (venv->entry_count <= STUBS_WATCHED || interpreter_is_name(name))
            add_input(file, path, false, false, NULL);
    }
}

/* What is bound from $venv/sandbox: made again when somebody removed it. */
static void add_made_input(struct plan_file *file, const char *venv_path)
{
    auto_free char *etc = path_join(venv_path, IN_SANDBOX(SANDBOX_ETC));

    add_input(file, etc, false, true, NULL);
}

/* Its name stands for all that it shows. */
static bool is_told_by_kernel(const char *path)
{
    static const char *const trees[] = {"/proc", "/sys"};

    for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
        if (path_is_beneath(path, trees[i]))
            return true;
    }
    return false;
}

/* A directory that was listed is compared with its times, which tell of every name in it. */
static bool is_in_listed(const struct host_facts *host, const char *path)
{
    auto_free char *dir = path_dirname(path);

    for (size_t i = 0; i < host->listed_count; i++) {
        if (str_eq(host->listed[i].path, dir))
            return true;
    }
    return false;
}

/* What is missing from a directory that the launcher watches is seen there when it appears. */
static bool is_in_watched(const struct plan_file *file, const struct asked_path *asked)
{
    const char *rel = file->project ? path_relative_to(asked->path, file->project) : NULL;
    const char *name = path_basename(asked->path);
    auto_free char *dir = rel && strchr(rel, '/') ? path_dirname(rel) : xstrdup("");
    const struct plan_place *place = NULL;

    if (!rel || asked->answer.kind != FACT_ABSENT)
        return false;
    place = plan_find_place(file, dir);
    if (!place || (place->kind != PLAN_PLACE_WATCHED && place->kind != PLAN_PLACE_VENV))
        return false;
    return plan_guard_of(file->guards, file->guard_count, rel, name) != NULL;
}

/* What is missing because its directory is missing is told by the directory. */
static void add_asked_input(struct plan_file *file, const char *path, bool directory,
                            const struct file_id *id)
{
    auto_free char *dir = path_dirname(path);
    struct file_id dir_id = file_id_known(AT_FDCWD, dir, false);

    if (id->mode == 0 && dir_id.mode == 0 && !str_eq(dir, "/"))
        add_asked_input(file, dir, true, &dir_id);
    else
        add_system_input(file, path, false, directory, id);
}

/* Every path that the planner asked about, there or not: a protected name that appears in the
 * project is noticed by this. What a file holds is no business of the plan, only which file it is;
 * a symlink's text is. */
static void add_asked_inputs(struct plan_file *file, const struct host_facts *host)
{
    for (size_t i = 0; i < host->asked_count; i++) {
        const struct asked_path *asked = &host->asked[i];
        bool is_link = asked->answer.kind == FACT_SYMLINK;

        if (!is_told_by_kernel(asked->path) && !is_in_listed(host, asked->path) &&
            !is_in_watched(file, asked))
            add_asked_input(file, asked->path, !is_link, &asked->id);
    }
    /* A name that fits a pattern may come or go: only the directory's own times tell. */
    for (size_t i = 0; i < host->listed_count; i++)
        add_input(file, host->listed[i].path, false, false, &host->listed[i].id);
}

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

static int make_etc(struct plan_file *file, const struct venv *venv, const struct user *user,
                    struct err *err)
{
    const struct etc_identity identity = {.user = user->name,
                                          .home = user->home,
                                          .shell = user->shell,
                                          .uid = user->uid,
                                          .gid = user->gid};

    return etc_make(venv->path, venv->id, &identity, note_etc, file, err);
}

/* A history that cannot be written is said, and the venv can be used. */
static void keep_history(const struct plan_file *file, const struct venv *venv,
                         const struct user *user, const struct policy *policy)
{
    struct err err = {0};

    if (file->variants[0].plan.audit != PLAN_AUDIT_OFF &&
        history_note(user, venv, policy, file->policy_hash, &err) < 0)
        log_err(&err);
}

/* The planner looks at the host through the facts: a look that failed spoils all that it says. */
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

    if (venv->project)
        add_input(file, venv->project, false, true, NULL);
    r = plan_by_facts(file, venv, user, policy, &host, err);
    if (r == 0)
        add_asked_inputs(file, &host);
    return r;
}

/* Both directories as they were when they were in step: what changes there later is wrapped. */
static void add_side_inputs(struct plan_file *file, const char *venv_path,
                            const struct venv_sides *sides)
{
    auto_free char *bin = path_join(venv_path, "bin");
    auto_free char *real = path_join(venv_path, IN_SANDBOX(SANDBOX_BIN));

    add_input(file, bin, false, false, &sides->bin);
    add_input(file, real, false, false, &sides->sandbox_bin);
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
        add_side_inputs(file, venv->path, &sides);
    if (r == 0 && loaded < 0)
        *err = fault;
    return r < 0 ? r : loaded;
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
    r = read_manifest(&venv, venv_path, err);
    if (r < 0)
        return r;
    add_file_inputs(file, venv_path, user, layers);
    r = add_template_inputs(file, err);
    if (r == 0)
        r = load_and_sync(file, &venv, user, layers, &policy, err);
    if (r < 0)
        return r;
    add_manifest_input(file, venv_path);
    add_stub_inputs(file, &venv);
    r = make_etc(file, &venv, user, err);
    if (r == 0)
        add_made_input(file, venv_path);
    if (r == 0)
        r = compute(file, &venv, user, &policy, err);
    if (r == 0 && layers->history)
        keep_history(file, &venv, user, &policy);
    return r;
}

int compile_dry(const struct venv *venv, const struct user *user, const struct policy *policy,
                struct plan_file *file, struct err *err)
{
    auto_facts struct host_facts host = {0};

    plan_file_init(file);
    return plan_by_facts(file, venv, user, policy, &host, err);
}

/* What every start needs on the host, so that the first one does not pay for it. */
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
    venv_mark_temporary(strrchr(file.temp_base, '-') + 1, venv_path);
    file.made_ns = clock_now_ns();
    plan_encode(&file, &bytes);
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
