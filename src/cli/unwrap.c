/* `sandbox-venv unwrap`: gives back a venv as it was. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/compile/compile.h"
#include "svenv/find/registry.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"
#include "svenv/wrap/wrap.h"
#include "term-internal.h"

/* Files and links that were made in the private home to be mounted on. With a plan that cannot be
 * read they stay, and do no harm. */
static void remove_node(int home, const struct plan_node *node)
{
    auto_free char *parent = path_dirname(node->rel);
    auto_fd int dir = fd_open_beneath(home, parent, O_PATH | O_DIRECTORY, 0);
    const char *name = path_basename(node->rel);
    char text[PATH_MAX];
    struct stat st;
    ssize_t len;

    if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (node->kind == PLAN_NODE_FILE && S_ISREG(st.st_mode) && st.st_size == 0)
        (void)unlinkat(dir, name, 0);
    len = node->kind == PLAN_NODE_SYMLINK ? readlinkat(dir, name, text, sizeof(text) - 1) : -1;
    if (len < 0)
        return;
    text[len] = '\0';
    if (str_eq(text, node->target))
        (void)unlinkat(dir, name, 0);
}

static void remove_nodes(const char *venv_path)
{
    auto_free char *path = path_join(venv_path, VENV_HOME);
    auto_fd int home = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_plan_file struct plan_file file;
    auto_buf struct buf bytes = {0};

    if (compile_read(venv_path, &file, &bytes, NULL) < 0 || home < 0)
        return;
    for (size_t i = 0; i < file.variant_count; i++) {
        const struct plan *plan = &file.variants[i].plan;

        for (size_t k = 0; k < plan->node_count; k++) {
            if (str_eq(plan->nodes[k].base, path))
                remove_node(home, &plan->nodes[k]);
        }
    }
}

static bool has_kept(const char *venv_path)
{
    auto_free char *home = path_join(venv_path, VENV_HOME);
    auto_free char *cache = path_join(venv_path, VENV_CACHE);

    return access(home, F_OK) == 0 || access(cache, F_OK) == 0;
}

static void print_unwrapped(const struct args *args, const char *path)
{
    auto_buf struct buf out = {0};

    term_add(&out, TERM_GOOD, "Unwrapped");
    buf_add_char(&out, ' ');
    term_add(&out, TERM_BOLD, args->venv ? args->venv : ".venv");
    buf_add_str(&out, ": its programs run without a sandbox again\n");
    if (!args->purge && has_kept(path))
        term_row(&out, "kept", "home and cache of its programs (--purge removes them)");
    term_flush(&out);
}

int command_unwrap(const struct args *args)
{
    auto_free char *path = NULL;
    auto_user struct user user = {0};
    auto_strv struct strv told = {0};
    struct err err = {0};
    /* venv_unwrap() decides whether the venv is wrapped: it heals one whose manifest is gone. */
    int r = venv_named(args->venv, &path, &err);

    if (r == 0)
        r = user_load(&user, &err);
    if (r == 0)
        remove_nodes(path);
    if (r == 0)
        r = venv_unwrap_telling(path, args->purge, &told, &err);
    if (r < 0)
        return command_failed(&err);
    for (size_t i = 0; i < told.count; i++)
        log_line(
            "'%s/bin/%s' was not what was wrapped, but what something inside put in its place: "
            "that is %s, and the link is as it was; where a file was, make the virtualenv "
            "again",
            path, told.items[i], args->purge ? "removed" : "in sandbox/quarantine/unwrapped");
    if (registry_remove(&user, path, &err) < 0)
        log_err(&err);
    venv_sweep_temporary();
    if (!args->quiet)
        print_unwrapped(args, path);
    return EXIT_DONE;
}
