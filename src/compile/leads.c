/* Finds what the protected things of a project lead to. A lead that is beyond a limit is not known,
 * so the project is closed then. */
#include "leads-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/follow.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

enum {
    LEADS_MAX = 8192,         /* a mount each, of those that are there */
    WALKED_MAX = 4096,        /* directories */
    WALKED_INPUTS_MAX = 1024, /* of them: a look-up each at every start */
    WALKED_ENTRIES_MAX = 262144,
    TWINS_MAX = 4096,
    VARIANTS_MAX = 16384 /* names that differ from a lead's in their capitals */
};

enum lead_end leads_end(struct leads *leads, const char *path)
{
    struct stat st;
    int rc = look_at(AT_FDCWD, path, true, &st);

    if (rc < 0)
        facts_failed(leads->host, rc, path);
    if (rc == 0)
        return LEAD_END_NOTHING;
    return rc > 0 && S_ISREG(st.st_mode) ? LEAD_END_FILE : LEAD_END_OTHER;
}

static bool is_left_open(const struct leads *leads, const char *path)
{
    auto_free char *above = xstrdup(path_relative_to(path, leads->project));

    for (char *slash = NULL; *above != '\0'; *(slash ? slash : above) = '\0') {
        auto_free char *whole = path_join(leads->project, above);

        for (size_t i = 0; i < leads->unguarded->count; i++) {
            const char *pattern = leads->unguarded->items[i];

            if (path_depth(pattern) == path_depth(above) && str_glob(pattern, above) &&
                !path_is_beneath(leads->own, whole))
                return true;
        }
        slash = strrchr(above, '/');
    }
    return false;
}

static bool leads_have(const struct leads *leads, const char *path,
                       const struct lead_source *source)
{
    const struct facts *facts = &leads->host->facts;

    for (size_t i = 0; i < facts->lead_count; i++) {
        const struct fact_lead *lead = &facts->leads[i];

        if (str_eq(lead->path, path) && (int)lead->kind == source->kind &&
            (source->kind == LEAD_GIT || str_eq(lead->of, source->of)))
            return true;
    }
    return false;
}

static const char *explain(struct leads *leads, const struct lead_source *source)
{
    const char *rel = path_relative_to(source->from, leads->project);

    return arena_printf(&leads->host->arena, "%s%s", lead_words(source->verb),
                        rel != NULL && *rel != '\0' ? rel : source->from);
}

/* Is it protected as a part of something? */
static bool is_within(const struct leads *leads, const char *path, const struct lead_source *source)
{
    auto_free char *above = xstrdup(path_relative_to(path, leads->project));

    if (path_is_beneath(path, source->of) ||
        (source->within != NULL && path_is_beneath(path, source->within)))
        return true;
    for (char *slash = above; slash != NULL && source->kind == LEAD_GIT;) {
        char *name = slash;

        slash = strchr(name, '/');
        if (slash != NULL)
            *slash++ = '\0';
        if (str_glob_any_case(REPOSITORY_DOT_GIT, name))
            return true;
    }
    return false;
}

/* Names are compared without case, so one that differs in nothing else and was there is no new one.
 */
static void note_variants(struct leads *leads, const char *dir, const char *rest, const char *lead)
{
    size_t len = strcspn(rest, "/");
    auto_free char *name = xstrndup(rest, len);
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = look_open_dir(AT_FDCWD, dir, O_NOFOLLOW, &stream);

    while (rc > 0 && !leads->cut && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *path = NULL;

        if (!str_eq_any_case(name, entry->d_name))
            continue;
        leads->cut = leads->variants++ == VARIANTS_MAX;
        path = path_join(dir, entry->d_name);
        if (rest[len] != '\0')
            note_variants(leads, path, rest + len + 1, lead);
        else if (!str_eq(path, lead))
            facts_add(leads->host, path);
    }
    if (rc < 0)
        facts_failed(leads->host, rc, dir);
}

/* The project itself and what is above it cannot be read-only as a whole: the caller knows which
 * names in it count. The venv has mounts of its own. */
void leads_note(struct leads *leads, const char *path, const struct lead_source *source)
{
    struct facts *facts = &leads->host->facts;
    struct arena *arena = &leads->host->arena;

    if (!path_is_beneath(path, leads->project) || str_eq(path, leads->project) ||
        path_is_beneath(path, leads->own) || is_within(leads, path, source) ||
        is_left_open(leads, path) || leads_have(leads, path, source))
        return;
    if (facts->lead_count == LEADS_MAX) {
        leads->cut = true;
        return;
    }
    facts_add(leads->host, path);
    note_variants(leads, leads->project, path_relative_to(path, leads->project), path);
    *(struct fact_lead *)arena_push(arena, &facts->leads, &facts->lead_count,
                                    sizeof(*facts->leads)) =
        (struct fact_lead){.path = arena_strdup(arena, path),
                           .of = arena_strdup(arena, source->of),
                           .why = explain(leads, source),
                           .kind = source->kind};
}

static int leads_ask(void *context, const char *path, const char **target_out)
{
    struct host_facts *host = context;
    struct fact_path fact;

    host->facts.lookup(host, path, &fact);
    if (fact.kind == FACT_SYMLINK)
        *target_out = fact.target;
    return 0;
}

/* A way that ends early leads nowhere for the host's tools, too. */
void leads_add(struct leads *leads, const char *path, const struct lead_source *source)
{
    struct followed way;
    int rc = follow_path(&leads->host->arena, path, leads_ask, leads->host, &way);

    for (size_t i = 0; i < way.link_count; i++)
        leads_note(leads, way.links[i].path, source);
    if (rc == 0)
        leads_note(leads, way.real, source);
    if (rc == 0 && !source->shallow && !path_is_beneath(way.real, source->of) &&
        path_is_beneath(way.real, leads->project) && !str_eq(way.real, leads->project) &&
        !path_is_beneath(way.real, leads->own))
        leads_walk(leads, way.real, source);
}

void leads_note_twin(struct leads *leads, const char *path, const char *of)
{
    struct arena *arena = &leads->host->arena;
    struct stat st;
    int rc = look_at(AT_FDCWD, path, false, &st);

    if (rc < 0)
        facts_failed(leads->host, rc, path);
    if (rc <= 0)
        return; /* gone meanwhile: the start sees that it changed */
    if (leads->twin_count == TWINS_MAX) {
        leads->cut = true;
        return;
    }
    *(struct lead_twin *)arena_push(arena, &leads->twins, &leads->twin_count,
                                    sizeof(*leads->twins)) =
        (struct lead_twin){.path = arena_strdup(arena, path),
                           .of = arena_strdup(arena, of),
                           .dev = st.st_dev,
                           .ino = st.st_ino};
}

/* --- links in protected directories
 * ------------------------------------------------------------
 */

static void walk_entry(struct leads *leads, const char *dir, int fd, const char *name,
                       const struct lead_source *source, struct strv *queue)
{
    auto_free char *path = path_join(dir, name);
    const struct lead_source inner = {.of = source->of,
                                      .kind = source->kind,
                                      .verb = LEAD_LINKED,
                                      .from = path,
                                      .within = source->within};
    struct stat st;
    int rc = look_at(fd, name, false, &st);

    if (rc < 0)
        facts_failed(leads->host, rc, path);
    if (rc <= 0)
        return;
    if (S_ISLNK(st.st_mode))
        leads_add(leads, path, &inner);
    else if (S_ISDIR(st.st_mode))
        strv_take(queue, steal_ptr(path));
    else if (S_ISREG(st.st_mode) && st.st_nlink > 1)
        leads_note_twin(leads, path, source->of);
}

/* A name that is added there later, from outside, has the plan made anew. */
static void walk_directory(struct leads *leads, const char *path, const struct lead_source *source,
                           struct strv *queue)
{
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = 0;

    if (!source->once && leads->walked.count <= WALKED_INPUTS_MAX)
        facts_read(leads->host, path);
    rc = look_open_dir(AT_FDCWD, path, O_NOFOLLOW, &stream);
    /* One that can be entered and not listed leads nobody knows where. */
    leads->cut = leads->cut || (rc == 0 && access(path, X_OK) == 0);
    while (rc > 0 && !leads->cut && (rc = look_next(stream, &entry)) > 0) {
        leads->cut = leads->entries++ == WALKED_ENTRIES_MAX;
        walk_entry(leads, path, dirfd(stream), entry->d_name, source, queue);
    }
    if (rc < 0)
        facts_failed(leads->host, rc, path);
}

/* Directories may link to one another in a circle. The own venv has mounts of its own and
 * changes all the time. */
static bool is_first_walk(struct leads *leads, const char *path, const struct lead_source *source)
{
    auto_free char *walk = xasprintf("%s\n%s", path, source->of);

    if (path_is_beneath(path, leads->own) || strv_has(&leads->walked, walk))
        return false;
    leads->cut = leads->cut || leads->walked.count == WALKED_MAX;
    strv_take(&leads->walked, steal_ptr(walk));
    return !leads->cut;
}

static bool is_directory(struct leads *leads, const char *path)
{
    struct stat st;
    int rc = look_at(AT_FDCWD, path, false, &st);

    if (rc < 0)
        facts_failed(leads->host, rc, path);
    return rc > 0 && S_ISDIR(st.st_mode);
}

void leads_walk(struct leads *leads, const char *path, const struct lead_source *source)
{
    auto_strv struct strv queue = {0};
    struct lead_source inner = *source;
    struct stat st;
    int rc = 0;

    if (!is_directory(leads, path)) {
        rc = look_at(AT_FDCWD, path, false, &st);
        if (rc > 0 && S_ISREG(st.st_mode) && st.st_nlink > 1)
            leads_note_twin(leads, path, source->of);
        return;
    }
    inner.within = path;
    strv_add(&queue, path);
    for (size_t i = 0; i < queue.count && !leads->cut; i++) {
        if (is_first_walk(leads, queue.items[i], source))
            walk_directory(leads, queue.items[i], &inner, &queue);
    }
}
