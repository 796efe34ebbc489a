/* Says what git does with the keys of its configuration: which run something, name files or are
 * plain data. A key without a row counts as one that may run something. */
#include "svenv/git/keys.h"

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/git/config.h"

/* In small letters, with any subsection; "*": every name. */
static const struct {
    const char *section, *name;
    enum git_key key;
} git_keys[] = {
    {"include", "path", GIT_KEY_INCLUDE},
    {"includeif", "path", GIT_KEY_INCLUDE},
    {"core", "hookspath", GIT_KEY_HOOKS},
    {"core", "worktree", GIT_KEY_WORKTREE},
    {"core", "attributesfile", GIT_KEY_PATH},
    {"core", "excludesfile", GIT_KEY_PATH},
    {"init", "templatedir", GIT_KEY_PATH},
    {"gpg", "allowedsignersfile", GIT_KEY_PATH},
    {"gpg", "revocationfile", GIT_KEY_PATH},
    {"http", "sslcainfo", GIT_KEY_PATH},
    {"http", "sslcapath", GIT_KEY_PATH},
    {"http", "cookiefile", GIT_KEY_PATH},
    {"core", "fsmonitor", GIT_KEY_COMMAND},
    {"core", "pager", GIT_KEY_COMMAND},
    {"core", "editor", GIT_KEY_COMMAND},
    {"core", "sshcommand", GIT_KEY_COMMAND},
    {"core", "askpass", GIT_KEY_COMMAND},
    {"core", "gitproxy", GIT_KEY_COMMAND},
    {"core", "alternaterefscommand", GIT_KEY_COMMAND},
    {"sequence", "editor", GIT_KEY_COMMAND},
    {"gpg", "program", GIT_KEY_COMMAND},
    {"gpg", "defaultkeycommand", GIT_KEY_COMMAND},
    {"credential", "helper", GIT_KEY_COMMAND},
    {"filter", "*", GIT_KEY_COMMAND},
    {"diff", "external", GIT_KEY_COMMAND},
    {"diff", "command", GIT_KEY_COMMAND},
    {"diff", "textconv", GIT_KEY_COMMAND},
    {"merge", "driver", GIT_KEY_COMMAND},
    {"difftool", "*", GIT_KEY_COMMAND},
    {"mergetool", "*", GIT_KEY_COMMAND},
    {"guitool", "cmd", GIT_KEY_COMMAND},
    {"browser", "*", GIT_KEY_COMMAND},
    {"man", "*", GIT_KEY_COMMAND},
    {"pager", "*", GIT_KEY_COMMAND},
    {"alias", "*", GIT_KEY_COMMAND},
    {"hook", "command", GIT_KEY_COMMAND},
    {"interactive", "difffilter", GIT_KEY_COMMAND},
    {"remote", "uploadpack", GIT_KEY_COMMAND},
    {"remote", "receivepack", GIT_KEY_COMMAND},
    {"submodule", "update", GIT_KEY_COMMAND},
    {"trailer", "command", GIT_KEY_COMMAND},
    {"trailer", "cmd", GIT_KEY_COMMAND},
    {"uploadpack", "packobjectshook", GIT_KEY_COMMAND},
    {"sendemail", "*", GIT_KEY_COMMAND},
    {"imap", "tunnel", GIT_KEY_COMMAND},
    {"tar", "command", GIT_KEY_COMMAND},
    {"core", "repositoryformatversion", GIT_KEY_DATA},
    {"core", "filemode", GIT_KEY_DATA},
    {"core", "bare", GIT_KEY_DATA},
    {"core", "logallrefupdates", GIT_KEY_DATA},
    {"core", "ignorecase", GIT_KEY_DATA},
    {"core", "precomposeunicode", GIT_KEY_DATA},
    {"core", "symlinks", GIT_KEY_DATA},
    {"core", "autocrlf", GIT_KEY_DATA},
    {"core", "eol", GIT_KEY_DATA},
    {"remote", "url", GIT_KEY_URL},
    {"remote", "pushurl", GIT_KEY_URL},
    {"remote", "fetch", GIT_KEY_DATA},
    {"remote", "tagopt", GIT_KEY_DATA},
    {"branch", "remote", GIT_KEY_URL},
    {"branch", "merge", GIT_KEY_DATA},
    {"branch", "rebase", GIT_KEY_DATA},
    {"submodule", "url", GIT_KEY_URL},
    {"submodule", "active", GIT_KEY_DATA},
    {"user", "name", GIT_KEY_DATA},
    {"user", "email", GIT_KEY_DATA},
    {"extensions", "objectformat", GIT_KEY_DATA},
};

/* githooks(5) */
static const char *const hooks[] = {
    "applypatch-msg",     "commit-msg",
    "fsmonitor-watchman", "post-applypatch",
    "post-checkout",      "post-commit",
    "post-index-change",  "post-merge",
    "post-receive",       "post-rewrite",
    "post-update",        "pre-applypatch",
    "pre-auto-gc",        "pre-commit",
    "pre-merge-commit",   "pre-push",
    "pre-rebase",         "pre-receive",
    "prepare-commit-msg", "proc-receive",
    "push-to-checkout",   "reference-transaction",
    "sendemail-validate", "update",
};

enum git_key git_key_of(const struct git_config_entry *entry)
{
    for (size_t i = 0; i < ARRAY_SIZE(git_keys); i++) {
        if (str_eq(git_keys[i].section, entry->section) &&
            (str_eq(git_keys[i].name, "*") || str_eq(git_keys[i].name, entry->name)))
            return git_keys[i].key;
    }
    return GIT_KEY_OTHER;
}

const char *git_hook(size_t index)
{
    return index < ARRAY_SIZE(hooks) ? hooks[index] : NULL;
}
