/* Asks the host what the planner wants to know, and remembers each question. */
#include "facts-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/clock.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/state.h"
#include "svenv/find/user.h"
#include "svenv/sys/drop.h"

void facts_failed(struct host_facts *host, int code, const char *path)
{
    if (host->failed.code == 0)
        (void)err_set(&host->failed, code, "cannot look at '%s'", path);
}

void facts_unread(struct host_facts *host, int rc, const char *path)
{
    /* ENXIO: a socket */
    bool is_other = rc == -EINVAL || rc == -EFBIG || rc == -ENXIO;

    if (rc < 0 && !is_other && !look_is_answer(rc))
        facts_failed(host, rc, path);
}

int facts_check(const struct host_facts *host, struct err *err)
{
    if (host->failed.code == 0)
        return 0;
    *err = host->failed;
    return -err->code;
}

/* NULL: it is no link any more. */
static const char *link_text(struct host_facts *host, const char *path)
{
    char text[PATH_MAX];
    ssize_t len = readlink(path, text, sizeof(text));

    if (len < 0 && errno != EINVAL && !look_is_answer(errno))
        facts_failed(host, errno, path);
    if (len < 0 || (size_t)len == sizeof(text))
        return NULL;
    return arena_strndup(&host->arena, text, (size_t)len);
}

static bool is_unreadable(struct host_facts *host, const char *path)
{
    int readable = look_readable(path);

    if (readable < 0)
        facts_failed(host, readable, path);
    return readable <= 0;
}

/* FIFOs and other kinds count as sockets: things that can't be bound as data. */
static void facts_look(struct host_facts *host, const char *path, struct fact_path *out)
{
    struct stat st;
    int rc = look_at(AT_FDCWD, path, false, &st);

    *out = (struct fact_path){.path = path, .kind = FACT_ABSENT};
    if (rc < 0)
        facts_failed(host, rc, path);
    if (rc <= 0)
        return;
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    out->ctime_ns = clock_ns_of(st.st_ctim);
    out->unreadable = is_unreadable(host, path);
    if (S_ISDIR(st.st_mode))
        out->kind = FACT_DIR;
    else if (S_ISREG(st.st_mode))
        out->kind = FACT_FILE;
    else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        out->kind = FACT_DEVICE;
    else if (S_ISLNK(st.st_mode))
        out->kind = FACT_SYMLINK;
    else
        out->kind = FACT_SOCKET;
    if (out->kind == FACT_SYMLINK) {
        out->target = link_text(host, path);
        if (!out->target)
            out->kind = FACT_ABSENT;
    }
}

static void lookup(void *context, const char *path, struct fact_path *out)
{
    struct host_facts *host = context;
    struct asked_path *asked;

    for (size_t i = 0; i < host->asked_count; i++) {
        if (str_eq(host->asked[i].path, path)) {
            *out = host->asked[i].answer;
            return;
        }
    }
    asked = arena_push(&host->arena, &host->asked, &host->asked_count, sizeof(*asked));
    asked->exact = false;
    asked->path = arena_strdup(&host->arena, path);
    asked->id = file_id_known(AT_FDCWD, path, false);
    facts_look(host, asked->path, &asked->answer);
    *out = asked->answer;
}

void facts_gather(struct host_facts *host, const struct user *user)
{
    auto_free char *launcher_dir = path_dirname(SVENV_LAUNCHER);
    auto_free char *audit_log = state_audit_log(user);
    int code = errno;
    int abi = landlock_probe();

    *host = (struct host_facts){0};
    if (abi < 0)
        (void)err_set(&host->failed, abi, "cannot ask the kernel for Landlock");
    if (!audit_log)
        facts_failed(host, code, user->home);
    host->facts =
        (struct facts){.uid = user->uid,
                       .gid = user->gid,
                       .home = user->home_real,
                       .home_named = user->home,
                       .landlock_abi = abi > 0 ? (unsigned)abi : 0,
                       .launcher_dir = arena_strdup(&host->arena, launcher_dir),
                       .audit_log = arena_strdup(&host->arena, audit_log ? audit_log : ""),
                       .lookup = lookup,
                       .context = host};
}

void facts_ask(struct host_facts *host, const char *path)
{
    struct fact_path fact;

    lookup(host, path, &fact);
}

void facts_ask_exactly(struct host_facts *host, const char *path)
{
    facts_ask(host, path);
    for (size_t i = 0; i < host->asked_count; i++)
        host->asked[i].exact = host->asked[i].exact || str_eq(host->asked[i].path, path);
}

void facts_add(struct host_facts *host, const char *path)
{
    struct fact_path fact;
    struct fact_path *slot;

    lookup(host, arena_strdup(&host->arena, path), &fact);
    slot = arena_push(&host->arena, &host->facts.paths, &host->facts.path_count, sizeof(*slot));
    *slot = fact;
}

void facts_read(struct host_facts *host, const char *path)
{
    struct listed_dir *read = NULL;

    for (size_t i = 0; i < host->read_count; i++) {
        if (str_eq(host->read[i].path, path))
            return;
    }
    read = arena_push(&host->arena, &host->read, &host->read_count, sizeof(*read));
    read->path = arena_strdup(&host->arena, path);
    read->id = file_id_known(AT_FDCWD, path, true);
}

void facts_finish(struct host_facts *host)
{
    arena_finish(&host->arena);
    *host = (struct host_facts){0};
}
