/* What became of what appeared in the project, in lines for the user. */
#include "svenv/base/log.h"
#include "svenv/base/str.h"

#include "svenv/guard/guard.h"

enum {
    LINES_MAX = 8, /* while the program runs */
    NAMES_SHOWN = 4
};

/* Lines of ours among the program's own are few, whatever it does. */
static void tell_taken(struct guard *guard, bool ended)
{
    const struct quarantine *q = &guard->quarantine;
    auto_buf struct buf names = {0};
    size_t shown = 0;

    if (q->count == guard->told || (!ended && guard->lines++ >= LINES_MAX))
        return;
    for (size_t i = guard->told; i < q->count && i < TAKEN_KEPT && shown < NAMES_SHOWN; i++)
        buf_printf(&names, "%s'%s'", shown++ > 0 ? ", " : "", q->taken[i].rel);
    if (q->count - guard->told > shown)
        buf_printf(&names, "%s%zu %s", shown > 0 ? " and " : "", q->count - guard->told - shown,
                   shown > 0 ? "more" : "names");
    guard->told = q->count;
    log_line("programs on the host obey %s, which appeared in the project: moved to "
             "'%s/sandbox/quarantine/%s' (filesystem.protect)",
             names.data, q->venv, q->stamp);
}

void guard_tell(struct guard *guard, bool ended)
{
    tell_taken(guard, ended);
    if (guard->quarantine.stuck > 0 && ended)
        log_line("not all of it could be moved: the rest is in '%s', as '.sandbox-venv-taken-...'",
                 guard->places.file->project);
    if (guard->opened && ended)
        log_line("'%s' had become writable for other users: not any more",
                 guard->places.file->project);
    if (guard->failed && ended)
        log_line("something that appeared in the project and that programs on the host obey cannot "
                 "be moved away: look at '%s' (filesystem.protect)",
                 guard->places.file->project);
    if (guard->incomplete && ended)
        log_line("there is more in '%s' than could be looked through for what programs on the host "
                 "obey (filesystem.protect)",
                 guard->places.file->project);
}
