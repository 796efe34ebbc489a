/* The user as the system knows them, and the venv that they name. */
#include "svenv/find/user.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/venv.h"

enum {
    PASSWD_BUFFER = 65536
};

/* The other codes, EPERM and ECONNREFUSED among them, mean that nobody there knows this user
 * (getpwuid_r(3), and the habits of name services). */
static bool is_lookup_failure(int code)
{
    static const int failures[] = {ENOMEM, EMFILE, ENFILE, EIO, EAGAIN, EINTR, ERANGE, ENOSYS};

    for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
        if (code == failures[i])
            return true;
    }
    return false;
}

/* A name service that can't open its file counts as one that knows nobody. The file itself tells
 * whether this user really has no name. */
static int check_unknown(uid_t uid, struct err *err)
{
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *entry = NULL;
    int code = 0;

    if (!file)
        return look_is_answer(errno) ? 0 : err_set(err, errno, "cannot open '/etc/passwd'");
    do {
        errno = 0;
        entry = fgetpwent(file);
        code = errno;
    } while (entry && entry->pw_uid != uid);
    fclose(file);
    if (entry)
        return err_plain(err, EAGAIN, "the name service does not find user %u of '/etc/passwd'",
                         uid);
    return code == 0 || look_is_answer(code) ? 0 : err_set(err, code, "cannot read '/etc/passwd'");
}

static int take_passwd(struct user *user, struct err *err)
{
    auto_free char *buffer = xcalloc(1, PASSWD_BUFFER);
    struct passwd entry;
    struct passwd *found = NULL;
    int code = getpwuid_r(user->uid, &entry, buffer, PASSWD_BUFFER, &found);

    if (is_lookup_failure(code))
        return err_set(err, code, "cannot look up who you are in passwd");
    if (code != 0 || !found)
        return check_unknown(user->uid, err);
    user->name = xstrdup(found->pw_name);
    if (found->pw_dir[0] == '/')
        user->home = xstrdup(found->pw_dir);
    if (found->pw_shell[0] == '/')
        user->shell = xstrdup(found->pw_shell);
    return 0;
}

static void fill_gaps(struct user *user)
{
    const char *home = getenv("HOME");

    if (!user->name)
        user->name = xasprintf("%u", user->uid);
    if (!user->home && home && home[0] == '/')
        user->home = xstrdup(home);
    if (!user->shell)
        user->shell = xstrdup("/bin/sh");
}

int user_load(struct user *user, struct err *err)
{
    auto_free char *plain = NULL;
    int r;

    *user = (struct user){.uid = getuid(), .gid = getgid()};
    r = take_passwd(user, err);
    if (r < 0)
        return r;
    fill_gaps(user);
    if (!user->home)
        return err_plain(err, ENOENT,
                         "you have no home directory: neither passwd nor HOME names "
                         "one");
    plain = path_normalise("/", user->home);
    free(user->home);
    user->home = steal_ptr(plain);
    r = look_real(user->home, &user->home_real);
    if (r < 0)
        return err_set(err, r, "cannot find your home directory '%s'", user->home);
    if (r == 0)
        user->home_real = xstrdup(user->home);
    user->policy = path_join(user->home, ".config/sandbox-venv/policy.yaml");
    return 0;
}

void user_finish(struct user *user)
{
    free(user->name);
    free(user->home);
    free(user->home_real);
    free(user->shell);
    free(user->policy);
    *user = (struct user){0};
}

int user_make_dirs(const char *path, struct err *err)
{
    auto_free char *copy = xstrdup(path);

    for (char *c = copy + 1;; c++) {
        char kept = *c;

        if (kept != '/' && kept != '\0')
            continue;
        *c = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return err_set(err, errno, "cannot make '%s'", copy);
        *c = kept;
        if (kept == '\0')
            return 0;
    }
}

int venv_named(const char *word, char **path_out, struct err *err)
{
    const char *named = word ? word : ".venv";
    auto_free char *real = realpath(named, NULL);
    struct stat st;

    if (!real && errno == ENOENT && !word)
        return err_plain(err, ENOENT,
                         "there is no '.venv' here: name a virtual environment, or "
                         "make one with 'sandbox-venv create .venv'");
    if (!real && errno == ENOENT)
        return err_plain(err, ENOENT,
                         "there is no directory '%s': 'sandbox-venv create %s' makes "
                         "a virtual environment",
                         named, named);
    if (!real)
        return err_set(err, errno, "cannot open '%s'", named);
    if (stat(real, &st) < 0)
        return err_set(err, errno, "cannot open '%s'", named);
    if (!S_ISDIR(st.st_mode))
        return err_plain(err, ENOTDIR, "'%s' is not a directory", named);
    *path_out = steal_ptr(real);
    return 0;
}

int venv_named_wrapped(const char *word, char **path_out, struct err *err)
{
    auto_free char *path = NULL;
    int r = venv_named(word, &path, err);

    if (r < 0)
        return r;
    r = venv_is_wrapped(path, err);
    if (r < 0)
        return r;
    if (r == 0)
        return err_plain(err, ENOENT, "'%s' is not wrapped: run 'sandbox-venv %s' first",
                         word ? word : ".venv", word ? word : ".venv");
    *path_out = steal_ptr(path);
    return 0;
}
