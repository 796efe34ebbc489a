#include "args-internal.h"
#include "command-internal.h"
#include "registry-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/venv/venv.h"
#include "term-internal.h"
#include "user-internal.h"

static void print_summary(const struct args *args)
{
    auto_buf struct buf out = {0};

    term_add(&out, TERM_GOOD, "Unwrapped");
    buf_add_char(&out, ' ');
    term_add(&out, TERM_BOLD, args->venv ? args->venv : ".venv");
    buf_add_str(&out, ": its programs run without a sandbox again\n");
    if (!args->purge)
        term_row(&out, "kept", "home and cache of its programs, if any (--purge removes them)");
    term_flush(&out);
}

int command_unwrap(const struct args *args)
{
    auto_free char *path = NULL;
    auto_user struct user user = {0};
    struct err err = {0};
    /* Whether it is wrapped is for venv_unwrap() to say: it heals one whose manifest is gone. */
    int r = venv_named(args->venv, &path, &err);

    if (r == 0)
        r = user_load(&user, &err);
    if (r == 0)
        r = venv_unwrap(path, args->purge, &err);
    if (r < 0)
        return command_failed(&err);
    if (registry_remove(&user, path, &err) < 0)
        log_err(&err);
    if (!args->quiet)
        print_summary(args);
    return EXIT_DONE;
}
