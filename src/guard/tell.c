/* Tells the user, in lines, what became of names that appeared in the project. */
#include <stdio.h>

#include "svenv/base/layout.h"
#include "svenv/base/log.h"
#include "svenv/guard/guard.h"

enum {
    LINES_MAX = 8, /* while the program runs */
    NAMES_SHOWN = 4,
    NAMES_BYTES = 4096 /* a line of ours is not longer */
};

/* 'a', 'b' and 3 more */
struct names {
    char text[NAMES_BYTES];
    size_t shown, used;
};

static void names_add(struct names *names, const char *name)
{
    if (names->shown == NAMES_SHOWN || names->used >= sizeof(names->text))
        return;
    names->used += (size_t)snprintf(names->text + names->used, sizeof(names->text) - names->used,
                                    "%s'%s'", names->shown++ > 0 ? ", " : "", name);
}

static void names_end(struct names *names, size_t count)
{
    if (count > names->shown && names->used < sizeof(names->text))
        snprintf(names->text + names->used, sizeof(names->text) - names->used, "%s%zu %s",
                 names->shown > 0 ? " and " : "", count - names->shown,
                 names->shown > 0 ? "more" : "names");
}

/* A usual virtualenv among the names that were taken since the last time; NULL: there is none. */
static const char *taken_venv(const struct guard_report *report, size_t from, size_t count)
{
    const char *venv = NULL;

    for (size_t i = from; venv == NULL && i < count && i < TAKEN_KEPT; i++)
        venv = layout_mark_of(report->taken[i].rel);
    return venv;
}

/* Lines of ours among the program's own are few, whatever it does. */
static void tell_taken(struct guard *guard, bool ended)
{
    const struct guard_report *report = guard->report;
    size_t count = __atomic_load_n(&report->count, __ATOMIC_ACQUIRE);
    struct names names = {.used = 0};
    const char *venv = NULL;

    if (count == guard->told || (!ended && guard->lines++ >= LINES_MAX))
        return;
    for (size_t i = guard->told; i < count && i < TAKEN_KEPT; i++)
        names_add(&names, report->taken[i].rel);
    names_end(&names, count - guard->told);
    venv = taken_venv(report, guard->told, count);
    guard->told = count;
    log_line("programs on the host obey %s, which appeared in the project: moved to "
             "'%s/sandbox/quarantine/%s' (filesystem.protect); what is yours comes back with "
             "'sandbox-venv quarantine restore %s %s'",
             names.text, guard->quarantine.venv, report->stamp, guard->quarantine.venv,
             report->stamp);
    if (venv != NULL && !guard->told_venv)
        log_line("no program may make the virtualenv '%s': 'filesystem: {virtualenvs: [%s]}' in "
                 "the policy allows it. If you made it outside: 'sandbox-venv create' does so "
                 "beside programs that run",
                 venv, venv);
    guard->told_venv = guard->told_venv || venv != NULL;
}

static void tell_made(const struct guard_report *report)
{
    struct names names = {.used = 0};

    if (report->made_count == 0)
        return;
    for (size_t i = 0; i < report->made_count && i < MADE_KEPT; i++)
        names_add(&names, report->made[i]);
    names_end(&names, report->made_count);
    log_line("a virtualenv appeared in the project, and programs in the sandbox can write it: %s. "
             "Start nothing of it outside, nor let an editor do so",
             names.text);
}

void guard_tell(struct guard *guard, bool ended)
{
    const struct guard_report *report = guard->report;
    const char *project = guard->seen.file->project;

    tell_taken(guard, ended);
    if (!ended)
        return;
    tell_made(report);
    if (report->stop == GUARD_REPLACED && !guard->told_stop) /* seen at the last look */
        guard_tell_stop(guard);
    if (report->stuck > 0)
        log_line("not all of it could be moved: the rest is in '%s', as '" NAME_TAKEN "...'",
                 project);
    if (report->opened)
        log_line("'%s' had become writable for other users; this is undone", project);
    if (report->failed)
        log_line("something that appeared in the project and that programs on the host obey cannot "
                 "be moved away: look at '%s' (filesystem.protect)",
                 project);
    if (report->incomplete)
        log_line("not all of '%s' could be searched for names that programs on the host obey "
                 "(filesystem.protect)",
                 project);
}

void guard_tell_stop(struct guard *guard)
{
    guard->told_stop = true;
    switch (guard->report->stop) {
    case GUARD_GOES_ON:
        break;
    case GUARD_LOST:
        log_line("stopped: '%s' was replaced on the host while the program ran, and cannot be "
                 "protected again (filesystem.protect)",
                 guard->report->lost);
        break;
    case GUARD_TOUCHED:
        log_line("stopped: '%s' was saved on the host, and may have been changed before it was "
                 "protected again: look at it (filesystem.protect)",
                 guard->report->lost);
        break;
    case GUARD_SHOWN:
        log_line("stopped: '%s' was saved on the host, and may have been read before it was "
                 "hidden again (filesystem.hide)",
                 guard->report->lost);
        break;
    case GUARD_REPLACED:
        log_line("stopped: '%s' was replaced or removed on the host while the program ran, which "
                 "could write there; make the virtualenv again when nothing of the old one runs",
                 guard->report->lost);
        break;
    case GUARD_NO_MEMORY:
        log_line("stopped: there is no memory left to watch '%s' (filesystem.protect)",
                 guard->seen.file->project);
        break;
    case GUARD_DIED:
        log_line("stopped: the process that watches '%s' has ended (filesystem.protect)",
                 guard->seen.file->project);
        break;
    }
}
