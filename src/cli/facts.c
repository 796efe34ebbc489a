#include "facts-internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state-internal.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/sys/drop.h"
#include "user-internal.h"

static const char *link_text(struct arena *arena, const char *path)
{
    char text[PATH_MAX];
    ssize_t len = readlink(path, text, sizeof(text));

    if (len < 0 || (size_t)len == sizeof(text))
        return NULL;
    return arena_strndup(arena, text, (size_t)len);
}

/* FIFOs and whatever else there may be count as sockets: things that can't be bound as data. */
static void look(struct arena *arena, const char *path, struct fact_path *out)
{
    struct stat st;

    *out = (struct fact_path){.path = path, .kind = FACT_ABSENT};
    if (lstat(path, &st) < 0)
        return;
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    out->ctime_ns = file_id_of(AT_FDCWD, path, false).ctime_ns;
    out->unreadable = access(path, R_OK) < 0;
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
        out->target = link_text(arena, path);
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
    asked->path = arena_strdup(&host->arena, path);
    asked->id = file_id_of(AT_FDCWD, path, false);
    look(&host->arena, asked->path, &asked->answer);
    *out = asked->answer;
}

void facts_gather(struct host_facts *host, const struct user *user)
{
    auto_free char *launcher_dir = path_dirname(SVENV_LAUNCHER);
    auto_free char *audit_log = state_audit_log(user);

    *host = (struct host_facts){0};
    host->facts = (struct facts){.uid = user->uid,
                                 .gid = user->gid,
                                 .home = user->home_real,
                                 .home_named = user->home,
                                 .landlock_abi = landlock_abi(),
                                 .launcher_dir = arena_strdup(&host->arena, launcher_dir),
                                 .audit_log = arena_strdup(&host->arena, audit_log),
                                 .lookup = lookup,
                                 .context = host};
}

void facts_add(struct host_facts *host, const char *path)
{
    struct fact_path fact;
    struct fact_path *slot;

    lookup(host, arena_strdup(&host->arena, path), &fact);
    slot = arena_push(&host->arena, &host->facts.paths, &host->facts.path_count, sizeof(*slot));
    *slot = fact;
}

void facts_finish(struct host_facts *host)
{
    arena_finish(&host->arena);
    *host = (struct host_facts){0};
}
