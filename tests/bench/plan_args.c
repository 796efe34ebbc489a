/* Says a compiled plan's default variant in bubblewrap's options, so that both make the same
 * sandbox: bench-plan-args PLAN FILTER EMPTY-DIR writes the system call filter to FILTER, and to
 * stdout, each ended by a NUL byte: what bubblewrap has no option for and so does not do
 * ("landlock", or ""), and then the options. Parts that bubblewrap would make dearer than need be
 * are said the cheap way: a mask is one bind of an empty directory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/filter.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static void put(const char *word)
{
    (void)fwrite(word, 1, strlen(word) + 1, stdout);
}

static void put_mode(const struct plan_op *op)
{
    char mode[16];

    if (op->mode) {
        (void)snprintf(mode, sizeof(mode), "%04o", (unsigned)op->mode);
        put("--perms");
        put(mode);
    }
}

static void put_bind(const struct plan_op *op)
{
    const char *option = "--ro-bind";

    if (op->flags & PLAN_DEVICES)
        option = op->flags & PLAN_TRY ? "--dev-bind-try" : "--dev-bind";
    else if (op->flags & PLAN_RW)
        option = op->flags & PLAN_TRY ? "--bind-try" : "--bind";
    else if (op->flags & PLAN_TRY)
        option = "--ro-bind-try";
    put(option);
    put(op->src);
    put(op->dest);
}

static void put_mask(const struct plan_op *op, const char *empty_dir)
{
    struct stat st;

    if (lstat(op->dest, &st) < 0)
        return;
    put("--ro-bind");
    put(S_ISDIR(st.st_mode) ? empty_dir : "/dev/null");
    put(op->dest);
}

static void put_two(const char *option, const char *dest)
{
    put(option);
    put(dest);
}

static int put_op(const struct plan_op *op, const char *empty_dir)
{
    /* bubblewrap makes /dev as a whole, with the same nodes. */
    if (path_is_beneath(op->dest, "/dev") && !str_eq(op->dest, "/dev/shm")) {
        if (str_eq(op->dest, "/dev"))
            put_two("--dev", "/dev");
        return 0;
    }
    switch (op->kind) {
    case PLAN_DIR:
        put_mode(op);
        put_two("--dir", op->dest);
        return 0;
    case PLAN_FILE:
        /* An empty one is a mount point, which bubblewrap makes with the mount. */
        return op->src ? -ENOTSUP : 0;
    case PLAN_SYMLINK:
        put("--symlink");
        put_two(op->src, op->dest);
        return 0;
    case PLAN_BIND:
        put_bind(op);
        return 0;
    case PLAN_TMPFS:
        put_mode(op);
        put_two("--tmpfs", op->dest);
        return 0;
    case PLAN_PROC:
        put_two("--proc", op->dest);
        return 0;
    case PLAN_MQUEUE:
        put_two("--mqueue", op->dest);
        return 0;
    case PLAN_REMOUNT_RO:
        put_two("--remount-ro", op->dest);
        return 0;
    case PLAN_MASK:
        put_mask(op, empty_dir);
        return 0;
    case PLAN_DEVPTS:
    case PLAN_CHMOD:
    case PLAN_OP__COUNT:
        break;
    }
    return -ENOTSUP;
}

static int put_plan(const struct plan *plan, const char *empty_dir, struct err *err)
{
    static const char *const always[] = {
        "--unshare-user", "--unshare-pid", "--unshare-ipc",    "--unshare-uts",
        "--cap-drop",     "ALL",           "--unshare-cgroup", "--die-with-parent",
    };

    put(plan->flags & PLAN_USE_LANDLOCK ? "landlock" : "");
    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        put(always[i]);
    if (plan->flags & PLAN_OWN_NET)
        put("--unshare-net");
    if (plan->flags & PLAN_NEW_SESSION)
        put("--new-session");
    if (!(plan->flags & PLAN_USERNS_OK))
        put("--disable-userns");
    for (size_t i = 0; i < plan->op_count; i++) {
        if (put_op(&plan->ops[i], empty_dir) < 0)
            return err_plain(err, ENOTSUP, "bubblewrap has no option for '%s'", plan->ops[i].dest);
    }
    return 0;
}

static int write_filter(const struct plan *plan, const char *path, struct err *err)
{
    auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;

    if (r == 0)
        r = fd_write_all(fd, plan->filter, plan->filter_count * sizeof(struct sock_filter));
    return r < 0 ? err_plain(err, -r, "cannot write '%s'", path) : 0;
}

static int say(char **argv, struct err *err)
{
    auto_buf struct buf bytes = {0};
    auto_plan_file struct plan_file file;
    struct plan *plan = NULL;
    int r = 0;

    plan_file_init(&file);
    r = file_read(AT_FDCWD, argv[1], PLAN_BYTES_MAX, &bytes, err);
    if (r == 0)
        r = plan_decode(&file, bytes.data, bytes.len, err);
    if (r < 0)
        return r;
    if (file.variant_count == 0)
        return err_plain(err, EINVAL, "'%s' has no variant", argv[1]);
    plan = &file.variants[file.variant_count - 1].plan;
    r = write_filter(plan, argv[2], err);
    return r < 0 ? r : put_plan(plan, argv[3], err);
}

int main(int argc, char **argv)
{
    struct err err = {0};

    if (argc != 4) {
        fprintf(stderr, "usage: bench-plan-args PLAN FILTER EMPTY-DIR\n");
        return 2;
    }
    if (say(argv, &err) < 0 || fflush(stdout) != 0) {
        fprintf(stderr, "bench-plan-args: %s\n", err.msg);
        return 1;
    }
    return 0;
}
