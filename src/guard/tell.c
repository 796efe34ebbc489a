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

/* Lines of ours among the program's own are few, whatever it does. */
static void tell_taken(struct guard *guard, bool ended)
{
    const struct guard_report *report = guard->report;
    size_t count = __atomic_load_n(&report->count, __ATOMIC_ACQUIRE);
    char names[NAMES_BYTES] = "";
    size_t shown = 0, used = 0;

    if (count == guard->told || (!ended && guard->lines++ >= LINES_MAX))
        return;
    for (size_t i = guard->told;
         i < count && i < TAKEN_KEPT && shown < NAMES_SHOWN && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s'%s'",
                                 shown++ > 0 ? ", " : "", report->taken[i].rel);
    if (count - guard->told > shown && used < sizeof(names))
        snprintf(names + used, sizeof(names) - used, "%s%zu %s", shown > 0 ? " and " : "",
                 count - guard->told - shown, shown > 0 ? "more" : "names");
    guard->told = count;
    log_line("programs on the host obey %s, which appeared in the project: moved to "
             "'%s/sandbox/quarantine/%s' (filesystem.protect); what is yours comes back with "
             "'sandbox-venv quarantine restore %s %s'",
             names, guard->quarantine.venv, report->stamp, guard->quarantine.venv, report->stamp);
}

void guard_tell(struct guard *guard, bool ended)
{
    const struct guard_report *report = guard->report;
    const char *project = guard->seen.file->project;

    tell_taken(guard, ended);
    if (!ended)
        return;
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

void guard_tell_stop(const struct guard *guard)
{
    switch (guard->report->stop) {
    case GUARD_GOES_ON:
        break;
    case GUARD_LOST:
        log_line("stopped: '%s' was replaced on the host while the program ran, and cannot be "
                 "protected again (filesystem.protect)",
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
