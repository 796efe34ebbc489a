/* The lines of the record of virtualenvs that were made inside. */
#include "svenv/base/made_inside.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "svenv/base/clock.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"

int made_inside_line(int dir, char line[MADE_INSIDE_LINE], size_t *dir_len_out)
{
    struct stat st, config, other;
    int rc = look_at(dir, VENV_CONFIG, false, &config);
    int wrapped = rc > 0 ? look_at(dir, VENV_SANDBOX, false, &other) : rc;

    if (rc <= 0 || wrapped != 0)
        return wrapped < 0 ? wrapped : 0;
    if (!S_ISREG(config.st_mode))
        return 0;
    if (fstat(dir, &st) < 0)
        return -errno;
    *dir_len_out = (size_t)snprintf(line, MADE_INSIDE_LINE, "%llu %llu ",
                                    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    snprintf(line + *dir_len_out, MADE_INSIDE_LINE - *dir_len_out, "%llu %lld\n",
             (unsigned long long)config.st_ino, (long long)clock_ns_of(config.st_ctim));
    return 1;
}
