/* The plan that a start goes by: opened, compared, and made again. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "svenv/audit/record.h"
#include "svenv/base/clock.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/installing.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/plan/stale.h"
#include "svenv/sys/drop.h"
#include "svenv/sys/syscalls.h"

#include "helper-internal.h"
#include "loaded-internal.h"
#include "session-internal.h"

enum {
    RENEWALS_MAX = 5
};

/* Variables of the caller's shell that change the plan of one start. */
static const char *const override_names[] = {"BWRAP_ARGS", "SANDBOX_SECCOMP_ALLOW",
                                             "SANDBOX_USE_PIP_CACHE"};
/* And what the installed program needs besides to work them out, or to keep its own records. */
static const char *const helper_names[] = {"XDG_STATE_HOME", "PIP_CACHE_DIR", "XDG_CACHE_HOME"};

static bool session_has_overrides(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(override_names); i++) {
        if (getenv(override_names[i]))
            return true;
    }
    return false;
}

/* The caller's variables that the installed program gets. */
enum pass {
    PASS_NONE, /* but HOME */
    PASS_OWN,
    PASS_OVERRIDES
};

/* An error without a message: the installed program has already told the user. */
static int run_helper(const char *command, const char *venv, int file, enum pass pass,
                      const sigset_t *mask, struct err *err)
{
    const char *const words[] = {"sandbox-venv", command, venv, NULL};
    auto_strv struct strv env = {0};
    const struct helper helper = {
        .words = words, .env = &env, .file = file, .answer = -1, .mask = mask};

    helper_pass(&env, (const char *const[]){"HOME"}, 1);
    if (pass >= PASS_OWN)
        helper_pass(&env, helper_names, ARRAY_SIZE(helper_names));
    if (pass >= PASS_OVERRIDES)
        helper_pass(&env, override_names, ARRAY_SIZE(override_names));
    return helper_run(&helper, err);
}

int session_before_install(const char *venv, const sigset_t *mask, int *files_out, struct err *err)
{
    auto_fd int files = installing_begin(venv);
    int rc;

    if (files < 0)
        return err_set(err, -files, "cannot make a list of the files of '%s'", venv);
    rc = run_helper("internal-before-install", venv, files, PASS_OWN, mask, err);
    if (rc == 0)
        *files_out = steal_fd(&files);
    else
        session_forget_install(venv, files);
    return rc;
}

int session_after_install(const char *venv, const sigset_t *mask, int files, struct err *err)
{
    int rc = run_helper("internal-after-install", venv, files, PASS_OWN, mask, err);

    (void)installing_end(venv, files);
    return rc;
}

void session_forget_install(const char *venv, int files)
{
    if (ftruncate(files, 0) == 0)
        (void)installing_end(venv, files);
}

static void unmap_plan(struct launch_memory *map)
{
    union {
        const void *in;
        void *out;
    } start = {.in = map->start};

    if (map->start)
        munmap(start.out, map->size);
    map->start = NULL;
}

void session_give_back(struct session *session)
{
    for (size_t i = 0; i < SESSION_MAPS; i++)
        unmap_plan(&session->maps[i]);
}

/* Notes a plan's memory. The first one is needed until the start is recorded; of the later ones
 * only the last is needed. */
static void note_map(struct session *session, const struct launch_memory *map)
{
    if (session->maps[0].start)
        unmap_plan(&session->maps[1]);
    session->maps[session->maps[0].start ? 1 : 0] = *map;
}

/* The file is mapped, and the plan's strings point into it. A plan is replaced by a new file, so
 * this one never changes under us. */
static int session_decode(int fd, struct session *out, struct err *err)
{
    struct stat st;
    void *data;
    int rc;

    if (fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot look at the compiled plan");
    if (st.st_size <= 0 || st.st_size > PLAN_BYTES_MAX)
        return err_plain(err, EINVAL, "the compiled plan is empty or too long");
    data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (data == MAP_FAILED)
        return err_set(err, errno, "cannot read the compiled plan");
    rc = plan_open(&out->file, data, (size_t)st.st_size, err);
    if (rc < 0)
        munmap(data, (size_t)st.st_size);
    else
        note_map(out, &(struct launch_memory){data, (size_t)st.st_size});
    return rc;
}

static int check_owner(int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_set(err, errno, "cannot look at '%s'", path);
    return owner_check(&st, OWNER_SELF, path, err);
}

static int session_open_sandbox(const char *venv, struct err *err)
{
    auto_fd int dir = open(venv, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    auto_free char *path = path_join(venv, VENV_SANDBOX);
    auto_fd int sandbox = -1;
    int rc;

    if (dir < 0)
        return err_set(err, errno, "cannot open the virtualenv '%s'", venv);
    sandbox = fd_open_beneath(dir, VENV_SANDBOX, O_RDONLY | O_DIRECTORY, 0);
    if (sandbox == -ENOENT)
        return err_plain(err, ENOENT,
                         "'%s' has no sandbox directory: wrap it with: sandbox-venv '%s'", venv,
                         venv);
    if (sandbox < 0)
        return err_set(err, -sandbox, "cannot open '%s'", path);
    rc = check_owner(sandbox, path, err);
    return rc < 0 ? rc : steal_fd(&sandbox);
}

/* *changed_out (may be NULL): the input that has changed, when it is one. */
static bool is_stale(const struct plan_file *file, const char *venv, const char **changed_out)
{
    struct plan_change change;
    char kernel[KERNEL_NAME_MAX];
    const struct plan_now now = {.tool = SVENV_BUILD,
                                 .venv = venv,
                                 .kernel = kernel,
                                 .landlock_abi = landlock_abi(),
                                 .look = file_id_known};

    sys_kernel_name(kernel);
    change = plan_first_change(file, &now);
    if (changed_out)
        *changed_out = change.path;
    return change.kind != PLAN_CHANGE_NONE;
}

/* Return: 1 with the plan as it lies there, 0 when there is none to use, or negative with *err. */
static int open_own(const char *venv, struct session *out, struct err *err)
{
    auto_fd int sandbox = session_open_sandbox(venv, err);
    auto_free char *path = path_join(venv, IN_SANDBOX(SANDBOX_PLAN));
    auto_fd int fd = -1;
    int rc;

    if (sandbox < 0)
        return sandbox;
    fd = fd_open_beneath(sandbox, SANDBOX_PLAN, O_RDONLY, 0);
    if (fd < 0)
        return 0;
    rc = check_owner(fd, path, err);
    if (rc < 0)
        return rc;
    return session_decode(fd, out, NULL) == 0;
}

/* A compiled plan names the venv it was made for: one that was moved or copied is noticed. */
static int session_check_place(const struct plan_file *file, const char *venv, struct err *err)
{
    if (str_eq(file->venv, venv))
        return 0;
    return err_plain(err, ESTALE,
                     "the virtualenv was wrapped at '%s' and is now at '%s': wrap it again with: "
                     "sandbox-venv '%s'",
                     file->venv, venv, venv);
}

/* Where records and caches lie is not for a program to say. Without such a variable they lie where
 * they do for everybody. HOME is passed all the same: it counts only for a user whom passwd does
 * not know. Return: negative when the plan cannot be read. */
static int forget_loaded(struct plan_file *file, struct err *err)
{
    struct arena arena = {NULL};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_SIZE(helper_names); i++) {
        const char *name = helper_names[i];
        const char *from = NULL;

        if (!getenv(name))
            continue;
        rc = plan_load_project(file, err);
        if (rc < 0)
            break;
        from = loaded_from(&arena, file, name);
        if (!from)
            continue;
        log_line("%s is not obeyed, because it may come from '%s'", name, from);
        unsetenv(name);
    }
    arena_finish(&arena);
    return rc;
}

/* An override can narrow as well as widen, so none is passed over in silence: without it the start
 * would not be what was asked for. */
static int check_overrides(struct plan_file *file, struct err *err)
{
    struct arena arena = {NULL};
    int rc = session_has_overrides() ? plan_load_project(file, err) : 0;

    for (size_t i = 0; i < file->variant_count && session_has_overrides(); i++)
        (void)plan_load(file, &file->variants[i], NULL); /* each may name a file of variables */
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(override_names); i++) {
        const char *from =
            getenv(override_names[i]) ? loaded_from(&arena, file, override_names[i]) : NULL;

        if (from)
            rc = err_plain(err, EPERM,
                           "%s is refused, because it may come from '%s', which programs in the "
                           "sandbox can have written: take it out of there, and set it for the "
                           "command or in the policy",
                           override_names[i], from);
    }
    arena_finish(&arena);
    return rc;
}

static int load_with_overrides(const char *venv, const sigset_t *mask, struct session *out,
                               struct err *err)
{
    auto_fd int fd = memfd_create("sandbox-venv-plan", MFD_CLOEXEC);
    int rc;

    if (fd < 0)
        return err_set(err, errno, "cannot make memory for a plan");
    rc = run_helper("internal-plan", venv, fd, PASS_OVERRIDES, mask, err);
    if (rc < 0)
        return rc;
    return session_decode(fd, out, err);
}

/* Where there is no plan that says which files to ask, one is made for that alone, without the
 * variables that are in question. */
static int forget_without_plan(const char *venv, const sigset_t *mask, struct session *session,
                               struct err *err)
{
    auto_fd int fd = -1;
    bool any = false;
    int rc;

    for (size_t i = 0; i < ARRAY_SIZE(helper_names); i++)
        any = any || getenv(helper_names[i]);
    if (!any)
        return 0;
    fd = memfd_create("sandbox-venv-plan", MFD_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno, "cannot make memory for a plan");
    rc = run_helper("internal-plan", venv, fd, PASS_NONE, mask, err);
    if (rc == 0)
        rc = session_decode(fd, session, err);
    return rc == 0 ? forget_loaded(&session->file, err) : rc;
}

/* Looks at what installers left whose launchers were killed. Return: 1 when there were some, which
 * had the plan made again, 0, or negative errno with *err. */
static int finish_installs(const char *venv, const sigset_t *mask, struct err *err)
{
    int list = installing_left(venv);
    bool any = list >= 0, done = true;

    while (list >= 0 && done) {
        struct stat st;
        char time[AUDIT_TIME_SIZE] = "";
        int rc;

        if (fstat(list, &st) == 0)
            audit_time_text(clock_ns_of(st.st_mtim) / 1000000, time);
        log_line(
            "an installer that began at %s ended without its last look: what it left in '%s' is "
            "looked at now",
            time, venv);
        rc = run_helper("internal-late-install", venv, list, PASS_OWN, mask, err);
        done = installing_end(venv, list);
        close(list);
        if (rc < 0)
            return rc;
        list = done ? installing_left(venv) : -ENOENT;
    }
    if (list < 0 && list != -ENOENT)
        return err_set(err, -list, "cannot look for interrupted installs in '%s/sandbox'", venv);
    return any;
}

/* Did the kernel start this stub as the interpreter of a script in bin? Then the script is no stub:
 * a tool wrote over a stub in place, which leaves no trace in the directory's times. */
static bool ran_raw_script(const struct request *request)
{
    auto_free char *bin = xasprintf("%s/bin", request->venv);
    auto_free char *dir = NULL;
    struct file_id script, here, there;

    if (!request->called_as || str_eq(path_basename(request->called_as), request->entry))
        return false;
    dir = path_dirname(request->called_as);
    script = file_id_of(AT_FDCWD, request->called_as, false);
    here = file_id_of(AT_FDCWD, dir, true);
    there = file_id_of(AT_FDCWD, bin, false);
    return S_ISREG(script.mode) && here.dev == there.dev && here.ino == there.ino;
}

/* Inputs like /etc can change while the plan is being made, by no doing of the user's. */
static int renew(const char *venv, const sigset_t *mask, struct session *out, struct err *err)
{
    int64_t made_ns = out->file.made_ns;
    const char *changed = NULL;

    for (int i = 0; i < RENEWALS_MAX; i++) {
        /* Of many starts at once one has made it already. */
        int rc = open_own(venv, out, err);

        if (rc == 1 && out->file.made_ns != made_ns && !is_stale(&out->file, venv, &changed))
            return 0;
        if (rc >= 0)
            rc = run_helper("internal-refresh", venv, -1, PASS_OWN, mask, err);
        if (rc == 0)
            rc = open_own(venv, out, err);
        if (rc < 0)
            return rc;
        if (rc == 1 && !is_stale(&out->file, venv, &changed))
            return 0;
    }
    if (changed)
        return err_plain(err, ESTALE,
                         "'%s' changes all the time: no plan could be made for '%s' that is not "
                         "out of date at once",
                         changed, venv);
    return err_plain(err, ESTALE,
                     "the plan of '%s' is out of date although it was just made: are two versions "
                     "installed?",
                     venv);
}

int session_open(const struct request *request, const sigset_t *mask, struct session *out,
                 struct err *err)
{
    int rc;

    out->settled = true;
    if (request->plan_fd >= 0) {
        rc = session_decode(request->plan_fd, out, err);
        close(request->plan_fd);
        if (rc == 0) {
            rc = forget_loaded(&out->file, err);
            if (rc == 0)
                rc = check_overrides(&out->file, err);
            if (rc == 0)
                rc = finish_installs(request->venv, mask, err);
        }
        return rc < 0 ? rc : session_check_place(&out->file, request->venv, err);
    }
    rc = open_own(request->venv, out, err);
    if (rc == 1 && forget_loaded(&out->file, NULL) < 0)
        rc = 0;
    if (rc == 0)
        rc = forget_without_plan(request->venv, mask, out, err);
    if (rc >= 0) {
        int finished = finish_installs(request->venv, mask, err);

        rc = finished < 0 ? finished : finished > 0 ? 0 : rc;
    }
    if (rc == 1 && !session_has_overrides()) {
        out->settled = false;
        return 0;
    }
    if (rc == 0 || (rc == 1 && is_stale(&out->file, request->venv, NULL)))
        rc = renew(request->venv, mask, out, err);
    if (rc >= 0)
        rc = check_overrides(&out->file, err);
    if (rc >= 0 && session_has_overrides())
        rc = load_with_overrides(request->venv, mask, out, err);
    return rc < 0 ? rc : session_check_place(&out->file, request->venv, err);
}

bool session_holds(const struct session *session, const struct request *request)
{
    return session->settled ||
           (!is_stale(&session->file, request->venv, NULL) && !ran_raw_script(request));
}

bool session_is_stale(const struct session *session, const struct request *request)
{
    return is_stale(&session->file, request->venv, NULL);
}

int session_renew(struct session *session, const struct request *request, const sigset_t *mask,
                  struct err *err)
{
    int rc = renew(request->venv, mask, session, err);

    session->settled = true;
    return rc < 0 ? rc : session_check_place(&session->file, request->venv, err);
}

struct plan_file *session_plan(struct session *session)
{
    assert(session->settled);
    return &session->file;
}

struct plan_file *session_any_plan(struct session *session)
{
    return &session->file;
}

bool session_nested(void)
{
    struct statfs fs;

    return access("/" ROOT_EMPTY_DIR, F_OK) == 0 && statfs("/", &fs) == 0 &&
           fs.f_type == TMPFS_MAGIC && (fs.f_flags & ST_RDONLY);
}
