/* One pass over a venv: survey, decide, move. */
#include "reconcile-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

#include "decide-internal.h"
#include "move-internal.h"
#include "svenv/find/manifest.h"
#include "svenv/find/names.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/find/survey.h"
#include "svenv/wrap/wrap.h"

struct pass {
    const struct site *site;
    const struct stubs *stubs;
    const struct wrap_options *options;
    struct venv *manifest;
    struct sync_result result;
    struct venv_entry *entries;
    size_t entry_count;
    const char **withheld;
    size_t withheld_count;
    size_t name_bytes; /* bytes that the entries take in the manifest, at worst */
};

static bool has_room(const struct pass *pass, const char *name)
{
    return pass->name_bytes + manifest_name_cost(name) <= MANIFEST_NAMES_MAX;
}

static void count(struct sync_result *result, enum act act)
{
    size_t *const counters[ACT__COUNT] = {
        [ACT_LEAVE] = &result->skipped,     [ACT_ADOPT] = &result->adopted,
        [ACT_PUBLISH] = &result->added,     [ACT_REPAIR] = &result->repaired,
        [ACT_DROP_STUB] = &result->removed, [ACT_DROP_REAL] = &result->removed,
    };

    if (counters[act] != NULL)
        (*counters[act])++;
}

/* Does the name have a stub outside and something inside, now that `act` is done? */
static bool is_entry_after(const struct pair *pair, enum act act)
{
    bool has_real = pair->real == SIDE_ENTRY || pair->real == SIDE_PLAIN;

    if (act == ACT_ADOPT || act == ACT_PUBLISH)
        return true;
    return has_real && (act == ACT_REPAIR || (act == ACT_KEEP && pair->bin == SIDE_STUB));
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

static void permit(struct survey *survey, const struct wrap_options *options)
{
    for (size_t i = 0; options != NULL && i < survey->count; i++) {
        struct pair *pair = &survey->pairs[i];

        pair->permitted = is_among(pair->name, options->publish, options->publish_count);
    }
}

/* A program that stays inside for its name alone: the user is told once (docs/SECURITY.md, C7). */
static void withhold(struct pass *pass, const struct pair *pair)
{
    const struct wrap_options *options = pass->options;
    const struct venv *manifest = pass->manifest;

    if (pair->bin != SIDE_ABSENT || pair->real != SIDE_ENTRY || !name_is_reserved(pair->name))
        return;
    if (!is_among(pair->name, manifest->withheld, manifest->withheld_count)) {
        if (options == NULL || options->withheld == NULL)
            return;
        options->withheld(options->context, pair->name);
    }
    *(const char **)arena_push(&pass->manifest->arena, &pass->withheld, &pass->withheld_count,
                               sizeof(*pass->withheld)) =
        arena_strdup(&pass->manifest->arena, pair->name);
}

static int treat(struct pass *pass, const struct pair *pair, struct err *err)
{
    bool has_space = has_room(pass, pair->name);
    enum act act = decide_sync(pair, has_space);
    int rc = 0;

    if (act == ACT_ADOPT && !has_space)
        return err_plain(err, E2BIG, "'%s/bin' has too many entry points", pass->site->path);
    rc = move_apply(pass->site, pass->stubs, pair, act, err);
    if (rc < 0)
        return rc;
    count(&pass->result, act);
    if (act == ACT_LEAVE)
        withhold(pass, pair);
    if (is_entry_after(pair, act)) {
        struct venv_entry *entry =
            arena_push(&pass->manifest->arena, &pass->entries, &pass->entry_count, sizeof(*entry));

        entry->name = arena_strdup(&pass->manifest->arena, pair->name);
        pass->name_bytes += manifest_name_cost(pair->name);
    }
    return 0;
}

/* A disk without room for all the stubs is noticed before the first change. */
static int check_space(const struct pass *pass, const struct survey *survey, struct err *err)
{
    struct statvfs fs;
    uint64_t needed = 0;
    uint64_t each = (pass->stubs->known[0].len + 8191) & ~UINT64_C(4095);

    for (size_t i = 0; i < survey->count; i++) {
        enum act act = decide_sync(&survey->pairs[i], 1);

        if (act == ACT_ADOPT || act == ACT_PUBLISH)
            needed += each;
    }
    if (needed == 0 || fstatvfs(pass->site->root, &fs) < 0 || fs.f_blocks == 0)
        return 0;
    if ((uint64_t)fs.f_bavail * fs.f_frsize < needed)
        return err_plain(err, ENOSPC, "the disk of '%s' is full: %llu KiB are needed",
                         pass->site->path, (unsigned long long)(needed >> 10));
    return 0;
}

/* `shell` starts a shell inside; it stands for no file there, unless the venv brings its own. */
static int place_shell(struct pass *pass, const struct survey *survey, bool *own_out,
                       struct err *err)
{
    const struct pair *pair = NULL;

    for (size_t i = 0; pair == NULL && i < survey->count; i++) {
        if (str_eq(survey->pairs[i].name, "shell"))
            pair = &survey->pairs[i];
    }
    *own_out = pair == NULL ||
               (pair->bin == SIDE_STUB && pair->real != SIDE_ENTRY && pair->real != SIDE_PLAIN);
    if (pair != NULL)
        return 0;
    return move_place_stub(pass->site, pass->stubs, "shell", err);
}

static bool same_names(const struct venv *manifest, const struct pass *pass)
{
    if (manifest->entry_count != pass->entry_count ||
        manifest->withheld_count != pass->withheld_count)
        return false;
    for (size_t i = 0; i < pass->withheld_count; i++) {
        if (!str_eq(manifest->withheld[i], pass->withheld[i]))
            return false;
    }
    for (size_t i = 0; i < pass->entry_count; i++) {
        if (!str_eq(manifest->entries[i].name, pass->entries[i].name))
            return false;
    }
    return true;
}

/* When the venv's copy of the stub is lost and the installed one is another, the stubs in bin look
 * like the host's own files, and would take the place of the real ones. */
static int check_recognised(const struct site *site, const struct stubs *stubs,
                            const struct survey *survey, struct err *err)
{
    bool has_real = false;

    for (size_t i = 0; i < survey->count; i++) {
        if (stubs->has_kept || survey->pairs[i].bin == SIDE_STUB)
            return 0;
        has_real = has_real || survey->pairs[i].real == SIDE_ENTRY;
    }
    if (!has_real)
        return 0;
    return err_plain(err, ENOENT,
                     "'%s/sandbox/stub' is missing, and the files in bin are not the installed "
                     "stub: put that file back, it has the bytes of any wrapped file in bin",
                     site->path);
}

static int treat_all(struct pass *pass, const struct survey *survey, struct err *err)
{
    int rc = check_space(pass, survey, err);

    for (size_t i = 0; rc == 0 && i < survey->count; i++) {
        rc = treat(pass, &survey->pairs[i], err);
        if (rc == 0 && pass->options != NULL && pass->options->progress != NULL)
            pass->options->progress(pass->options->context, i + 1, survey->count);
    }
    return rc;
}

int reconcile(const struct site *site, const struct stubs *stubs, struct venv *manifest,
              const struct wrap_options *options, struct sync_result *result, bool *changed_out,
              struct err *err)
{
    struct pass pass = {.site = site, .stubs = stubs, .options = options, .manifest = manifest};
    auto_survey struct survey survey = {.count = 0};
    bool own_shell = false;
    int rc = 0;

    site_sweep(site);
    rc = survey_take(&survey, site, stubs, manifest, err);
    permit(&survey, options);
    if (rc == 0)
        rc = check_recognised(site, stubs, &survey, err);
    if (rc == 0)
        rc = stubs_announce(stubs, site, err);
    if (rc == 0)
        rc = treat_all(&pass, &survey, err);
    if (rc == 0)
        rc = place_shell(&pass, &survey, &own_shell, err);
    if (rc < 0)
        return rc;
    *changed_out = own_shell != manifest->own_shell || !same_names(manifest, &pass);
    manifest->entries = pass.entries;
    manifest->entry_count = pass.entry_count;
    manifest->withheld = pass.withheld;
    manifest->withheld_count = pass.withheld_count;
    manifest->own_shell = own_shell;
    *result = pass.result;
    return 0;
}

int reconcile_undo(const struct site *site, const struct stubs *stubs, const struct venv *manifest,
                   struct err *err)
{
    auto_survey struct survey survey = {.count = 0};
    int rc = 0;

    site_sweep(site);
    rc = survey_take(&survey, site, stubs, manifest, err);
    if (rc == 0)
        rc = check_recognised(site, stubs, &survey, err);
    for (size_t i = 0; rc == 0 && i < survey.count; i++)
        rc = move_apply(site, stubs, &survey.pairs[i], decide_undo(&survey.pairs[i]), err);
    return rc;
}
