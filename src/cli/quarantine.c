/* `sandbox-venv quarantine`: the names that starts took out of the project, and the way back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/json.h"
#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"
#include "svenv/find/venv.h"
#include "svenv/sys/syscalls.h"
#include "svenv/wrap/wrap.h"
#include "term-internal.h"

enum {
    QUARANTINED_MAX = 20000, /* names that are listed */
    QUARANTINE_DEPTH_MAX = 64,
    STAMP_DIGITS = 15 /* YYYYMMDD-HHMMSS */
};

/* One start's part of the quarantine. */
struct stay {
    char *id;
    struct strv names; /* files and links, by their path below where they were */
};

struct stays {
    char *venv;
    int dir; /* of the quarantine; -1: there is none */
    struct stay *items;
    size_t count;
    size_t left; /* names that may still be listed */
    bool cut;
};

static void stays_finish(struct stays *stays)
{
    for (size_t i = 0; i < stays->count; i++) {
        free(stays->items[i].id);
        strv_finish(&stays->items[i].names);
    }
    free(stays->items);
    free(stays->venv);
    if (stays->dir >= 0)
        close(stays->dir);
}
#define auto_stays __attribute__((cleanup(stays_finish)))

/* --- what is there ------------------------------------------------------------------------------
 */

static int stays_list(struct stays *stays, struct stay *stay, int dir, const char *rel,
                      unsigned depth, struct err *err)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(dir, ".", O_NOFOLLOW, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *below = path_join(rel, entry->d_name);
        auto_fd int inner = fd_open_beneath(dir, entry->d_name, O_RDONLY | O_DIRECTORY, 0);

        stays->cut = stays->cut || stays->left == 0 || depth == QUARANTINE_DEPTH_MAX;
        if (stays->cut)
            return 0;
        if (inner >= 0) {
            rc = stays_list(stays, stay, inner, below, depth + 1, err);
            if (rc < 0)
                return rc;
            rc = 1;
        } else {
            stays->left--;
            strv_add(&stay->names, below);
        }
    }
    return rc < 0 ? err_set(err, -rc, "cannot list '%s' in the quarantine", stay->id) : 0;
}

static int stay_compare(const void *a, const void *b)
{
    return strcmp(((const struct stay *)b)->id, ((const struct stay *)a)->id);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int stays_add(struct stays *stays, const char *id, struct err *err)
{
    auto_fd int dir = fd_open_beneath(stays->dir, id, O_RDONLY | O_DIRECTORY, 0);
    struct stay *stay = NULL;
    int rc = 0;

    if (dir < 0)
        return 0;
    stays->items = xreallocarray(stays->items, stays->count + 1, sizeof(*stays->items));
    stay = &stays->items[stays->count++];
    *stay = (struct stay){.id = xstrdup(id)};
    rc = stays_list(stays, stay, dir, "", 0, err);
    if (stay->names.count > 0)
        qsort(stay->names.items, stay->names.count, sizeof(*stay->names.items), name_compare);
    return rc;
}

/* Newest first. */
static int stays_read(const char *word, struct stays *stays, struct err *err)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    auto_fd int root = -1;
    int rc = venv_named_wrapped(word, &stays->venv, err);

    if (rc < 0)
        return rc;
    root = open(stays->venv, O_PATH | O_DIRECTORY | O_CLOEXEC);
    stays->dir = fd_open_beneath(root, IN_SANDBOX(SANDBOX_QUARANTINE), O_RDONLY | O_DIRECTORY, 0);
    if (stays->dir == -ENOENT)
        return 0;
    rc = stays->dir < 0 ? stays->dir : look_open_dir(stays->dir, ".", O_NOFOLLOW, &stream);
    if (rc < 0)
        return err_set(err, -rc, "cannot list the quarantine of '%s'", stays->venv);
    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        rc = stays_add(stays, entry->d_name, err);
        if (rc < 0)
            return rc;
        rc = 1;
    }
    if (stays->count > 0)
        qsort(stays->items, stays->count, sizeof(*stays->items), stay_compare);
    return 0;
}

/* An installer left it in the venv; all else comes from the project. */
static bool stay_is_of_venv(const struct stay *stay)
{
    return str_ends(stay->id, QUARANTINE_OF_VENV);
}

/* --- list --------------------------------------------------------------------------------------
 */

/* 20261130-204334-6079 is 2026-11-30 20:43:34 (UTC), as the id says. */
static char *stay_time(const char *id)
{
    if (strlen(id) < STAMP_DIGITS || id[8] != '-')
        return xstrdup("");
    return xasprintf("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", id, id + 4, id + 6, id + 9, id + 11,
                     id + 13);
}

static void stays_add_json(struct buf *out, const struct stays *stays)
{
    struct json json;

    json_init(&json, out, true);
    json_open(&json, '[');
    for (size_t i = 0; i < stays->count; i++) {
        const struct stay *stay = &stays->items[i];
        auto_free char *when = stay_time(stay->id);

        json_open(&json, '{');
        json_key(&json, "id");
        json_str(&json, stay->id);
        json_key(&json, "time");
        json_str(&json, when);
        json_key(&json, "from");
        json_str(&json, stay_is_of_venv(stay) ? "venv" : "project");
        json_key(&json, "names");
        json_open(&json, '[');
        for (size_t k = 0; k < stay->names.count; k++)
            json_str(&json, stay->names.items[k]);
        json_close(&json, ']');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    buf_add_char(out, '\n');
}

static void stays_add_lines(struct buf *out, const struct stays *stays)
{
    for (size_t i = 0; i < stays->count; i++) {
        const struct stay *stay = &stays->items[i];
        auto_free char *when = stay_time(stay->id);

        term_add(out, TERM_BOLD, stay->id);
        buf_printf(out, "  %s%s\n", when, stay_is_of_venv(stay) ? "  from the venv" : "");
        for (size_t k = 0; k < stay->names.count; k++) {
            buf_add_str(out, "  ");
            buf_add_escaped(out, stay->names.items[k]);
            buf_add_char(out, '\n');
        }
    }
}

int command_quarantine_list(const struct args *args)
{
    auto_stays struct stays stays = {.dir = -1, .left = QUARANTINED_MAX};
    auto_buf struct buf out = {0};
    struct err err = {0};

    if (stays_read(args->venv, &stays, &err) < 0)
        return command_failed(&err);
    if (args->json)
        stays_add_json(&out, &stays);
    else
        stays_add_lines(&out, &stays);
    term_flush(&out);
    if (stays.cut)
        log_line(
            "there is more than can be listed: look at '%s/" IN_SANDBOX(SANDBOX_QUARANTINE) "'",
            stays.venv);
    return EXIT_DONE;
}

/* --- restore ------------------------------------------------------------------------------------
 */

struct restoring {
    const struct stays *stays;
    int project, venv;
    size_t count;
    struct err *err; /* the first failure */
};

static void restore_failed(struct restoring *r, int rc, const char *path)
{
    if (r->err->code != 0)
        return;
    if (rc == -EEXIST)
        (void)err_plain(r->err, EEXIST, "'%s' is there already, and nothing is moved over it",
                        path);
    else
        (void)err_set(r->err, -rc, "cannot move '%s' back", path);
}

/* The directories that it leaves empty go, and at last the start's own. */
static void forget_empty(int quarantine, const char *id, const char *path)
{
    auto_free char *dir = path_join(id, path);
    char *slash = NULL;

    while ((slash = strrchr(dir, '/')) != NULL) {
        *slash = '\0';
        if (unlinkat(quarantine, dir, AT_REMOVEDIR) < 0)
            return;
    }
}

/* No link is followed on either side, and what is there is not replaced. */
static void restore_one(struct restoring *r, const struct stay *stay, const char *path)
{
    auto_free char *parent = path_dirname(path);
    auto_fd int stamp = fd_open_beneath(r->stays->dir, stay->id, O_PATH | O_DIRECTORY, 0);
    auto_fd int from = stamp < 0 ? stamp : fd_open_beneath(stamp, parent, O_PATH | O_DIRECTORY, 0);
    int base = stay_is_of_venv(stay) ? r->venv : r->project;
    auto_fd int to = -1;
    int rc = from < 0 ? from : 0;

    if (rc == 0) {
        to = fd_mkdir_beneath(base, parent, 0777);
        rc = to < 0 ? to : 0;
    }
    if (rc == 0)
        rc = sys_renameat2(from, path_basename(path), to, path_basename(path), RENAME_NOREPLACE);
    if (rc < 0) {
        restore_failed(r, rc, path);
        return;
    }
    r->count++;
    forget_empty(r->stays->dir, stay->id, path);
}

/* Does the word name the path: by itself, a directory above it, or the start that took it? */
static bool is_named(const struct stay *stay, const char *path, const char *word)
{
    size_t id = strlen(stay->id);

    if (strncmp(word, stay->id, id) == 0 && (word[id] == '/' || word[id] == '\0'))
        return word[id] == '\0' || path_is_beneath(path, word + id + 1);
    return path_is_beneath(path, word);
}

/* From the newest start that took something of that name. */
static int restore_named(struct restoring *r, const char *word, struct err *err)
{
    auto_free char *plain = xstrdup(word);
    size_t found = 0;

    for (size_t len = strlen(plain); len > 1 && plain[len - 1] == '/'; len--)
        plain[len - 1] = '\0';
    for (size_t i = 0; found == 0 && i < r->stays->count; i++) {
        const struct stay *stay = &r->stays->items[i];

        for (size_t k = 0; k < stay->names.count; k++) {
            if (!is_named(stay, stay->names.items[k], plain))
                continue;
            found++;
            restore_one(r, stay, stay->names.items[k]);
        }
    }
    return found > 0 ? 0
                     : err_plain(err, ENOENT,
                                 "'%s' is not in the quarantine: 'sandbox-venv "
                                 "quarantine list' shows what is",
                                 word);
}

/* While a program runs, it would be taken again. */
static int restore_open(struct restoring *r, struct venv *venv, struct err *err)
{
    int rc = manifest_read(venv, r->stays->venv, err);

    if (rc < 0)
        return rc;
    if (venv_is_running(venv->id))
        return err_plain(err, EBUSY,
                         "programs of '%s' are running, and would have what is moved "
                         "back taken again: end them first",
                         r->stays->venv);
    r->venv = open(r->stays->venv, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (venv->project != NULL)
        r->project = open(venv->project, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return r->venv < 0 || (venv->project != NULL && r->project < 0)
               ? err_set(err, errno, "cannot open '%s'", venv->project)
               : 0;
}

static int restore_all(struct restoring *r, const struct strv *words, struct err *err)
{
    auto_venv struct venv venv;
    int rc;

    venv_init(&venv);
    rc = restore_open(r, &venv, err);
    for (size_t i = 0; rc == 0 && i < words->count; i++)
        rc = restore_named(r, words->items[i], err);
    if (r->venv >= 0)
        close(r->venv);
    if (r->project >= 0)
        close(r->project);
    return rc;
}

/* The first word is the venv, when it is one. */
static const char *sort_words(const struct args *args, struct strv *words)
{
    auto_free char *config = path_join(args->venv ? args->venv : ".", "pyvenv.cfg");
    bool is_venv = args->venv != NULL && access(config, F_OK) == 0;

    if (args->venv != NULL && !is_venv)
        strv_add(words, args->venv);
    for (size_t i = 0; i < args->extra.count; i++)
        strv_add(words, args->extra.items[i]);
    return is_venv ? args->venv : NULL;
}

int command_quarantine_restore(const struct args *args)
{
    auto_stays struct stays stays = {.dir = -1, .left = QUARANTINED_MAX};
    auto_strv struct strv words = {0};
    auto_buf struct buf out = {0};
    struct err err = {0}, failure = {0};
    struct restoring r = {.stays = &stays, .project = -1, .venv = -1, .err = &failure};
    const char *venv = sort_words(args, &words);
    auto_fd int lock = -1;
    int rc = 0;

    if (words.count == 0)
        return command_misused("quarantine restore", "name what is to be moved back");
    rc = stays_read(venv, &stays, &err);
    if (rc == 0) {
        lock = venv_lock(stays.venv, &err);
        rc = lock < 0 ? lock : restore_all(&r, &words, &err);
    }
    if (r.count > 0 && !args->quiet) {
        buf_printf(&out, "Moved back: %zu file%s\n", r.count, r.count == 1 ? "" : "s");
        term_flush(&out);
    }
    if (rc < 0)
        return command_failed(&err);
    return failure.code != 0 ? command_failed(&failure) : EXIT_DONE;
}
