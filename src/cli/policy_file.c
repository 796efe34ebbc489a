/* Puts the policy file that `wrap` asks for in its place, and takes it back. */
#include "policy_file-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"
#include "svenv/compile/layers.h"
#include "svenv/find/user.h"
#include "svenv/policy/policy.h"

static const char header[] =
    "# This policy says what programs of this virtual environment may see and do.\n"
    "# 'sandbox-venv policy show' prints every value in force, 'sandbox-venv policy check' checks\n"
    "# this file, 'man sandbox-venv' describes it. Changes count from the next start on.\n";

struct place {
    const char *venv_path;
    const struct user *user;
    const struct args *args;
    bool known;     /* what is there is the person's */
    int dir;        /* $venv/sandbox */
    char *new_path; /* $venv/sandbox/policy.yaml.new */
};

static void begin_text(struct buf *text, const char *profile)
{
    buf_add_str(text, header);
    buf_printf(text, "version: 1\nprofile: %s\n", profile);
}

/* A program, or whoever a project was copied from, may have put it there before there was a venv.
 */
static int refuse_unknown(const struct place *place, struct err *err)
{
    return err_plain(err, EPERM,
                     "'%s/" IN_SANDBOX(
                         SANDBOX_POLICY) "' is there, and this account has not wrapped "
                                         "that virtualenv before: read it, and take it with "
                                         "--policy '%s/" IN_SANDBOX(
                                             SANDBOX_POLICY) "', or leave it with --policy default",
                     place->venv_path, place->venv_path);
}

/* The text to start from: what --policy names, else what is there, else the default. */
static int first_text(const struct place *place, const char *word, struct buf *text,
                      struct err *err)
{
    auto_free char *file = NULL;
    auto_free char *profile = NULL;
    int r;

    if (!word) {
        auto_buf struct buf usual = {0};

        begin_text(&usual, "default");
        r = file_read(place->dir, SANDBOX_POLICY, POLICY_BYTES_MAX, text, err);
        if (r == -ENOENT)
            buf_add(text, usual.data, usual.len);
        else if (r < 0)
            return r;
        else if (!place->known &&
                 (text->len != usual.len || memcmp(text->data, usual.data, usual.len) != 0))
            return refuse_unknown(place, err);
        return 0;
    }
    r = layers_named(word, &file, &profile, err);
    if (r < 0)
        return r;
    if (!profile)
        return file_read(AT_FDCWD, file, POLICY_BYTES_MAX, text, err);
    begin_text(text, profile);
    return 0;
}

static int write_new(const struct place *place, const struct buf *text, struct err *err)
{
    return file_write_atomic(place->dir, SANDBOX_POLICY_NEW, text->data ? text->data : "",
                             text->len, 0600, err);
}

static int load_new(const struct place *place, struct policy *policy, struct err *err)
{
    const struct layers layers = {.venv_file = place->new_path};
    int r = layers_load(policy, place->user, &layers, err);

    /* The person knows the file that they named, not the copy. */
    if (r < 0 && err && str_eq(err->pos.file, SANDBOX_POLICY_NEW))
        (void)snprintf(err->pos.file, sizeof(err->pos.file), "%s",
                       place->args->policy ? place->args->policy : SANDBOX_POLICY);
    return r;
}

/* The options become the difference from the profile: the file then says the same as the options
 * did, in the policy's own words. */
static int add_options(const struct place *place, const struct strv *words, struct buf *text,
                       struct err *err)
{
    auto_policy struct policy policy;
    auto_policy struct policy plain;
    int r;

    policy_init(&policy);
    policy_init(&plain);
    r = load_new(place, &policy, err);
    if (r == 0)
        r = layers_bwrap(&policy, "command line", (const char *const *)words->items, words->count,
                         err);
    if (r < 0)
        return r;
    text->len = 0;
    begin_text(text, policy.profile ? policy.profile : "default");
    r = write_new(place, text, err);
    if (r == 0)
        r = load_new(place, &plain, err);
    if (r < 0)
        return r;
    policy_print_diff(&policy, &plain, POLICY_SHOW_ALL, text);
    return write_new(place, text, err);
}

static int keep_old(const struct place *place, const struct buf *text, enum policy_placed *out,
                    struct err *err)
{
    auto_buf struct buf old = {0};
    int r = file_read(place->dir, SANDBOX_POLICY, POLICY_BYTES_MAX, &old, err);

    if (r < 0 && r != -ENOENT)
        return r;
    *out = r < 0 ? POLICY_PLACED_NEW : POLICY_PLACED_REPLACED;
    if (r == 0 && old.len == text->len && memcmp(old.data, text->data, old.len) == 0)
        *out = POLICY_PLACED_KEPT;
    if (*out != POLICY_PLACED_REPLACED)
        return 0;
    return file_write_atomic(place->dir, SANDBOX_POLICY_OLD, old.data, old.len, 0600, err);
}

static int place_text(const struct place *place, const struct strv *words, enum policy_placed *out,
                      struct err *err)
{
    auto_policy struct policy result;
    auto_buf struct buf text = {0};
    int r;

    policy_init(&result);
    r = first_text(place, place->args->policy, &text, err);
    if (r == 0)
        r = write_new(place, &text, err);
    if (r == 0 && words->count > 0)
        r = add_options(place, words, &text, err);
    if (r == 0)
        r = load_new(place, &result, err);
    if (r == 0)
        r = keep_old(place, &text, out, err);
    if (r < 0)
        return r;
    if (*out == POLICY_PLACED_KEPT)
        return unlinkat(place->dir, SANDBOX_POLICY_NEW, 0) < 0
                   ? err_set(err, errno, "cannot remove '%s/" IN_SANDBOX(SANDBOX_POLICY_NEW) "'",
                             place->venv_path)
                   : 0;
    if (renameat(place->dir, SANDBOX_POLICY_NEW, place->dir, SANDBOX_POLICY) < 0)
        return err_set(err, errno, "cannot put '%s/" IN_SANDBOX(SANDBOX_POLICY) "' in place",
                       place->venv_path);
    return 0;
}

/* The venv's own time is part of what unwrapping gives back, and wrapping has yet to note it. */
static void give_back_time(const char *venv_path, const struct stat *before)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, before->st_mtim};

    (void)utimensat(AT_FDCWD, venv_path, times, 0);
}

static int policy_file_open_sandbox(const char *venv_path, const char *sandbox, bool *is_new_out,
                                    struct err *err)
{
    struct stat before;
    int dir;

    if (stat(venv_path, &before) < 0)
        return err_set(err, errno, "cannot look at '%s'", venv_path);
    *is_new_out = mkdir(sandbox, 0700) == 0;
    if (!*is_new_out && errno != EEXIST)
        return err_set(err, errno, "cannot make '%s'", sandbox);
    if (*is_new_out)
        give_back_time(venv_path, &before);
    dir = open(sandbox, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return err_set(err, errno, "cannot open '%s'", sandbox);
    return dir;
}

static void policy_file_remove_sandbox(const char *venv_path, const char *sandbox)
{
    struct stat before;

    if (stat(venv_path, &before) == 0 && rmdir(sandbox) == 0)
        give_back_time(venv_path, &before);
}

int policy_file_place(const char *venv_path, const struct user *user, const struct args *args,
                      bool known, enum policy_placed *out, struct err *err)
{
    auto_free char *sandbox = path_join(venv_path, VENV_SANDBOX);
    auto_free char *new_path = path_join(venv_path, IN_SANDBOX(SANDBOX_POLICY_NEW));
    auto_fd int dir = -1;
    struct place place = {venv_path, user, args, known, -1, new_path};
    bool is_new = false;
    int r;

    dir = policy_file_open_sandbox(venv_path, sandbox, &is_new, err);
    if (dir < 0)
        return dir;
    place.dir = dir;
    r = place_text(&place, &args->bwrap, out, err);
    if (r < 0)
        (void)unlinkat(dir, SANDBOX_POLICY_NEW, 0);
    if (r < 0 && is_new)
        policy_file_remove_sandbox(venv_path, sandbox);
    return r;
}

void policy_file_take_back(const char *venv_path)
{
    auto_free char *old = path_join(venv_path, IN_SANDBOX(SANDBOX_POLICY_OLD));
    auto_free char *now = path_join(venv_path, IN_SANDBOX(SANDBOX_POLICY));

    (void)rename(old, now);
}
