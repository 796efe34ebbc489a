/* The project that the guard's tests look after. */
#include "project.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <time.h>

#include "svenv/base/clock.h"
#include "svenv/base/layout.h"

#define ROW(glob, where, what)                                                                     \
    {                                                                                              \
        .pattern = (glob), .anywhere = (where), .action = PLAN_OBEYED_##what                       \
    }

static struct plan_obeyed obeyed[PROJECT_GUARDS] = {
    ROW(".git", true, TAKE),
    ROW(".envrc", true, TAKE),
    ROW("*.code-workspace", true, TAKE),
    ROW("docs/conf.py", false, TAKE),
    ROW(".env", false, HIDE),
    ROW("__pycache__", true, BYTECODE),
    ROW(".rope/config.py", true, TAKE),
};

struct project *project_new(void)
{
    struct project *p = calloc(1, sizeof(*p));

    cr_assert_not_null(p);
    plan_obeyed_settle(obeyed, PROJECT_GUARDS);
    p->scratch = scratch_new();
    snprintf(p->path, sizeof(p->path), "%s/p", p->scratch.path);
    snprintf(p->venv, sizeof(p->venv), "%s/v", p->scratch.path);
    cr_assert_eq(mkdirat(p->scratch.fd, "p", 0755), 0);
    cr_assert_eq(mkdirat(p->scratch.fd, "v", 0755), 0);
    cr_assert_eq(mkdirat(p->scratch.fd, "v/" VENV_SANDBOX, 0700), 0);
    p->top = openat(p->scratch.fd, "p", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(p->top, 0);
    p->file = (struct plan_file){.project = p->path,
                                 .venv = p->venv,
                                 .made_ns = 1,
                                 .obeyed = obeyed,
                                 .obeyed_count = PROJECT_GUARDS,
                                 .seen = p->seen,
                                 .present = p->present};
    p->plan.obeyed = obeyed;
    p->plan.obeyed_count = PROJECT_GUARDS;
    p->guard.seen.top = p->guard.quarantine.dir = -1;
    p->guard.watch = (struct watch){.fd = -1, .inside = {-1, -1}};
    return p;
}

void project_drop(struct project *p)
{
    struct guard *guard = &p->guard;
    const int fds[] = {guard->watch.fd, guard->watch.inside.user_ns, guard->watch.inside.mount_ns,
                       guard->quarantine.dir, p->top};

    for (size_t i = 0; i < guard->watch.count; i++)
        free(guard->watch.watched[i].rel);
    free(guard->watch.watched);
    for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(guard->seen.ctimes_ns);
    seen_close(&guard->seen);
    scratch_drop(&p->scratch);
    free(p);
}

int project_make(const struct project *p, const char *what)
{
    char path[PATH_MAX];
    char *arrow = NULL;
    int fd = -1;

    snprintf(path, sizeof(path), "%s", what);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(p->top, path, 0755) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
        if (slash[1] == '\0')
            return 0;
    }
    arrow = strstr(path, "->");
    if (arrow) {
        *arrow = '\0';
        return symlinkat(arrow + 2, p->top, path) == 0 ? 0 : -errno;
    }
    fd = openat(p->top, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 || close(fd) < 0 ? -errno : 0;
}

bool project_has(const struct project *p, const char *rel)
{
    struct stat st;

    return fstatat(p->top, rel, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool project_took(const struct project *p, const char *rel)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "v/" IN_SANDBOX(SANDBOX_QUARANTINE) "/%s/%s",
             p->guard.report->stamp, rel);
    return *p->guard.report->stamp != '\0' && scratch_has(&p->scratch, path);
}

unsigned project_count(const struct project *p, const char *rel, const char *prefix)
{
    int fd = openat(p->top, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);
    unsigned count = 0;

    cr_assert_not_null(dir);
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(dir);
    return count;
}

void project_place(struct project *p, const char *rel, enum plan_seen_kind kind)
{
    struct file_id id = file_id_of(p->top, *rel ? rel : ".", false);

    cr_assert_lt(p->file.seen_count, PROJECT_PLACES);
    cr_assert_neq(id.ino, 0, "%s", rel);
    p->seen[p->file.seen_count++] = (struct plan_seen){
        .rel = rel, .kind = kind, .dev = id.dev, .ino = id.ino, .ctime_ns = id.ctime_ns};
}

void project_know(struct project *p, const char *rel)
{
    struct file_id id = file_id_of(p->top, rel, false);

    cr_assert_lt(p->file.present_count, PROJECT_KNOWN);
    cr_assert_neq(id.ino, 0, "%s", rel);
    p->present[p->file.present_count++] = (struct plan_present){.rel = rel,
                                                                .link = S_ISLNK(id.mode),
                                                                .dev = id.dev,
                                                                .ino = id.ino,
                                                                .ctime_ns = id.ctime_ns};
}

/* Files are stamped by a clock that stands still for some milliseconds. */
static void wait_for_tick(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct timespec began, now;

    clock_gettime(CLOCK_REALTIME, &began);
    do {
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    } while (clock_ns_of(now) <= clock_ns_of(began));
}

void project_begin(struct project *p)
{
    wait_for_tick();
    cr_assert(seen_open(&p->guard.seen, &p->file));
    guard_begin(&p->guard, &p->plan, p->venv);
    wait_for_tick();
}
