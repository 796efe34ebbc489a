/* Does a compiled plan still say what is there? The one answer, for the launcher, which makes a
 * stale plan again, and for `status`, which tells. */
#ifndef SVENV_PLAN_STALE_H
#define SVENV_PLAN_STALE_H

#include <stdbool.h>

struct file_id;
struct plan_file;

/* The world as it is now. */
struct plan_now {
    const char *tool;      /* version and build of whoever asks */
    const char *venv;      /* real path */
    const char *kernel;    /* sys_kernel_name() */
    unsigned landlock_abi; /* that it has */
    /* file_id_known(), or a test's own. */
    struct file_id (*look)(int dir, const char *path, bool follow);
};

enum plan_change_kind {
    PLAN_CHANGE_NONE,
    PLAN_CHANGE_DAMAGE, /* the plan itself is not as it was written */
    PLAN_CHANGE_TOOL,
    PLAN_CHANGE_VENV,   /* moved or copied */
    PLAN_CHANGE_KERNEL, /* another was booted, or there is more of Landlock, or less */
    PLAN_CHANGE_INPUT,
    PLAN_CHANGE__COUNT
};

struct plan_change {
    enum plan_change_kind kind;
    const char *path; /* INPUT: what is not as it was; the plan's */
};

/* The first input of the plan that is no longer so. One look for each input: a microsecond or less.
 */
struct plan_change plan_first_change(const struct plan_file *file, const struct plan_now *now);

#endif
