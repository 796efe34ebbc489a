/* Compares the directories of the project with the record of an earlier look at them. */
#include "svenv/seen/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/seen/scan.h"

#define RECORD_MAGIC UINT64_C(0x314e454553565653)

/* $venv/sandbox/seen: the head, then a change time per directory. */
struct record_head {
    uint64_t magic;
    int64_t made_ns; /* of the plan */
    uint64_t count;
};

static int open_record(const struct plan_file *file, int flags)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/" IN_SANDBOX(SANDBOX_SEEN), file->venv);
    return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

/* Reads the record. It is believed only of directories whose change time is still the same. */
static void seen_read(const struct plan_file *file, int64_t *ctimes_ns)
{
    auto_fd int fd = open_record(file, O_RDONLY);
    struct record_head head;
    size_t size = file->seen_count * sizeof(*ctimes_ns);

    if (fd < 0 || read(fd, &head, sizeof(head)) != (ssize_t)sizeof(head) ||
        head.magic != RECORD_MAGIC || head.made_ns != file->made_ns ||
        head.count != file->seen_count || read(fd, ctimes_ns, size) != (ssize_t)size)
        memset(ctimes_ns, 0, size);
}

void seen_write(const struct seen *seen)
{
    const struct plan_file *file = seen->file;
    const struct record_head head = {.magic = RECORD_MAGIC,
                                     .made_ns = file ? file->made_ns : 0,
                                     .count = file ? file->seen_count : 0};
    auto_fd int fd = -1;

    if (seen->top < 0 || !seen->changed || head.made_ns == 0)
        return;
    fd = open_record(file, O_WRONLY | O_CREAT);
    /* A record that is written half is not believed: a time that does not fit only costs a look. */
    if (fd >= 0 && pwrite(fd, seen->ctimes_ns, file->seen_count * sizeof(*seen->ctimes_ns),
                          (off_t)sizeof(head)) >= 0)
        (void)!pwrite(fd, &head, sizeof(head), 0);
}

struct reading {
    const struct plan_file *file;
    struct scan_path path;
};

/* Return: 1 for a name that the plan does not know. */
static int check_name(void *context, int dir, const char *name, bool directory)
{
    struct reading *reading = context;
    const struct plan_file *file = reading->file;
    int before = scan_path_add(&reading->path, name);
    const struct plan_obeyed *guard = NULL;
    bool known = true;

    (void)dir;
    if (before < 0)
        return 0;
    guard = plan_obeyed_find(file->obeyed, file->obeyed_count, reading->path.text, name);
    if (guard != NULL && guard->action != PLAN_OBEYED_BYTECODE)
        known = plan_find_present(file, reading->path.text) != NULL;
    else if (directory)
        known = plan_find_seen(file, reading->path.text) != NULL;
    scan_path_cut(&reading->path, before);
    return known ? 0 : 1;
}

/* The venv's own directories on the way to it are no venvs, whatever a program puts there. */
static bool holds_own_venv(const struct plan_file *file, const char *rel)
{
    const char *venv = path_relative_to(file->venv, file->project);

    size_t len = strlen(rel);

    return len == 0 ||
           (venv != NULL && str_starts(venv, rel) && (venv[len] == '/' || venv[len] == '\0'));
}

/* Is the directory of the kind that the plan says? The plan knows the parts of a repository with
 * the own venv in it; every other repository is none. */
static bool is_of_kind(struct reading *reading, const struct plan_seen *entry, int dir)
{
    const struct plan_file *file = reading->file;
    bool own = holds_own_venv(file, entry->rel);
    int before = 0;
    bool known = false;

    if (!own && entry->kind != PLAN_SEEN_VENV && scan_venv(dir) != 0)
        return false;
    if (!plan_takes_repositories(file->obeyed, file->obeyed_count) || repository_at(dir) == 0)
        return true;
    before = scan_path_add(&reading->path, REPOSITORY_HEAD_NAME);
    if (own && before >= 0)
        known = plan_find_present(file, reading->path.text) != NULL;
    if (before >= 0)
        scan_path_cut(&reading->path, before);
    return known;
}

static bool seen_is_present(const struct seen *seen, const struct plan_seen *entry)
{
    auto_fd int dir =
        fd_open_beneath(seen->top, *entry->rel ? entry->rel : ".", O_RDONLY | O_DIRECTORY, 0);
    struct reading reading;
    int rc = 0;

    if (dir < 0) /* gone: its parent tells. Nobody knows what is in one that is closed to us */
        return dir != -EACCES && look_is_answer(dir);
    reading.file = seen->file;
    scan_path_cut(&reading.path, 0);
    if (*entry->rel && scan_path_add(&reading.path, entry->rel) < 0)
        return true;
    rc = scan_names(dir, check_name, &reading);
    if (rc != 0)
        return false; /* also when there were too many to look at */
    return is_of_kind(&reading, entry, dir);
}

/* Return: false when the directory, or something in it, is not known to the plan. */
static bool seen_check(struct seen *seen, const struct gather *gather, size_t index)
{
    const struct plan_seen *entry = &seen->file->seen[index];
    int64_t ctime_ns = 0;
    enum seen_state state = gather_look(gather, index, &ctime_ns);
    int64_t seen_ns = seen->ctimes_ns[index];

    seen->ctimes_ns[index] = ctime_ns;
    if (state != SEEN_SAME)
        return state == SEEN_GONE; /* a name that comes there is new in the directory above */
    if (ctime_ns == entry->ctime_ns || ctime_ns == seen_ns)
        return true;
    seen->changed = true;
    return seen_is_present(seen, entry);
}

bool seen_open(struct seen *seen, const struct plan_file *file)
{
    struct gather gather;
    bool holds = true;

    *seen = (struct seen){.file = file, .top = -1};
    if (file->seen_count == 0 || file->obeyed_count == 0)
        return true;
    seen->top = open(file->project, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (seen->top < 0)
        return true; /* the mounts say so */
    seen->ctimes_ns = xcalloc(file->seen_count, sizeof(*seen->ctimes_ns));
    if (file->made_ns != 0)
        seen_read(file, seen->ctimes_ns);
    gather_begin(&gather, seen);
    for (size_t i = 0; holds && i < file->seen_count; i++) {
        if (plan_seen_is_watched(&file->seen[i]))
            holds = seen_check(seen, &gather, i);
    }
    gather_end(&gather);
    return holds;
}

void seen_close(struct seen *seen)
{
    if (seen->file && seen->top >= 0)
        close(seen->top);
    *seen = (struct seen){.top = -1};
}
