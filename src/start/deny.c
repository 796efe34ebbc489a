/* The paths that no command line and no variable may show. */
#include <string.h>

#include "svenv/base/layout.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"

#include "start-internal.h"

/* Temporary directories of this and other venvs, whose names must not be known inside. */
#define OWN_TEMP TEMPORARY_TMP "/" TEMPORARY_PREFIX

/* Names of files and directories that hold credentials, wherever they lie; most belong in $HOME. */
static const char *const credentials[] = {
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".pgpass",
    ".my.cnf",
    ".vault-token",
    ".git-credentials",
    ".password-store",
    ".boto",
    ".s3cfg",
    ".oci",
    ".terraform.d",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".mozilla",
    ".thunderbird",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".config/glab-cli",
    ".config/git/credentials",
    ".config/rclone",
    ".config/containers",
    ".config/doctl",
    ".config/op",
    ".config/sops",
    ".config/age",
    ".config/pypoetry/auth.toml",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/sandbox-venv",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".local/share/python_keyring",
    ".local/share/uv/credentials",
    ".local/state/sandbox-venv",
    ".cache/huggingface/token",
};

/* Never shown, with everything below. What of these a sandbox has, it has from the plan. */
static const char *const closed_trees[] = {"/proc", "/sys", "/dev", "/etc", "/boot", "/var/run"};

/* Never shown as a whole; what lies below may be. */
static const char *const closed_roots[] = {
    "/", "/home", "/root", "/var", "/tmp", "/var/tmp", "/mnt", "/media", "/srv",
};

/* Is `entry` (one or more components) part of `path`? */
static bool has_components(const char *path, const char *entry)
{
    size_t len = strlen(entry);

    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if (strncmp(slash + 1, entry, len) == 0 &&
            (slash[1 + len] == '/' || slash[1 + len] == '\0'))
            return true;
    }
    return false;
}

/* Does the directory lie above credentials, as ~/.config does? */
static bool holds_credentials(const char *home, const char *path)
{
    const char *below = path_relative_to(path, home);

    if (below == NULL || *below == '\0')
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(credentials); i++) {
        if (str_starts(credentials[i], below) && credentials[i][strlen(below)] == '/')
            return true;
    }
    return false;
}

static bool is_credential(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(credentials); i++) {
        if (has_components(path, credentials[i]))
            return true;
    }
    return false;
}

/* What a directory must not hold: it would show more than it says, or cover what is there. */
static bool holds_own(const struct completion *c, const char *path)
{
    const char *own[] = {c->file->venv, c->file->project, c->file->home, c->file->temp_base};

    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (own[i] != NULL && path_is_beneath(own[i], path))
            return true;
    }
    for (size_t i = 0; i < c->plan->op_count; i++) {
        const struct plan_op *op = &c->plan->ops[i];

        if (op->kind != PLAN_DIR && path_is_beneath(op->dest, path))
            return true;
    }
    return false;
}

static const char *closed_reason(const char *path, bool directory)
{
    for (size_t i = 0; i < ARRAY_SIZE(closed_trees); i++) {
        if (path_is_beneath(path, closed_trees[i]))
            return "never shown: sandboxes have their own";
    }
    if (str_starts(path, OWN_TEMP))
        return "never shown: private files of a sandbox";
    /* Sockets of agents lie below /run/user; single files and FIFOs there are test pipes and kernel
     * connection files. */
    if (path_is_beneath(path, "/run") && (directory || !path_is_beneath(path, "/run/user")))
        return "never shown: sockets of services lie there";
    for (size_t i = 0; directory && i < ARRAY_SIZE(closed_roots); i++) {
        if (str_eq(path, closed_roots[i]))
            return "never shown as a whole";
    }
    return NULL;
}

/* Something the policy hides stays hidden, also when the project itself is not there. */
static bool is_masked(const struct completion *c, const char *path)
{
    for (size_t i = 0; i < c->compiled->op_count; i++) {
        const struct plan_op *op = &c->compiled->ops[i];

        if (op->kind == PLAN_MASK && path_is_beneath(path, op->dest))
            return true;
    }
    return false;
}

/* The log lies in a directory of its own, wherever that is. */
static bool is_audit_log(const struct completion *c, const char *path, bool directory)
{
    const char *log = c->compiled->audit_log;

    return log != NULL && ((directory && path_is_beneath(log, path)) ||
                           path_is_beneath(path, resolve_dirname(c, log)));
}

const char *deny_reason(const struct completion *c, const char *path, bool directory)
{
    const char *closed = closed_reason(path, directory);

    if (closed != NULL)
        return closed;
    if (is_credential(path))
        return "never shown: credentials lie there";
    if (is_audit_log(c, path, directory))
        return "never shown: the audit log lies there";
    if (is_masked(c, path))
        return "hidden by the policy";
    if (directory && holds_own(c, path))
        return "never shown: it holds your home, the project, or a part of the sandbox";
    if (directory && holds_credentials(c->file->home, path))
        return "never shown: credentials lie below it";
    return NULL;
}

bool deny_path(const struct completion *c, const char *path, bool directory)
{
    return deny_reason(c, path, directory) != NULL;
}

const char *hostile_area(const struct completion *c, const char *path)
{
    const char *own[] = {c->file->project, c->file->venv, c->file->temp_base};

    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (own[i] != NULL && path_is_beneath(path, own[i]))
            return own[i];
    }
    for (size_t i = 0; i < c->compiled->op_count; i++) {
        const struct plan_op *op = &c->compiled->ops[i];

        if (op->kind == PLAN_BIND && (op->flags & PLAN_RW) != 0 && path_is_beneath(path, op->src))
            return op->src;
    }
    return NULL;
}
