/* The directories where records of a user are kept. */
#include "svenv/find/state.h"

#include <errno.h>
#include <stdlib.h>

#include "svenv/audit/writer.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"

char *state_dir(const struct user *user)
{
    const char *xdg = getenv("XDG_STATE_HOME");

    if (xdg && xdg[0] == '/')
        return path_join(xdg, "sandbox-venv");
    return path_join(user->home, ".local/state/sandbox-venv");
}

/* The real path of the nearest ancestor that exists, and the rest as it is. NULL with errno: that
 * could not be found out. */
static char *real_path(const char *path)
{
    auto_free char *real = NULL;
    auto_free char *parent = path_dirname(path);
    int rc = look_real(path, &real);

    if (rc < 0) {
        errno = -rc;
        return NULL;
    }
    if (real)
        return steal_ptr(real);
    if (str_eq(parent, path))
        return xstrdup(path);
    real = real_path(parent);
    return real ? path_join(real, path_basename(path)) : NULL;
}

static char *real_state_dir(const struct user *user)
{
    auto_free char *dir = state_dir(user);
    auto_free char *plain = path_normalise("/", dir);

    return real_path(plain);
}

char *state_audit_log(const struct user *user)
{
    auto_free char *dir = real_state_dir(user);

    return dir ? path_join(dir, AUDIT_LOG_NAME) : NULL;
}

char *state_policy_history(const struct user *user, const char *id)
{
    auto_free char *dir = real_state_dir(user);
    auto_free char *name = xasprintf("policy-history/%s", id);

    return dir ? path_join(dir, name) : NULL;
}
