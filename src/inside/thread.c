/* Descriptors, directories and memory of the threads of a process, as /proc shows them. Each may
 * have a table of descriptors and a working directory of its own, also when the thread that the
 * process is named by has ended. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/fd.h"
#include "svenv/base/num.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/seen/scan.h"

#include "thread-internal.h"

enum {
    STAT_BYTES = 1024,
    FLAGS_AFTER_STATE = 6, /* fields in proc_pid_stat(5) */
    ENDING = 0x4           /* PF_EXITING of the kernel's include/linux/sched.h */
};

static int open_of(int proc, const char *thread, const char *name, int flags)
{
    char path[THREAD_PATH_MAX + 16];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", thread, name);
    fd = openat(proc, path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* A thread that ends has made its last call; its memory is gone first, and then nobody but root is
 * shown what it holds. */
static bool has_ended(int proc, const char *thread)
{
    char text[STAT_BYTES + 1] = "";
    auto_fd int fd = open_of(proc, thread, "stat", O_RDONLY);
    ssize_t len = fd < 0 ? -1 : read(fd, text, STAT_BYTES);
    const char *at = NULL;

    if (len <= 0)
        return fd == -ENOENT || fd == -ESRCH || (fd >= 0 && len < 0 && errno == ESRCH);
    text[len] = '\0';
    at = strrchr(text, ')'); /* the name before it may be anything */
    if (at == NULL || at[1] != ' ')
        return false;
    if (at[2] == 'Z' || at[2] == 'X')
        return true;
    at += 2;
    for (int i = 0; at && i < FLAGS_AFTER_STATE; i++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at && (num_leading(at) & ENDING) != 0;
}

static bool is_gone(int code)
{
    return code == -ENOENT || code == -ESRCH;
}

struct each {
    int proc;
    const char *pid;
    thread_fn *fn;
    void *context;
    bool stopped; /* by fn */
};

static int each_name(void *context, int dir, const char *name, bool directory)
{
    struct each *each = context;
    char thread[THREAD_PATH_MAX];
    int rc;

    (void)dir;
    if (!directory)
        return 0;
    snprintf(thread, sizeof(thread), "%.20s/task/%.20s", each->pid, name);
    if (has_ended(each->proc, thread))
        return 0;
    rc = each->fn(each->context, each->proc, thread);
    if (rc < 0 && has_ended(each->proc, thread))
        return 0;
    each->stopped = rc != 0;
    return rc;
}

int thread_each(int proc, const char *pid, thread_fn *fn, void *context)
{
    struct each each = {.proc = proc, .pid = pid, .fn = fn, .context = context};
    auto_fd int tasks = open_of(proc, pid, "task", O_RDONLY | O_DIRECTORY);
    int rc = tasks < 0 ? tasks : scan_names(tasks, each_name, &each);

    return is_gone(rc) && !each.stopped ? 0 : rc; /* the process has ended */
}

/* --- what one holds ----------------------------------------------------------------------------
 */

/* Return: 1, 0, or negative errno. So do those below. */
static int holds_by_link(const struct thread_holding *holding, int dir, const char *name)
{
    char text[PATH_MAX];
    ssize_t len = readlinkat(dir, name, text, sizeof(text) - 1);
    auto_fd int fd = -1;

    if (len < 0)
        return is_gone(-errno) ? 0 : -errno;
    text[len] = '\0';
    if (!path_is_beneath(text, holding->path))
        return 0;
    fd = openat(dir, name, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return is_gone(-errno) ? 0 : -errno;
    return holding->leads(holding, fd) ? 1 : 0;
}

/* Descriptors that were sent and not yet received are in no table. */
static int has_sent(int info, const char *name)
{
    char text[1024];
    auto_fd int fd = openat(info, name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    const char *count = NULL;

    if (len < 0)
        return is_gone(-errno) ? 0 : -errno;
    text[len] = '\0';
    count = strstr(text, "scm_fds:");
    count = count ? count + strlen("scm_fds:") : "";
    return num_leading(count + strspn(count, " \t")) > 0;
}

struct table {
    const struct thread_holding *holding;
    int info; /* the directory fdinfo; -1: it is not asked */
};

static int holds_by_name(void *context, int dir, const char *name, bool directory)
{
    const struct table *table = context;
    int rc = holds_by_link(table->holding, dir, name);

    (void)directory;
    return rc == 0 && table->info >= 0 ? has_sent(table->info, name) : rc;
}

static int holds_by_table(int proc, const char *thread, const struct thread_holding *holding)
{
    auto_fd int fds = open_of(proc, thread, "fd", O_RDONLY | O_DIRECTORY);
    auto_fd int info =
        holding->closely ? open_of(proc, thread, "fdinfo", O_RDONLY | O_DIRECTORY) : -1;
    struct table table = {.holding = holding, .info = info};

    if (fds < 0 || (holding->closely && info < 0))
        return fds < 0 ? fds : info;
    return scan_names(fds, holds_by_name, &table);
}

/* "7f..-7f.. r--s 00000000 fe:00 1234   /path": memory that is shared with the file. */
static bool line_holds(const char *line, const char *path)
{
    const char *perms = strchr(line, ' ');
    const char *name = strchr(line, '/');

    return perms != NULL && strlen(perms) > 4 && perms[4] == 's' && name != NULL &&
           path_is_beneath(name, path);
}

/* By smaps: a mapping that can be read alone now may be one that can be made writable ("mw"). */
static int holds_by_memory(int proc, const char *thread, const char *path)
{
    auto_fd int fd = open_of(proc, thread, "smaps", O_RDONLY);
    auto_buf struct buf text = {0};
    int rc = fd < 0 ? fd : fd_read_all(fd, MAPS_BYTES_MAX, &text);
    bool shared = false;

    if (rc < 0 || text.data == NULL)
        return rc;
    for (char *line = text.data, *end = NULL; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL)
            break;
        *end = '\0';
        if (*line < 'A' || *line > 'Z') /* else "Size:" and the like, of the mapping above */
            shared = line_holds(line, path);
        else if (shared && str_starts(line, "VmFlags:") && strstr(line, " mw") != NULL)
            return 1;
    }
    return 0;
}

int thread_holds(int proc, const char *thread, const struct thread_holding *holding)
{
    auto_fd int self = open_of(proc, thread, "", O_PATH | O_DIRECTORY);
    int rc = self < 0 ? self : holds_by_link(holding, self, "cwd");

    if (rc == 0)
        rc = holds_by_link(holding, self, "root");
    if (rc == 0)
        rc = holds_by_table(proc, thread, holding);
    if (rc == 0 && holding->closely)
        rc = holds_by_memory(proc, thread, holding->path);
    return rc;
}
