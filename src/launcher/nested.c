/* A start inside a sandbox stays in that sandbox. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/interpreter.h"
#include "svenv/base/layout.h"

#include "session-internal.h"

extern char **environ;

int session_run_nested(const struct request *request, struct err *err)
{
    auto_free char *real = NULL;
    union {
        const char *const *in;
        char *const *out;
    } words = {.in = request->argv};
    char **argv = xcalloc(request->argc + 1, sizeof(*argv));
    auto_free char *seen = NULL;

    for (size_t i = 0; i < request->argc; i++)
        argv[i] = words.out[i];
    if (!request->entry) {
        execvp(request->program, argv);
        return err_set(err, errno, "cannot run '%s'", request->program);
    }
    real = xasprintf("%s/" IN_SANDBOX(SANDBOX_BIN) "/%s", request->venv, request->entry);
    seen = xasprintf("%s/bin/%s", request->venv, request->entry);
    if (interpreter_is_name(request->entry) && !strchr(request->argv[0], '/'))
        argv[0] = seen;
    execv(real, argv);
    return err_set(err, errno,
                   "cannot run '%s': this virtualenv belongs to another sandbox, and only its own "
                   "packages are visible here",
                   seen);
}
