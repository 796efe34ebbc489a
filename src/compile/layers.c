/* The policy in force: files, then environment and command line laid over them. */
#include "svenv/compile/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/json.h"
#include "svenv/base/layout.h"
#include "svenv/base/look.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "svenv/find/user.h"
#include "svenv/formats/bwrap.h"

#define COMMAND_LINE "command line"

char *layers_venv_file(const char *venv_path)
{
    return path_join(venv_path, IN_SANDBOX(SANDBOX_POLICY));
}

int layers_bwrap(struct policy *policy, const char *source, const char *const *words, size_t count,
                 struct err *err)
{
    struct arena arena = {0};
    struct bwrap_options options = {0};
    int r = bwrap_parse(&arena, source, words, count, &options, err);

    if (r == 0)
        r = policy_apply_bwrap(policy, source, &options, err);
    arena_finish(&arena);
    return r;
}

static int apply_bwrap_args(struct policy *policy, const char *text, struct err *err)
{
    struct arena arena = {0};
    const char **words = NULL;
    size_t count = 0;
    int r = bwrap_split(&arena, text, &words, &count);

    if (r < 0)
        r = err_set(err, -r, "cannot read BWRAP_ARGS");
    else
        r = layers_bwrap(policy, "BWRAP_ARGS", words, count, err);
    arena_finish(&arena);
    return r;
}

/* pip's own rule for where its cache is. */
static char *pip_cache(const struct user *user)
{
    const char *named = getenv("PIP_CACHE_DIR");
    const char *xdg = getenv("XDG_CACHE_HOME");

    if (named && named[0] == '/')
        return xstrdup(named);
    if (xdg && xdg[0] == '/')
        return path_join(xdg, "pip");
    return path_join(user->home, ".cache/pip");
}

/* Existing users set SANDBOX_USE_PIP_CACHE=1; 0 and nothing mean no. */
static bool says_yes(const char *value)
{
    return value && *value && !str_eq(value, "0");
}

static int apply_environment(struct policy *policy, const struct user *user, struct err *err)
{
    const char *bwrap_args = getenv("BWRAP_ARGS");
    const char *seccomp = getenv("SANDBOX_SECCOMP_ALLOW");
    int r = 0;

    if (bwrap_args && *bwrap_args)
        r = apply_bwrap_args(policy, bwrap_args, err);
    /* Blank has a meaning of its own here: the filter is off. */
    if (r == 0 && seccomp)
        r = policy_apply_seccomp_allow(policy, seccomp, err);
    if (r == 0 && says_yes(getenv("SANDBOX_USE_PIP_CACHE"))) {
        auto_free char *cache = pip_cache(user);

        /* Nobody has used it yet: pip would make it. */
        r = user_make_dirs(cache, err);
        if (r == 0)
            r = policy_apply_pip_cache(policy, cache, err);
    }
    return r;
}

/* A relative path would mean another file without the directory that it is relative to. */
static int layers_check_paths(const struct strv *paths, const char *cwd, struct err *err)
{
    for (size_t i = 0; cwd == NULL && i < paths->count; i++) {
        if (paths->items[i][0] != '/' && paths->items[i][0] != '~')
            return err_plain(err, ENOENT, "cannot tell the current directory, to find '%s' in it",
                             paths->items[i]);
    }
    return 0;
}

static void add_paths(struct buf *out, const char *key, const struct strv *paths, const char *cwd)
{
    struct json json;

    if (paths->count == 0)
        return;
    buf_printf(out, "  %s: [inherit", key);
    for (size_t i = 0; i < paths->count; i++) {
        const char *path = paths->items[i];
        auto_free char *absolute = path_normalise(cwd ? cwd : "/", path);

        buf_add_str(out, ", ");
        json_init(&json, out, false);
        json_str(&json, path[0] == '~' ? path : absolute);
    }
    buf_add_str(out, "]\n");
}

/* Grants of the command line are written as policy text, so that they mean there what they mean in
 * a file and get the same checks. A JSON string is a YAML double-quoted scalar. */
static int apply_grants(struct policy *policy, const struct layers_grants *grants, struct err *err)
{
    auto_free char *cwd = getcwd(NULL, 0);
    auto_buf struct buf text = {0};
    int r = layers_check_paths(grants->read, cwd, err);

    if (r == 0)
        r = layers_check_paths(grants->write, cwd, err);
    if (r < 0)
        return r;
    if (!grants->network && grants->read->count == 0 && grants->write->count == 0)
        return 0;
    buf_add_str(&text, "version: 1\n");
    if (grants->network) {
        struct json json;

        buf_add_str(&text, "network:\n  mode: ");
        json_init(&json, &text, false);
        json_str(&json, grants->network);
        buf_add_str(&text, "\n");
    }
    if (grants->read->count > 0 || grants->write->count > 0)
        buf_add_str(&text, "filesystem:\n");
    add_paths(&text, "read", grants->read, cwd);
    add_paths(&text, "write", grants->write, cwd);
    return policy_override_text(policy, COMMAND_LINE, text.data, text.len, err);
}

static int apply_command_line(struct policy *policy, const struct layers_grants *grants,
                              struct err *err)
{
    int r = apply_grants(policy, grants, err);

    if (r == 0 && grants->bwrap->count > 0)
        r = layers_bwrap(policy, COMMAND_LINE, (const char *const *)grants->bwrap->items,
                         grants->bwrap->count, err);
    return r;
}

int layers_load(struct policy *policy, const struct user *user, const struct layers *layers,
                struct err *err)
{
    struct policy_sources sources = {.templates = SVENV_TEMPLATES,
                                     .user_file = user->policy,
                                     .venv_file = layers->venv_file,
                                     .profile = layers->profile};
    int r = policy_load(policy, &sources, err);

    if (r == 0 && layers->environment)
        r = apply_environment(policy, user, err);
    if (r == 0 && layers->grants)
        r = apply_command_line(policy, layers->grants, err);
    if (r == 0)
        r = policy_check(policy, user->home_real, err);
    return r;
}

static bool is_profile_name(const char *word)
{
    return !strchr(word, '/') && !strchr(word, '.') && *word;
}

/* Return: 1, 0, or negative errno when that could not be found out. */
static int is_profile(const char *word)
{
    auto_free char *site_file = xasprintf("%s/%s.yaml", SVENV_TEMPLATES, word);
    size_t len = 0;

    if (!is_profile_name(word))
        return 0;
    return policy_shipped_profile(word, &len) ? 1 : look_readable(site_file);
}

int layers_named(const char *word, char **file_out, char **profile_out, struct err *err)
{
    int r = is_profile(word);

    if (r < 0)
        return err_set(err, r, "cannot look for the profile '%s'", word);
    if (r > 0) {
        *profile_out = xstrdup(word);
        return 0;
    }
    if (access(word, R_OK) < 0 && (errno != ENOENT || !is_profile_name(word)))
        return err_set(err, errno, "cannot read the policy '%s'", word);
    if (look_readable(word) <= 0)
        return err_plain(err, ENOENT, "there is neither a profile '%s' nor a file of that name",
                         word);
    *file_out = xstrdup(word);
    return 0;
}
