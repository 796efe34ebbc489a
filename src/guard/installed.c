/* Takes away names that an installer left in the venv and that tools of the host would obey. */
#include <unistd.h>

#include "svenv/base/layout.h"
#include "svenv/base/log.h"

#include "guard-internal.h"

void guard_take_from_venv(const char *venv, int top, const struct strv *names)
{
    struct guard_report report = {.count = 0};
    struct quarantine quarantine = {.venv = venv, .of_venv = true, .dir = -1, .report = &report};

    for (size_t i = 0; i < names->count; i++) {
        if (quarantine_take(&quarantine, top, names->items[i]) < 0)
            report.failed = true;
    }
    if (quarantine.dir >= 0)
        close(quarantine.dir);
    if (report.count == 1)
        log_line("programs on the host obey '%s', which an installer left in '%s': moved to "
                 "'sandbox/quarantine/%s'",
                 report.taken[0].rel, venv, report.stamp);
    else if (report.count > 1)
        log_line("programs on the host obey '%s' and %zu more, which an installer left in '%s': "
                 "moved to 'sandbox/quarantine/%s'",
                 report.taken[0].rel, report.count - 1, venv, report.stamp);
    if (report.stuck > 0)
        log_line("not all of it could be moved: the rest is in '%s', as '" NAME_TAKEN "...'", venv);
    if (report.failed)
        log_line("something that an installer left in '%s' and that programs on the host obey "
                 "cannot be moved away: see 'sandbox-venv log'",
                 venv);
}
