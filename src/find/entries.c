/* The state of each entry of a venv, for `status`. */
#include "svenv/find/venv.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"

#include "svenv/find/names.h"
#include "svenv/find/site.h"
#include "svenv/find/stubs.h"
#include "svenv/find/survey.h"

static_assert(ENTRY_STATE__COUNT == 5, "state_of() gives every state");

static enum entry_state entries_state_of(const struct pair *pair)
{
    bool has_real = pair->real == SIDE_ENTRY || pair->real == SIDE_PLAIN;

    switch (pair->bin) {
    case SIDE_STUB:
        return has_real || str_eq(pair->name, "shell") ? ENTRY_WRAPPED : ENTRY_ORPHAN;
    case SIDE_ENTRY:
        return ENTRY_BYPASS;
    case SIDE_ABSENT:
        if (pair->real == SIDE_ENTRY && (pair->known || name_is_publishable(pair->name, false)))
            return ENTRY_MISSING;
        return ENTRY_IGNORED;
    case SIDE_PLAIN:
    case SIDE_OTHER:
    case SIDE__COUNT:
        break;
    }
    return ENTRY_IGNORED;
}

int venv_entries(struct venv *venv, struct entry_status **out, size_t *count_out, struct err *err)
{
    bool is_installed = look_readable(SVENV_STUB) != 0;
    auto_stubs struct stubs stubs = {.count = 0};
    auto_survey struct survey survey = {.count = 0};
    struct entry_status *rows = NULL;
    size_t count = 0;
    auto_site struct site site;
    int rc = site_open(&site, venv->path, err);

    if (rc == 0)
        rc = stubs_load(&stubs, &site, is_installed ? SVENV_STUB : NULL, err);
    /* No stub known at all: everything that can be run is a way around the sandbox. */
    if (rc == -ENOENT)
        rc = 0;
    if (rc == 0)
        rc = survey_take(&survey, &site, &stubs, venv, err);
    for (size_t i = 0; rc == 0 && i < survey.count; i++) {
        struct entry_status *row = arena_push(&venv->arena, &rows, &count, sizeof(*row));

        row->name = arena_strdup(&venv->arena, survey.pairs[i].name);
        row->state = entries_state_of(&survey.pairs[i]);
    }
    if (rc < 0)
        return rc;
    *out = rows;
    *count_out = count;
    return 0;
}
