/* Looks at every protected thing for leads to others. */
#include "facts-internal.h"
#include "leads-internal.h"
#include "svenv/base/path.h"
#include "svenv/base/repository.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

/* git.c knows which parts of a repository count; the rest are objects, of which there are many. */
static void leads_of_name(struct leads *leads, const struct fact_path *fact)
{
    bool git = str_glob_any_case(REPOSITORY_DOT_GIT, path_basename(fact->path));
    const struct lead_source source = {.of = fact->path,
                                       .kind = LEAD_NAME,
                                       .verb = LEAD_LINKED,
                                       .from = fact->path,
                                       .shallow = git,
                                       .once = true}; /* editors write there all the time */

    if (!path_is_beneath(fact->path, leads->project) || fact->kind == FACT_ABSENT)
        return;
    if (fact->kind == FACT_SYMLINK)
        leads_add(leads, fact->path, &source);
    else if (!git || fact->kind == FACT_FILE)
        leads_walk(leads, fact->path, &source);
}

bool facts_lead(struct host_facts *host, const struct venv *venv, const struct strv *unguarded,
                int top, bool with_git)
{
    struct leads leads = {
        .host = host, .project = venv->project, .own = venv->path, .unguarded = unguarded};
    size_t count = host->facts.path_count; /* leads add paths of their own */

    for (size_t i = 0; i < count; i++) {
        const struct fact_path fact = host->facts.paths[i];

        leads_of_name(&leads, &fact);
    }
    if (with_git)
        leads_of_git(&leads);
    leads_of_twins(&leads, top);
    strv_finish(&leads.walked);
    return !leads.cut;
}
