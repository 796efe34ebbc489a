/* Finds the other names of protected and hidden files. A file that has two names is written and
 * read through each of them; programs cannot make such a name, but one may be there. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "leads-internal.h"
#include "svenv/base/look.h"
#include "svenv/base/path.h"

static void twins_compare(struct leads *leads, const char *path, const struct stat *st)
{
    for (size_t i = 0; i < leads->twin_count; i++) {
        const struct lead_twin *twin = &leads->twins[i];
        const struct lead_source source = {
            .of = twin->of, .kind = LEAD_TWIN, .verb = LEAD_SAME, .from = twin->path};

        if (twin->ino == st->st_ino && twin->dev == st->st_dev && !str_eq(twin->path, path))
            leads_note(leads, path, &source);
    }
}

static bool twins_have(const struct leads *leads, uint64_t ino)
{
    for (size_t i = 0; i < leads->twin_count; i++) {
        if (leads->twins[i].ino == ino)
            return true;
    }
    return false;
}

/* A directory that cannot be read is closed already. */
static void twins_in(struct leads *leads, int top, const char *rel)
{
    auto_fd int dir = fd_open_beneath(top, *rel ? rel : ".", O_PATH | O_DIRECTORY, 0);
    auto_free char *path = path_join(leads->project, rel);
    auto_dir DIR *stream = NULL;
    const struct dirent *entry = NULL;
    int rc = dir < 0 ? (look_is_answer(dir) ? 0 : dir) : look_open_dir(dir, ".", 0, &stream);

    while (rc > 0 && (rc = look_next(stream, &entry)) > 0) {
        auto_free char *whole = NULL;
        struct stat st;

        if (!twins_have(leads, entry->d_ino))
            continue;
        whole = path_join(*rel ? path : leads->project, entry->d_name);
        rc = look_at(dirfd(stream), entry->d_name, false, &st);
        if (rc > 0)
            twins_compare(leads, whole, &st);
        rc = rc < 0 ? rc : 1;
    }
    if (rc < 0)
        facts_failed(leads->host, rc, path);
}

void leads_of_twins(struct leads *leads, int top)
{
    const struct facts *facts = &leads->host->facts;

    for (size_t i = 0; leads->twin_count > 0 && i < facts->seen_count; i++) {
        if (plan_seen_is_watched(&facts->seen[i]))
            twins_in(leads, top, facts->seen[i].rel);
    }
}
