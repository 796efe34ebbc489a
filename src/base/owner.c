/* Tells whose a file is, and whether another user could have written it. */
#include "svenv/base/owner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"

bool owner_is_self(const struct stat *st)
{
    return st->st_uid == geteuid();
}

int owner_check(const struct stat *st, enum owner_rule rule, const char *what, struct err *err)
{
    bool may_be_sticky =
        rule == OWNER_POLICY_DIR && S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);

    if (!owner_is_self(st) && (rule == OWNER_SELF || st->st_uid != 0))
        return err_plain(err, EPERM, "'%s' is refused: it belongs to another user (%u)", what,
                         (unsigned)st->st_uid);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !may_be_sticky)
        return err_plain(err, EPERM,
                         "'%s' is refused: other users could have written it (mode %04o); cure: "
                         "chmod go-w '%s'",
                         what, (unsigned)(st->st_mode & 07777), what);
    return 0;
}
