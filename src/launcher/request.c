/* Parses the launcher's own command line: which program of which venv. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "session-internal.h"

/* The stub's own path tells venv and entry: $venv/bin/NAME. A stub that was replaced while it
 * started shows as "NAME (deleted)". */
static int parse_stub(struct arena *arena, int argc, const char *const *argv, struct request *out,
                      struct err *err)
{
    static const char gone[] = " (deleted)";
    size_t len = strlen(argv[2]);
    auto_free char *self = NULL;
    auto_free char *bin = NULL;
    auto_free char *venv = NULL;

    if (str_ends(argv[2], gone))
        len -= sizeof(gone) - 1;
    self = xstrndup(argv[2], len);
    bin = path_dirname(self);
    venv = path_dirname(bin);
    if (self[0] != '/' || strcmp(path_basename(bin), "bin") != 0)
        return err_plain(err, EINVAL,
                         "'%s' is a stub outside of a virtualenv's bin directory: run the one in "
                         "the virtualenv",
                         self);
    *out = (struct request){.venv = arena_strdup(arena, venv),
                            .entry = arena_strdup(arena, path_basename(self)),
                            .called_as = argv[3][0] ? argv[3] : NULL,
                            .plan_fd = -1,
                            .argv = argv + 4,
                            .argc = (size_t)argc - 4};
    return 0;
}

/* Does the venv have an entry point of this name? Then `run NAME` means that one, whatever PATH
 * says. */
static bool has_entry(const char *venv, const char *name)
{
    auto_free char *real = xasprintf("%s/" IN_SANDBOX(SANDBOX_BIN) "/%s", venv, name);

    return !strchr(name, '/') && *name && name[0] != '.' &&
           faccessat(AT_FDCWD, real, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int parse_run(int argc, const char *const *argv, struct request *out, struct err *err)
{
    int64_t fd = -1;

    if (!str_eq(argv[3], "-") && num_parse_i64(argv[3], 3, 1 << 20, &fd) < 0)
        return err_plain(err, EINVAL, "'%s' is no descriptor of a plan", argv[3]);
    *out = (struct request){.venv = argv[2],
                            .entry = has_entry(argv[2], argv[4]) ? argv[4] : NULL,
                            .program = argv[4],
                            .shell = str_eq(argv[1], "shell"),
                            .plan_fd = (int)fd,
                            .argv = argv + 5,
                            .argc = (size_t)argc - 5};
    return 0;
}

int request_parse(struct arena *arena, int argc, const char *const *argv, struct request *out,
                  struct err *err)
{
    if (argc >= 5 && str_eq(argv[1], "stub"))
        return parse_stub(arena, argc, argv, out, err);
    if (argc >= 6 && (str_eq(argv[1], "run") || str_eq(argv[1], "shell")))
        return parse_run(argc, argv, out, err);
    return err_plain(err, EINVAL,
                     "the launcher is started by the stubs in a wrapped virtualenv: use "
                     "'sandbox-venv' itself");
}

bool request_is_shell(const struct request *request)
{
    auto_free char *real = NULL;

    if (!str_eq(request->entry, "shell"))
        return false;
    real = xasprintf("%s/" IN_SANDBOX(SANDBOX_BIN) "/shell", request->venv);
    return faccessat(AT_FDCWD, real, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

int request_run_shell(const struct request *request, struct err *err)
{
    execl(SVENV_CLI, "sandbox-venv", "shell", request->venv, (char *)NULL);
    return err_set(err, errno, "cannot run '" SVENV_CLI "': install sandbox-venv again");
}
