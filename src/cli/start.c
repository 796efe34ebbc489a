/* Hands a command over to the launcher, for `run` and `shell`. */
#include "start-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/compile/layers.h"
#include "svenv/find/registry.h"
#include "svenv/find/user.h"
#include "svenv/plan/plan.h"

extern char **environ;

static bool handover_has_overrides(const struct args *args)
{
    return args->policy || args->network || args->read.count > 0 || args->write.count > 0 ||
           args->bwrap.count > 0;
}

/* The plan of this one start in a sealed memory file that the launcher inherits. */
static int plan_to_memory(const struct plan_file *file, int *fd_out, struct err *err)
{
    auto_buf struct buf bytes = {0};
    auto_fd int fd = memfd_create("sandbox-venv-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_set(err, errno, "cannot make a file in memory");
    plan_encode(file, &bytes);
    if (fd_write_all(fd, bytes.data, bytes.len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_plain(err, EIO, "cannot write the plan to memory");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_set(err, errno, "cannot seal the plan");
    /* The launcher closes it before the program starts. */
    if (fcntl(fd, F_SETFD, 0) < 0)
        return err_set(err, errno, "cannot hand over the plan");
    *fd_out = steal_fd(&fd);
    return 0;
}

static int make_plan(const struct args *args, const char *venv_path, int *fd_out, struct err *err)
{
    auto_free char *policy = layers_venv_file(venv_path);
    auto_free char *named = NULL;
    auto_free char *profile = NULL;
    auto_user struct user user = {0};
    auto_plan_file struct plan_file file;
    const struct layers_grants grants = {.network = args->network,
                                         .read = &args->read,
                                         .write = &args->write,
                                         .bwrap = &args->bwrap};
    struct layers layers = {.venv_file = policy, .environment = true, .grants = &grants};
    int r = user_load(&user, err);

    plan_file_init(&file);
    if (r == 0 && args->policy) {
        r = layers_named(args->policy, &named, &profile, err);
        layers.venv_file = named;
        layers.profile = profile;
    }
    if (r == 0)
        r = compile_plan(venv_path, &user, &layers, &file, err);
    if (r == 0)
        r = plan_to_memory(&file, fd_out, err);
    return r;
}

static int exec_launcher(const char *how, const char *venv_path, int plan_fd, const char *program,
                         const char *const *words, size_t count, struct err *err)
{
    auto_free char *plan = plan_fd < 0 ? xstrdup("-") : xasprintf("%d", plan_fd);
    const char *const head[] = {"sandbox-venv", how, venv_path, plan, program, program};
    auto_strv struct strv argv = {0};

    for (size_t i = 0; i < ARRAY_SIZE(head); i++)
        strv_add(&argv, head[i]);
    for (size_t i = 0; i < count; i++)
        strv_add(&argv, words[i]);
    execve(SVENV_LAUNCHER, argv.items, environ);
    return err_set(err, errno, "cannot start '%s'", SVENV_LAUNCHER);
}

/* A program, or a repository, can make a directory that looks wrapped, with a policy of its own. */
static int check_known(const char *path, struct err *err)
{
    auto_user struct user user = {0};
    int r = user_load(&user, err);

    if (r == 0)
        r = registry_knows(&user, path, err);
    if (r == 0)
        return err_plain(err, EPERM,
                         "this account has not wrapped '%s': do that first ('sandbox-venv wrap "
                         "\"%s\"')",
                         path, path);
    return r < 0 ? r : 0;
}

int start_program(const struct args *args, const char *how, const char *program,
                  const char *const *words, size_t count)
{
    auto_free char *path = NULL;
    struct err err = {0};
    int plan_fd = -1;
    int r = venv_named_wrapped(args->venv, &path, &err);

    if (r == 0)
        r = check_known(path, &err);
    if (r == 0 && handover_has_overrides(args))
        r = make_plan(args, path, &plan_fd, &err);
    if (r == 0)
        r = exec_launcher(how, path, plan_fd, program, words, count, &err);
    return command_failed(&err);
}
