/* `sandbox-venv create`: makes a virtualenv and wraps it. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

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

static int make_venv(const struct args *args, struct err *err)
{
    const char *python = args->python ? args->python : "python3";
    auto_strv struct strv words = {0};

    int r = venv_is_wrapped(args->venv, err);

    if (r < 0)
        return r;
    if (r > 0)
        return err_plain(err, EEXIST, "'%s' is there and wrapped: remove it first, or use 'wrap'",
                         args->venv);
    strv_add(&words, python);
    strv_add(&words, "-m");
    strv_add(&words, "venv");
    for (size_t i = 0; i < args->extra.count; i++)
        strv_add(&words, args->extra.items[i]);
    strv_add(&words, "--");
    strv_add(&words, args->venv);
    return spawn_and_wait(python, words.items, err);
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
