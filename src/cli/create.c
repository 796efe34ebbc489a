/* `sandbox-venv create`: makes a virtualenv and wraps it. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"
#include "svenv/inside/running.h"

extern char **environ;

static int spawn_and_wait(const char *python, char *const *words, struct err *err)
{
    int status = 0;
    pid_t child;
    int r = posix_spawnp(&child, python, NULL, NULL, words, environ);

    if (r != 0)
        return err_set(err, r, "cannot start the interpreter '%s'", python);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return err_set(err, errno, "cannot wait for '%s'", python);
    }
    if (WIFSIGNALED(status))
        return err_plain(err, EINTR, "'%s -m venv' was ended by signal %d", python,
                         WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_plain(err, ECHILD, "'%s -m venv' failed with status %d", python,
                         WEXITSTATUS(status));
    return 0;
}

/* The directory is closed to programs that run in a sandbox before there is anything of it, but for
 * the files that they may have been quick enough to make: *covered_out.
 * *made_out: it was not there. */
static int prepare_directory(const char *name, bool *made_out, unsigned *covered_out,
                             struct err *err)
{
    auto_free char *path = NULL;
    int r;

    *made_out = mkdir(name, 0777) == 0;
    if (!*made_out && errno != EEXIST)
        return 0; /* its parents are missing, and are made with it, or python says why not */
    r = look_real(name, &path);
    if (r <= 0)
        return r < 0 ? err_set(err, r, "cannot look at '%s'", name) : 0;
    r = running_close(path, covered_out, err);
    if (r == 0 && *covered_out > 0 && !*made_out)
        return err_plain(err, EBUSY,
                         "programs that run in a sandbox could write in '%s' until now, so its "
                         "files may be theirs: remove it first",
                         name);
    return r;
}

/* Files in the directory would count in the virtualenv: venv starts its python, which runs the code
 * in site-packages, and wrapping keeps the policy. */
static int check_empty(const struct args *args, struct err *err)
{
    int r = strv_has(&args->extra, "--clear") ? 0 : look_for_content(args->venv);

    if (r < 0)
        return err_set(err, r, "cannot look into '%s'", args->venv);
    return r == 0 ? 0
                  : err_plain(err, ENOTEMPTY, "'%s' is not empty: remove it, or add --clear",
                              args->venv);
}

static int make_venv(const struct args *args, struct err *err)
{
    const char *python = args->python ? args->python : "python3";
    auto_strv struct strv words = {0};
    unsigned covered = 0;
    bool made = false;
    int r = venv_is_wrapped(args->venv, err);

    if (r < 0)
        return r;
    if (r > 0)
        return err_plain(err, EEXIST, "'%s' is there and wrapped: remove it first, or use 'wrap'",
                         args->venv);
    r = prepare_directory(args->venv, &made, &covered, err);
    if (r == 0 && covered == 0)
        r = check_empty(args, err);
    strv_add(&words, python);
    strv_add(&words, "-m");
    strv_add(&words, "venv");
    if (covered > 0)
        strv_add(&words, "--clear");
    for (size_t i = 0; i < args->extra.count; i++)
        strv_add(&words, args->extra.items[i]);
    strv_add(&words, "--");
    strv_add(&words, args->venv);
    if (r == 0)
        r = spawn_and_wait(python, words.items, err);
    if (r < 0 && made)
        (void)rmdir(args->venv); /* when nothing is in it */
    return r;
}

int command_create(const struct args *args)
{
    struct args wrap_args = *args;
    struct err err = {0};

    if (!args->venv)
        return command_misused("create", "name the virtual environment to make");
    if (make_venv(args, &err) < 0)
        return command_failed(&err);
    wrap_args.bwrap = (struct strv){0};
    return command_wrap(&wrap_args);
}
