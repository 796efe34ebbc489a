/* Wraps a venv. */
#include "svenv/base/clock.h"
#include "svenv/base/layout.h"
#include "svenv/find/venv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/str.h"

#include "interpreters-internal.h"
#include "reconcile-internal.h"
#include "svenv/find/manifest.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/wrap/wrap.h"
#include "unwrap-internal.h"
#include "wrap-internal.h"

/* Theory of operation. A name in bin goes through two states only: the untouched original, and the
 * stub. Between them the original gets a second name in sandbox/bin (a hard link, or a copy where
 * it cannot be linked), and then the stub is renamed over the first name. Killed anywhere in
 * between, bin still has the original, and the next wrap, sync or unwrap sees one inode under both
 * names and goes on from there. The manifest is written before the first change, marked unfinished,
 * so that unwrap knows the times and modes that were. */

static int make_id(struct venv *venv, struct err *err)
{
    unsigned char bytes[16];
    char text[2 * sizeof(bytes) + 1];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return err_set(err, EIO, "cannot get random numbers");
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    venv->id = arena_strdup(&venv->arena, text);
    return 0;
}

/* Notes at the first wrap how the venv was before. */
static int note_original(struct venv *venv, const struct site *site, struct err *err)
{
    struct stat root;
    struct stat bin;

    if (fstat(site->root, &root) < 0 || fstat(site->bin, &bin) < 0)
        return err_set(err, errno, "cannot look at '%s'", site->path);
    venv->bin_mode = bin.st_mode & 07777;
    venv->bin_mtime_ns = clock_ns_of(bin.st_mtim);
    venv->root_mtime_ns = clock_ns_of(root.st_mtim);
    venv->unfinished = true;
    venv->entries = NULL;
    venv->entry_count = 0;
    venv->own_shell = false;
    return make_id(venv, err);
}

static const char *keep_text(struct venv *venv, const char *old, const char *new_text)
{
    return old != NULL ? arena_strdup(&venv->arena, old) : new_text;
}

/* Takes over values that stay from the wrap before. The index above all: by now code inside could
 * have changed the pip that it is read from. */
static int carry_over(struct venv *venv, const struct venv *old, struct err *err)
{
    venv->bin_mode = old->bin_mode;
    venv->bin_mtime_ns = old->bin_mtime_ns;
    venv->root_mtime_ns = old->root_mtime_ns;
    venv->unfinished = old->unfinished;
    venv->own_shell = old->own_shell;
    venv->index_url = keep_text(venv, old->index_url, venv->index_url);
    venv->index_files = keep_text(venv, old->index_files, venv->index_files);
    venv->entries = NULL;
    venv->entry_count = 0;
    for (size_t i = 0; i < old->entry_count; i++) {
        struct venv_entry *entry =
            arena_push(&venv->arena, &venv->entries, &venv->entry_count, sizeof(*entry));

        entry->name = arena_strdup(&venv->arena, old->entries[i].name);
    }
    venv->withheld = NULL;
    venv->withheld_count = 0;
    for (size_t i = 0; i < old->withheld_count; i++)
        *(const char **)arena_push(&venv->arena, &venv->withheld, &venv->withheld_count,
                                   sizeof(*venv->withheld)) =
            arena_strdup(&venv->arena, old->withheld[i]);
    venv->interpreters = NULL;
    venv->interpreter_count = 0;
    for (size_t i = 0; i < old->interpreter_count; i++)
        interpreters_record(venv, &old->interpreters[i]);
    /* A copy of a wrapped venv must not share the first one's private directories, and another
     * account may have taken their names. */
    if (!str_eq(old->path, venv->path) || venv_temporary_is_taken(old->id))
        return make_id(venv, err);
    venv->id = arena_strdup(&venv->arena, old->id);
    return 0;
}

/* bin must be writable for us as long as the venv is wrapped; unwrap gives its mode back. */
static int make_writable(const struct site *site, struct err *err)
{
    struct stat st;

    if (fstat(site->bin, &st) < 0)
        return err_set(err, errno, "cannot look at '%s/bin'", site->path);
    if ((st.st_mode & 0700) != 0700 && fchmod(site->bin, (st.st_mode & 07777) | 0700) < 0)
        return err_set(err, errno, "cannot make '%s/bin' writable", site->path);
    return 0;
}

int wrap_in_step(const struct site *site, const struct stubs *stubs, struct venv *manifest,
                 const struct wrap_options *options, bool force, struct sync_result *result,
                 struct err *err)
{
    bool changed = false, noted = false;
    struct found found = {.count = 0};
    int rc = make_writable(site, err);

    if (rc == 0)
        rc = interpreters_find(site, stubs, &found, err);
    if (rc == 0)
        rc = reconcile(site, stubs, manifest, options, result, &changed, err);
    if (rc == 0)
        rc = interpreters_keep(site, manifest, &found, &noted, err);
    arena_finish(&found.arena);
    if (rc == 0)
        rc = stubs_settle(stubs, site, err);
    if (rc < 0 || !(changed || noted || force || manifest->unfinished))
        return rc;
    /* Once the set of entries is another than that of the first wrap, so is the directory's time.
     */
    if (!manifest->unfinished && changed)
        manifest->bin_mtime_ns = clock_now_ns();
    manifest->unfinished = false;
    rc = site_flush(site, err);
    return rc == 0 ? manifest_write(manifest, site->sandbox, err) : rc;
}

int wrap_check_real(const struct site *site, const struct stubs *stubs, const struct venv *manifest,
                    struct err *err)
{
    for (size_t i = 0; site->real < 0 && i < manifest->entry_count; i++) {
        const char *name = manifest->entries[i].name;
        struct stat st;
        int rc = look_at(site->bin, name, false, &st);

        if (rc > 0)
            rc = stubs_match(stubs, site->bin, name, &st);
        if (rc < 0)
            return err_set(err, rc, "cannot look at '%s/bin/%s'", site->path, name);
        if (rc != STUB_NONE)
            return err_plain(err, ENOENT,
                             "'%s/sandbox/bin' is gone, and the programs with it: bring it back, "
                             "or make the virtualenv again ('python3 -m venv --clear \"%s\"')",
                             site->path, site->path);
    }
    return 0;
}

static int wrap_again(struct venv *venv, struct site *site, const struct stubs *stubs,
                      const struct venv *old, const struct wrap_options *options,
                      struct sync_result *result, struct err *err)
{
    int rc = carry_over(venv, old, err);

    if (rc == 0)
        rc = wrap_check_real(site, stubs, venv, err);
    if (rc == 0)
        rc = site_make(site, err);
    return rc == 0 ? wrap_in_step(site, stubs, venv, options, true, result, err) : rc;
}

static int wrap_first(struct venv *venv, struct site *site, const struct stubs *stubs,
                      const struct wrap_options *options, struct sync_result *result,
                      struct err *err)
{
    auto_fd int lock = -1;
    int rc = note_original(venv, site, err);

    if (rc == 0)
        rc = site_make(site, err);
    if (rc == 0)
        rc = site_make_lock(site, &lock, err);
    if (rc == 0)
        rc = manifest_write(venv, site->sandbox, err);
    if (rc == 0)
        rc = wrap_in_step(site, stubs, venv, options, true, result, err);
    /* Half a wrap is of no use to anybody: take back what was done, which needs no space. */
    if (rc < 0 && site->sandbox >= 0)
        (void)unwrap_site(site, stubs, venv, false, NULL, NULL);
    return rc;
}

static int wrap_locked(struct venv *venv, const struct wrap_options *options,
                       struct sync_result *result, struct err *err)
{
    auto_free char *shown = xasprintf("%s/" IN_SANDBOX(SANDBOX_MANIFEST), venv->path);
    auto_stubs struct stubs stubs = {.count = 0};
    auto_site struct site site;
    auto_venv struct venv old;
    struct err why = {0};
    int rc = 0;

    venv_init(&old);
    rc = site_open(&site, venv->path, err);
    if (rc == 0)
        rc = stubs_load(&stubs, &site, options->stub, err);
    if (rc < 0)
        return rc;
    venv->tool_version = SVENV_VERSION;
    rc = site.sandbox >= 0 ? manifest_load(&old, site.sandbox, shown, &why) : -ENOENT;
    if (rc == 0)
        return wrap_again(venv, &site, &stubs, &old, options, result, err);
    if (rc == -ENOENT)
        return wrap_first(venv, &site, &stubs, options, result, err);
    if (err != NULL)
        *err = why;
    return err_wrap(err, "the manifest is not usable ('sandbox-venv unwrap' and wrap again)");
}

int venv_wrap(struct venv *venv, const struct wrap_options *options, struct sync_result *result,
              struct err *err)
{
    auto_fd int lock = venv_lock(venv->path, err);
    struct sync_result done = {0};
    int rc = 0;

    if (lock < 0)
        return lock;
    rc = wrap_locked(venv, options, &done, err);
    if (rc == 0 && result != NULL)
        *result = done;
    return rc;
}

int venv_rename_temporary(const char *venv_path, struct err *err)
{
    auto_fd int lock = venv_lock(venv_path, err);
    auto_free char *old = NULL;
    auto_site struct site site;
    auto_venv struct venv venv;
    int rc = lock < 0 ? lock : 0;

    venv_init(&venv);
    site_init(&site, venv_path);
    if (rc == 0)
        rc = site_open(&site, venv_path, err);
    if (rc == 0)
        rc = manifest_load(&venv, site.sandbox, venv_path, err);
    /* Of several starts at once one has done it already. */
    if (rc < 0 || !venv_temporary_is_taken(venv.id))
        return rc;
    old = xstrdup(venv.id);
    rc = make_id(&venv, err);
    if (rc == 0)
        rc = manifest_write(&venv, site.sandbox, err);
    if (rc == 0 && !venv_is_running(old))
        venv_remove_temporary(old);
    return rc;
}
