/* A group of our own in a subtree that was delegated to the caller. The processes of a group and
 * limits for its children exclude one another (cgroups(7), "no internal processes"), so the new
 * group cannot lie in the caller's own: it lies beside it, in an ancestor that is delegated, too.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "cgroup-internal.h"

#define PREFIX "sandbox-venv-"

void cgroup_new_name(char name_out[CGROUP_NAME_MAX])
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(name_out, CGROUP_NAME_MAX, PREFIX "%d-%llx", (int)getpid(),
             (unsigned long long)now.tv_sec * 1000000000 + (unsigned long long)now.tv_nsec);
}

pid_t cgroup_name_owner(const char *name)
{
    char number[16];
    int64_t pid;
    size_t len;

    if (!str_starts(name, PREFIX))
        return 0;
    name += strlen(PREFIX);
    len = strcspn(name, "-");
    if (len >= sizeof(number))
        return 0;
    memcpy(number, name, len);
    number[len] = '\0';
    return num_parse_i64(number, 1, INT32_MAX, &pid) < 0 ? 0 : (pid_t)pid;
}

static bool is_marked(int dir)
{
    static const char *const names[] = {"user.delegate", "trusted.delegate"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char value[2];

        if (fgetxattr(dir, names[i], value, sizeof(value)) == 1 && value[0] == '1')
            return true;
    }
    return false;
}

static int open_group(int root, const char *path)
{
    int fd =
        openat(root, path[1] ? path + 1 : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    return fd < 0 ? -errno : fd;
}

/* Has a unit, recognised by the name of its group, groups below it on the way to the caller?
 * systemd makes units only in slices: so somebody else made these, who has the unit's subtree. */
static bool is_subdivided(const char *path, const char *own)
{
    const char *name = path_basename(path);

    return !str_eq(path, own) && (str_ends(name, ".scope") || str_ends(name, ".service"));
}

/* Where systemd runs, every group is its business but those that are delegated; of these the user's
 * manager manages its own again. Not every version marks the groups that a user's manager
 * delegates: systemd 252 does not. Return: length of the path of the topmost usable group, 0 when
 * there is none. */
static size_t topmost(int root, const char *own)
{
    char path[CGROUP_PATH_MAX];

    if (access("/run/systemd/system", F_OK) < 0)
        return 1;
    snprintf(path, sizeof(path), "%s", own);
    do {
        auto_fd int dir = open_group(root, path);
        const char *name = path_basename(path);

        if (str_starts(name, "user@"))
            return 0;
        if (dir >= 0 && (is_marked(dir) || is_subdivided(path, own)))
            return strlen(path);
    } while (cgroup_go_up(path));
    return 0;
}

static bool is_own_group(int dir)
{
    struct stat st;

    return fstat(dir, &st) == 0 && owner_is_self(&st) &&
           faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) == 0 &&
           faccessat(dir, ".", W_OK, AT_EACCESS) == 0;
}

/* Are the controllers there for children? A delegated group without processes may switch them on;
 * the hierarchy's root is nobody's to change. */
static bool gives_controllers(int dir, bool is_root, const struct cgroup_limits *limits)
{
    static const char *const switches[] = {"+memory", "+pids", "+cpu"};
    char text[CGROUP_TEXT_MAX];

    for (int round = 0; round < 2; round++) {
        if (cgroup_read(dir, "cgroup.subtree_control", text, sizeof(text)) < 0)
            return false;
        if (!cgroup_missing(text, limits))
            return true;
        for (size_t i = 0; !is_root && i < ARRAY_SIZE(switches); i++)
            (void)cgroup_write(dir, "cgroup.subtree_control", switches[i]);
    }
    return false;
}

/* The nearest group from the caller's own upwards in which one with limits can be made. path: of
 * the caller's own, becomes that group's. */
static int find_parent(int root, char *path, const struct cgroup_limits *limits, struct err *err)
{
    bool found = false;
    size_t top = topmost(root, path);

    if (top == 0)
        return err_plain(err, ENOENT, "no subtree of control groups is delegated to you");
    do {
        auto_fd int dir = open_group(root, path);

        if (dir < 0 || !is_own_group(dir))
            continue;
        found = true;
        if (gives_controllers(dir, path[1] == '\0', limits))
            return steal_fd(&dir);
    } while (strlen(path) > top && cgroup_go_up(path));
    return err_plain(err, ENOENT, "%s",
                     found ? "the subtree of control groups that is delegated to you lacks a "
                             "controller, or has processes in its top group"
                           : "no subtree of control groups is delegated to you");
}

/* Removes groups whose launcher is gone. Processes that had to live on there have ended since, or
 * the removal fails. */
static void sweep(int parent)
{
    int copy = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(dir))) {
        pid_t owner = cgroup_name_owner(entry->d_name);

        if (owner > 0 && kill(owner, 0) < 0 && errno == ESRCH)
            (void)unlinkat(parent, entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

/* own, parent: paths. */
static int cgroup_make_fill(struct cgroup *group, const struct cgroup_limits *limits, int root,
                            const char *own, const char *parent, struct err *err)
{
    char path[CGROUP_PATH_MAX + CGROUP_NAME_MAX];
    int rc;

    group->dir = openat(group->parent, group->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (group->dir < 0)
        return err_set(err, errno, "cannot open the control group '%s'", group->name);
    rc = cgroup_apply(group->dir, limits, err);
    if (rc == 0)
        rc = cgroup_verify(group->dir, limits, err);
    snprintf(path, sizeof(path), "%s/%s", parent[1] ? parent : "", group->name);
    return rc < 0 ? rc : cgroup_check_left(root, own, path, err);
}

static int move_into(const struct cgroup *group, pid_t pid, struct err *err)
{
    char text[16];
    int rc;

    snprintf(text, sizeof(text), "%d", (int)pid);
    rc = cgroup_write(group->dir, "cgroup.procs", text);
    return rc < 0
               ? err_set(err, -rc, "cannot move a process into the control group '%s'", group->name)
               : 0;
}

int cgroup_make(const struct cgroup_limits *limits, pid_t pid, struct cgroup *out, struct err *err)
{
    auto_fd int root = cgroup_open_hierarchy();
    struct cgroup group = CGROUP_NONE;
    char own[CGROUP_PATH_MAX], parent[CGROUP_PATH_MAX];
    int rc;

    if (root < 0)
        return err_plain(err, ENOENT, "no cgroup v2 is mounted at /sys/fs/cgroup");
    rc = cgroup_path_of(0, own, sizeof(own), err);
    if (rc < 0)
        return rc;
    memcpy(parent, own, sizeof(own));
    group.parent = find_parent(root, parent, limits, err);
    if (group.parent < 0)
        return group.parent;
    sweep(group.parent);
    cgroup_new_name(group.name);
    if (mkdirat(group.parent, group.name, 0755) < 0) {
        rc = err_set(err, errno, "cannot make the control group '%s'", group.name);
        group.name[0] = '\0';
    } else {
        rc = cgroup_make_fill(&group, limits, root, own, parent, err);
    }
    if (rc == 0)
        rc = move_into(&group, pid, err);
    if (rc < 0)
        cgroup_finish(&group);
    else
        *out = group;
    return rc;
}

void cgroup_finish(struct cgroup *group)
{
    if (group->dir >= 0)
        close(group->dir);
    if (group->parent >= 0) {
        if (group->name[0])
            (void)unlinkat(group->parent, group->name, AT_REMOVEDIR);
        close(group->parent);
    }
    *group = (struct cgroup)CGROUP_NONE;
}
