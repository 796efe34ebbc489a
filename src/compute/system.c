/* The parts that every sandbox has: /usr, /etc, /proc, /dev, /sys, and temporary directories of its
 * own. */
#include <errno.h>

#include "svenv/base/err.h"
#include "svenv/base/etc_names.h"
#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "compute-internal.h"

static int bind_as_it_is(struct compute *c, const char *path, bool directory, uint32_t flags,
                         struct err *err)
{
    const struct tree_bind bind = {.src = path,
                                   .dest = path,
                                   .directory = directory,
                                   .flags = flags,
                                   .origin = ORIGIN_DEFAULT};

    return tree_add(&c->tree, &bind, err);
}

/* Shows a directory of the host read-only, and a symlink as a symlink; a name that is not there is
 * left out. */
static int system_show(struct compute *c, const char *path, struct err *err)
{
    struct fact_path fact = compute_fact(c, path);

    if (fact.kind == FACT_SYMLINK)
        return tree_link(&c->tree, path, fact.target, ORIGIN_DEFAULT, err);
    return fact.kind == FACT_DIR ? bind_as_it_is(c, path, true, 0, err) : 0;
}

/* /bin and its like are symlinks into /usr on merged systems, directories on others. */
static int compute_usr(struct compute *c, struct err *err)
{
    static const char *const paths[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                        "/lib32", "/lib64", "/libx32"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        int rc = system_show(c, paths[i], err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Key material beside the certificates that only root can read: root runs sandboxes, too. */
static int mask_private(struct compute *c, struct err *err)
{
    static const char *const paths[] = {"/etc/ssl/private", "/etc/pki/tls/private",
                                        "/etc/pki/consumer", "/etc/pki/entitlement"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        const struct tree_bind bind = {
            .dest = paths[i], .directory = true, .origin = ORIGIN_DEFAULT};
        struct fact_path fact = compute_fact(c, paths[i]);
        int rc = fact.kind == FACT_DIR && !fact.unreadable ? tree_add(&c->tree, &bind, err) : 0;

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Files of /etc are made for the venv (compile/etc.c). */
static int compute_etc(struct compute *c, struct err *err)
{
    const char *made = compute_join(c, c->venv->path, IN_SANDBOX(SANDBOX_ETC));
    int rc = compute_bind_own(c, made, "", "/etc", 0, err);

    for (size_t i = 0; rc == 0 && i < etc_name_count; i++) {
        if (etc_names[i].kind == ETC_BOUND)
            rc = system_show(c, compute_join(c, "/etc", etc_names[i].name), err);
    }
    return rc < 0 ? rc : mask_private(c, err);
}

/* Files of /proc that tell or change things of the machine rather than of the sandbox's processes.
 */
static const struct {
    const char *path;
    bool root_only; /* holds nothing but zeroes for other users */
} proc_masks[] = {
    {"/proc/acpi", false},          {"/proc/asound", false},      {"/proc/config.gz", false},
    {"/proc/interrupts", false},    {"/proc/kallsyms", false},    {"/proc/kcore", false},
    {"/proc/key-users", false},     {"/proc/keys", false},        {"/proc/kmsg", false},
    {"/proc/latency_stats", false}, {"/proc/sched_debug", false}, {"/proc/scsi", false},
    {"/proc/sysrq-trigger", false}, {"/proc/timer_list", false},  {"/proc/iomem", true},
    {"/proc/ioports", true},        {"/proc/kpagecgroup", true},  {"/proc/kpagecount", true},
    {"/proc/kpageflags", true},     {"/proc/pagetypeinfo", true}, {"/proc/slabinfo", true},
    {"/proc/vmallocinfo", true},
};

/* A file that the caller cannot read needs no mask: the caller's user id in the sandbox is the
 * same. PLAN_TRY, because these names come and go with kernel modules, and an absent one hides
 * nothing. */
static int compute_proc(struct compute *c, struct err *err)
{
    int rc = tree_mount(&c->tree, PLAN_PROC, "/proc", 0, 0, ORIGIN_DEFAULT, err);

    if (rc == 0)
        rc = bind_as_it_is(c, "/proc/sys", true, 0, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(proc_masks); i++) {
        struct fact_path fact = compute_fact(c, proc_masks[i].path);
        const struct tree_bind bind = {.dest = proc_masks[i].path,
                                       .directory = fact.kind == FACT_DIR,
                                       .flags = PLAN_TRY,
                                       .origin = ORIGIN_DEFAULT};

        if (fact.kind == FACT_ABSENT || fact.unreadable ||
            (proc_masks[i].root_only && c->facts->uid != 0))
            continue;
        rc = tree_add(&c->tree, &bind, err);
    }
    return rc;
}

int compute_dev(struct compute *c, const char *dest, const char *origin, struct err *err)
{
    static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
    static const struct {
        const char *name, *target;
    } links[] = {
        {"ptmx", "pts/ptmx"},          {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
        {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
    };
    int rc = tree_point(&c->tree, dest, true, 0, origin, err);

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(links); i++)
        rc =
            tree_link(&c->tree, compute_join(c, dest, links[i].name), links[i].target, origin, err);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(devices); i++) {
        const struct tree_bind bind = {.src = compute_join(c, "/dev", devices[i]),
                                       .dest = compute_join(c, dest, devices[i]),
                                       .flags = PLAN_RW | PLAN_DEVICES,
                                       .origin = origin};

        rc = tree_add(&c->tree, &bind, err);
    }
    return rc < 0
               ? rc
               : tree_mount(&c->tree, PLAN_DEVPTS, compute_join(c, dest, "pts"), 0, 0, origin, err);
}

/* Thread pools and memory allocators size themselves by these (numpy, torch, OpenBLAS). */
static int compute_sys(struct compute *c, struct err *err)
{
    static const char *const trees[] = {"/sys/devices/system/cpu", "/sys/devices/system/node",
                                        "/sys/kernel/mm/transparent_hugepage"};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(trees); i++)
        rc = system_show(c, trees[i], err);
    return rc;
}

/* Private to the venv and shared by its starts, on the host's file systems and so host-sized. An
 * installer has its own, so that no program can leave something for it (docs/SECURITY.md, C26). */
static int compute_temporary(struct compute *c, struct err *err)
{
    const char *prefix = c->installer ? "installer-" : "";
    const struct {
        const char *name, *dest;
    } dirs[] = {
        {"tmp", "/tmp"},
        {"var-tmp", "/var/tmp"},
        {"run", arena_printf(c->arena, "/run/user/%u", (unsigned)c->facts->uid)},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(dirs); i++) {
        const char *rel = arena_printf(c->arena, "%s/%s%s", path_basename(compute_temp_base(c)),
                                       prefix, dirs[i].name);

        rc = compute_bind_own(c, TEMPORARY_TMP, rel, dirs[i].dest, PLAN_RW, err);
    }
    if (rc == 0)
        rc = tree_link(&c->tree, "/var/run", "/run", ORIGIN_DEFAULT, err);
    if (rc < 0)
        return rc;
    if (c->installer)
        return tree_mount(&c->tree, PLAN_TMPFS, "/dev/shm", 01777, 0, ORIGIN_DEFAULT, err);
    return compute_bind_own(c, TEMPORARY_SHM, path_basename(compute_temp_base(c)), "/dev/shm",
                            PLAN_RW, err);
}

int compute_system(struct compute *c, struct err *err)
{
    int rc = compute_usr(c, err);

    if (rc == 0)
        rc = compute_etc(c, err);
    if (rc == 0)
        rc = compute_proc(c, err);
    if (rc == 0)
        rc = compute_dev(c, "/dev", ORIGIN_DEFAULT, err);
    if (rc == 0)
        rc = compute_sys(c, err);
    return rc < 0 ? rc : compute_temporary(c, err);
}
