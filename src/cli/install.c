/* The commands that the launcher calls before and after an installer. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/audit/record.h"
#include "svenv/audit/writer.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/find/files.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/guard/guard.h"
#include "svenv/plan/plan.h"
#include "svenv/wrap/wrap.h"

enum {
    FILES_FD = 3 /* where the list of files stays in between */
};

/* Gives this venv its own copies of the files that it shares with other venvs by hard links. That
 * may change files, so the list comes after it. */
static int before_install(const char *path, struct err *err)
{
    auto_venv_files struct venv_files files = {.count = 0};
    int r = venv_break_links(path, NULL, err);

    if (r == 0)
        r = venv_files_list(path, &files, err);
    return r < 0 ? r : venv_files_write(&files, FILES_FD, err);
}

int command_before_install(const struct args *args)
{
    auto_free char *path = NULL;
    struct err err = {0};
    int r = venv_named_wrapped(args->venv, &path, &err);

    if (r == 0)
        r = before_install(path, &err);
    return r < 0 ? command_failed(&err) : EXIT_DONE;
}

static int record(const char *path, const struct plan_file *file, const struct venv_left *left,
                  bool late, struct err *err)
{
    auto_buf struct buf line = {0};
    const struct audit_install install = {.start_up = &left->start_up,
                                          .entries = &left->entries,
                                          .elf = &left->elf,
                                          .setuid = &left->setuid,
                                          .obeyed = &left->obeyed,
                                          .incomplete = left->incomplete,
                                          .late = late};
    struct audit_subject subject = {.time_ms = audit_now_ms(), .launcher = getppid(), .venv = path};
    const struct plan *plan = &file->variants[file->variant_count - 1].plan;

    if (plan->audit == PLAN_AUDIT_OFF)
        return 0;
    subject.policy = file->policy_hash;
    audit_add_install(&line, &subject, &install);
    return audit_append(plan->audit_log, line.data, line.len, err);
}

/* A package may bring a repository or settings of an editor; the host would obey them. */
static int take_obeyed(const char *path, const struct venv_left *left, struct err *err)
{
    auto_fd int top = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (top < 0)
        return err_set(err, errno, "cannot open '%s'", path);
    guard_take_from_venv(path, top, &left->obeyed, "an installer");
    return 0;
}

static int report(const char *path, bool late, struct err *err)
{
    auto_venv_files struct venv_files before = {.count = 0};
    auto_venv_left struct venv_left left = {.incomplete = false};
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};
    int r = compile_read(path, &file, &bytes, err);

    if (r == 0)
        r = venv_files_read(FILES_FD, late, &before, err);
    if (r == 0)
        r = venv_left_since(path, &before, file.obeyed, file.obeyed_count, &left, err);
    if (r == 0 && left.obeyed.count > 0)
        r = take_obeyed(path, &left, err);
    if (r < 0)
        return r;
    if (left.start_up.count + left.entries.count + left.elf.count + left.setuid.count +
                left.obeyed.count ==
            0 &&
        !left.incomplete && !late)
        return 0;
    return record(path, &file, &left, late, err);
}

/* The entries come first: a venv that works matters more than a report that cannot be written. */
static int after_install(const struct args *args, bool late)
{
    auto_free char *path = NULL;
    auto_user struct user user = {0};
    struct err err = {0};
    int r = venv_named_wrapped(args->venv, &path, &err);

    if (r == 0)
        r = user_load(&user, &err);
    if (r == 0)
        r = compile_store(path, &user, &err);
    if (r < 0)
        return command_failed(&err);
    r = report(path, late, &err);
    if (r == 0 && ftruncate(FILES_FD, 0) < 0) /* the launcher sees by it that the look was made */
        r = err_set(&err, errno, "cannot empty the list of files from before the install");
    if (r < 0)
        log_err(&err);
    return EXIT_DONE;
}

int command_after_install(const struct args *args)
{
    return after_install(args, false);
}

int command_late_install(const struct args *args)
{
    return after_install(args, true);
}
