/* `sandbox-venv log` and `policy log`. */
#include "log-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/audit/reader.h"
#include "svenv/base/err.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/history.h"
#include "svenv/find/state.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"
#include "term-internal.h"

enum {
    LOOK_AGAIN_NS = 200000000
};

struct view {
    const struct args *args;
    const char *venv; /* only this one's lines; NULL: all */
    size_t shown;
};

char *log_path(const struct user *user, const char *venv_path)
{
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};

    plan_file_init(&file);
    if (venv_path && compile_read(venv_path, &file, &bytes, NULL) == 0 &&
        file.variants[0].plan.audit_log)
        return xstrdup(file.variants[0].plan.audit_log);
    return state_audit_log(user);
}

static int show_line(void *context, const struct audit_line *line, const char *text, size_t len)
{
    struct view *view = context;
    auto_buf struct buf out = {0};

    if ((view->venv && !str_eq(line->venv, view->venv)) ||
        (view->args->denied && line->event != AUDIT_EVENT_DENIED))
        return 0;
    view->shown++;
    if (view->args->json) {
        buf_add(&out, text, len);
        buf_add_char(&out, '\n');
    } else {
        log_add_line(&out, line, !view->venv);
    }
    term_flush(&out);
    return 0;
}

static int log_command_follow(struct audit_reader *reader, struct view *view, struct err *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    int r = 0;

    while (r == 0) {
        nanosleep(&pause, NULL);
        r = audit_reader_more(reader, show_line, view, err);
    }
    return r;
}

static void say_what_is_missing(const struct audit_reader *reader, const struct view *view)
{
    auto_buf struct buf out = {0};

    if (audit_reader_damaged(reader) > 0)
        log_line("%zu lines of '%s' cannot be read", audit_reader_damaged(reader), reader->path);
    if (view->shown > 0 || view->args->json || view->args->quiet)
        return;
    term_add(&out, TERM_DIM, "nothing is recorded");
    buf_add_char(&out, '\n');
    term_flush(&out);
}

static int show_log(const char *path, struct view *view, struct err *err)
{
    auto_audit_reader struct audit_reader reader;
    int r;

    audit_reader_init(&reader, path);
    r = audit_reader_more(&reader, show_line, view, err);
    if (r == 0 && view->args->follow)
        return log_command_follow(&reader, view, err);
    if (r == 0)
        say_what_is_missing(&reader, view);
    return r;
}

/* The path of the venv that the word names, there or not: a log outlives its venv. NULL without a
 * word, when there is no wrapped '.venv' here. */
static char *venv_of(const char *word)
{
    auto_free char *real = realpath(word ? word : ".venv", NULL);
    auto_free char *cwd = getcwd(NULL, 0);

    if (!word)
        return real && venv_is_wrapped(real, NULL) > 0 ? steal_ptr(real) : NULL;
    return real ? steal_ptr(real) : path_normalise(cwd ? cwd : "/", word);
}

int command_log(const struct args *args)
{
    auto_free char *venv = venv_of(args->venv);
    auto_free char *path = NULL;
    auto_user struct user user = {0};
    struct view view = {.args = args, .venv = venv};
    struct err err = {0};
    int r = user_load(&user, &err);

    if (r == 0) {
        path = log_path(&user, venv);
        r = path ? show_log(path, &view, &err) : err_set(&err, errno, "cannot find the log");
    }
    return r < 0 ? command_failed(&err) : EXIT_DONE;
}

int command_policy_log(const struct args *args)
{
    auto_free char *path = NULL;
    auto_free char *dir = NULL;
    auto_free char *log = NULL;
    auto_user struct user user = {0};
    auto_venv struct venv venv;
    struct view view = {.args = args};
    struct err err = {0};
    int r = venv_named_wrapped(args->venv, &path, &err);

    venv_init(&venv);
    if (r == 0)
        r = user_load(&user, &err);
    if (r == 0)
        r = manifest_read(&venv, path, &err);
    if (r == 0) {
        view.venv = path;
        dir = state_policy_history(&user, venv.id);
        log = dir ? path_join(dir, HISTORY_NAME) : NULL;
        r = log ? show_log(log, &view, &err) : err_set(&err, errno, "cannot find the history");
    }
    return r < 0 ? command_failed(&err) : EXIT_DONE;
}

struct count {
    const char *venv;
    struct log_denials denials;
};

static int count_line(void *context, const struct audit_line *line, const char *text, size_t len)
{
    struct count *count = context;

    (void)text;
    (void)len;
    if (line->event != AUDIT_EVENT_DENIED || !str_eq(line->venv, count->venv))
        return 0;
    count->denials.count += 1 + (uint64_t)audit_number(line, "denials_left_off", NULL);
    count->denials.last_ms = line->time_ms;
    return 0;
}

int log_count_denials(const char *path, const char *venv_path, struct log_denials *out,
                      struct err *err)
{
    auto_audit_reader struct audit_reader reader;
    struct count count = {.venv = venv_path};
    int r;

    audit_reader_init(&reader, path);
    r = audit_reader_more(&reader, count_line, &count, err);
    if (r == 0)
        *out = count.denials;
    return r;
}
