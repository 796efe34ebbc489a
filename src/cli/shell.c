/* `sandbox-venv shell`: a shell inside, with the venv activated. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "start-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/find/user.h"

/* A shell that lies elsewhere (in a home directory, say) does not exist inside. */
static const char *choose_shell(void)
{
    static const char *const visible[] = {"/bin", "/usr/bin", "/usr/local/bin"};
    const char *named = getenv("SHELL");

    if (!named || named[0] != '/' || access(named, X_OK) < 0)
        return "/bin/sh";
    for (size_t i = 0; i < ARRAY_SIZE(visible); i++) {
        if (path_is_beneath(named, visible[i]))
            return named;
    }
    return "/bin/sh";
}

/* As after "activate": a shell of a venv is for its programs. */
static int activate(const char *venv)
{
    const char *path = getenv("PATH");
    auto_free char *both = xasprintf("%s/bin%s%s", venv, path ? ":" : "", path ? path : "");

    return setenv("PATH", both, 1) < 0 || setenv("VIRTUAL_ENV", venv, 1) < 0 ? -errno : 0;
}

int command_shell(const struct args *args)
{
    auto_free char *venv = NULL;
    struct err err = {0};

    if (venv_named_wrapped(args->venv, &venv, &err) < 0)
        return command_failed(&err);
    if (activate(venv) < 0) {
        err_set(&err, errno, "cannot set the shell's environment");
        return command_failed(&err);
    }
    return start_program(args, "shell", choose_shell(), NULL, 0);
}
