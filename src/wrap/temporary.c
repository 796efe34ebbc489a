/* The venv's private /tmp and /dev/shm on the host. They lie where everybody may write: another
 * user's are left alone, and a link is no directory. Beside the directory that is mounted inside,
 * the first has a link "venv" to its owner, so that the directories of a deleted venv can be found.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/owner.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

#include "svenv/find/manifest.h"
#include "svenv/wrap/wrap.h"

#define OWNER "venv"

enum {
    ID_LEN = 32,
    ENDING_STEPS = 40, /* the kernel takes a sandbox apart after its launcher has ended */
    ENDING_STEP_NS = 25000000
};

static bool is_own_temporary(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
           owner_is_self(&st);
}

static void remove_in(const char *place, const char *name)
{
    auto_fd int dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir >= 0 && is_own_temporary(dir, name))
        (void)tree_remove(dir, name);
}

/* The one with the link last: interrupted before, it is found again. */
void venv_remove_temporary(const char *id)
{
    auto_free char *name = xasprintf(TEMPORARY_PREFIX "%s", id);

    remove_in(TEMPORARY_SHM, name);
    remove_in(TEMPORARY_TMP, name);
}

static bool is_taken_in(const char *place, const char *name)
{
    auto_free char *path = path_join(place, name);
    struct stat st;

    return look_at(AT_FDCWD, path, false, &st) > 0 && !(S_ISDIR(st.st_mode) && owner_is_self(&st));
}

bool venv_temporary_is_taken(const char *id)
{
    auto_free char *name = xasprintf(TEMPORARY_PREFIX "%s", id);

    return is_taken_in(TEMPORARY_TMP, name) || is_taken_in(TEMPORARY_SHM, name);
}

void venv_mark_temporary(const char *id, const char *venv_path)
{
    auto_free char *name = xasprintf(TEMPORARY_PREFIX "%s/" OWNER, id);
    auto_fd int dir = open(TEMPORARY_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char text[PATH_MAX];
    ssize_t len = dir < 0 ? -1 : readlinkat(dir, name, text, sizeof(text));

    if (dir < 0 ||
        (len >= 0 && (size_t)len == strlen(venv_path) && memcmp(text, venv_path, (size_t)len) == 0))
        return;
    (void)unlinkat(dir, name, 0);
    if (symlinkat(venv_path, dir, name) < 0)
        return; /* then nobody sweeps it, and unwrap still removes it */
}

static bool is_id(const char *text)
{
    return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

/* Is there surely no venv of that id any more where one was? A path that can't be looked at may be
 * one. */
static bool is_orphan(int dir, const char *name)
{
    auto_free char *link = path_join(name, OWNER);
    auto_free char *manifest = NULL;
    auto_buf struct buf text = {0};
    struct err err = {0};
    char venv[PATH_MAX];
    ssize_t len = readlinkat(dir, link, venv, sizeof(venv) - 1);
    int rc;

    if (len <= 0 || venv[0] != '/')
        return false;
    venv[len] = '\0';
    manifest = path_join(venv, IN_SANDBOX(SANDBOX_MANIFEST));
    rc = file_read(AT_FDCWD, manifest, MANIFEST_BYTES_MAX, &text, &err);
    if (rc == -ENOENT || rc == -ENOTDIR)
        return true;
    return rc == 0 && text.data != NULL &&
           strstr(text.data, name + strlen(TEMPORARY_PREFIX)) == NULL;
}

/* A process whose mounts can't be read may have the directory mounted, unless the process is gone
 * (EINVAL: nearly gone) or another user's. */
static bool has_mounted(const char *process, const char *name)
{
    auto_free char *path = xasprintf("/proc/%s/mountinfo", process);
    auto_buf struct buf text = {0};
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : fd_read_all(fd, MOUNTINFO_BYTES_MAX, &text);

    if (rc < 0)
        return !look_is_answer(rc) && rc != -EINVAL && rc != -ESRCH;
    return text.data != NULL && strstr(text.data, name) != NULL;
}

/* A venv can be deleted while its programs run; they have the directory mounted. */
static bool is_mounted(const char *name)
{
    auto_dir DIR *proc = NULL;
    const struct dirent *entry;
    int rc = look_open_dir(AT_FDCWD, "/proc", 0, &proc);

    if (rc == 0)
        return true;
    while (rc > 0 && (rc = look_next(proc, &entry)) > 0) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && has_mounted(entry->d_name, name))
            return true;
    }
    return rc < 0;
}

bool venv_is_running(const char *id)
{
    const struct timespec wait = {.tv_nsec = ENDING_STEP_NS};
    auto_free char *name = xasprintf(TEMPORARY_PREFIX "%s", id);
    bool is = is_mounted(name);

    for (int i = 0; is && i < ENDING_STEPS; i++) {
        nanosleep(&wait, NULL);
        is = is_mounted(name);
    }
    return is;
}

void venv_sweep_temporary(void)
{
    auto_fd int dir = open(TEMPORARY_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = opendir(TEMPORARY_TMP);
    const struct dirent *entry;

    while (stream != NULL && dir >= 0 && (entry = readdir(stream)) != NULL) {
        if (str_starts(entry->d_name, TEMPORARY_PREFIX) &&
            is_id(entry->d_name + strlen(TEMPORARY_PREFIX)) &&
            is_own_temporary(dir, entry->d_name) && is_orphan(dir, entry->d_name) &&
            !is_mounted(entry->d_name))
            venv_remove_temporary(entry->d_name + strlen(TEMPORARY_PREFIX));
    }
    if (stream != NULL)
        closedir(stream);
}
