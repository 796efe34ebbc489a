/* Whose a file is, and who else could have written it: one rule for everything that decides about a
 * sandbox or tells of it (docs/SECURITY.md, C11). */
#ifndef SVENV_BASE_OWNER_H
#define SVENV_BASE_OWNER_H

#include <stdbool.h>

struct err;
struct stat;

enum owner_rule {
    OWNER_SELF,       /* what only the caller's own programs write: $venv/sandbox, logs */
    OWNER_POLICY,     /* what an administrator may have written for the caller: root's is as good */
    OWNER_POLICY_DIR, /* and the directory of it may be a sticky one: nobody else can replace there
                         what is not theirs */
    OWNER_RULE__COUNT
};

/* Checks that one of those that the rule names owns it, and that neither its group nor others may
 * write it. `what`: its path. Return: 0, or -EPERM with *err that names the owner, or the cure. */
int owner_check(const struct stat *st, enum owner_rule rule, const char *what, struct err *err);

/* Is it the caller's own, whoever else may write it? */
bool owner_is_self(const struct stat *st);

#endif
