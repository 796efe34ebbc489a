/* bubblewrap's command line options: words to a list of options with their operands, checked for
 * arity and number formats, not yet translated. The table of options is the one place that knows
 * which exist, which are refused, and why. */
#ifndef SVENV_FORMATS_BWRAP_H
#define SVENV_FORMATS_BWRAP_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;
struct strv;

enum bwrap_option_id {
    BWRAP_UNSHARE_ALL,
    BWRAP_SHARE_NET,
    BWRAP_UNSHARE_USER,
    BWRAP_UNSHARE_USER_TRY,
    BWRAP_UNSHARE_IPC,
    BWRAP_UNSHARE_PID,
    BWRAP_UNSHARE_NET,
    BWRAP_UNSHARE_UTS,
    BWRAP_UNSHARE_CGROUP,
    BWRAP_UNSHARE_CGROUP_TRY,
    BWRAP_DISABLE_USERNS,
    BWRAP_ASSERT_USERNS_DISABLED,
    BWRAP_UID,
    BWRAP_GID,
    BWRAP_HOSTNAME,
    BWRAP_CHDIR,
    BWRAP_CLEARENV,
    BWRAP_SETENV,
    BWRAP_UNSETENV,
    BWRAP_BIND,
    BWRAP_BIND_TRY,
    BWRAP_DEV_BIND,
    BWRAP_DEV_BIND_TRY,
    BWRAP_RO_BIND,
    BWRAP_RO_BIND_TRY,
    BWRAP_REMOUNT_RO,
    BWRAP_PROC,
    BWRAP_DEV,
    BWRAP_TMPFS,
    BWRAP_MQUEUE,
    BWRAP_DIR,
    BWRAP_SYMLINK,
    BWRAP_CHMOD,
    BWRAP_PERMS,
    BWRAP_SIZE,
    BWRAP_NEW_SESSION,
    BWRAP_DIE_WITH_PARENT,
    BWRAP_CAP_ADD,
    BWRAP_CAP_DROP,
    BWRAP_REFUSED, /* known to bubblewrap, refused here: the parser gives the reason */
    BWRAP_OPTION__COUNT
};

struct bwrap_option {
    enum bwrap_option_id id;
    const char *name;        /* "--ro-bind" */
    const char *arg[2];      /* operands, unused ones NULL; DEST, DIR and PATH are absolute */
    unsigned mode;           /* from a preceding --perms, or --chmod's own; UINT_MAX when none */
    unsigned long long size; /* from a preceding --size; 0 when none */
    unsigned word;           /* 1-based position of the option among the words */
};

/* In the order given. --perms and --size are not in it: they are in the operation they are for. */
struct bwrap_options {
    struct bwrap_option *items;
    size_t count;
};

/* Parses words (argv style). `source` names them in errors ("BWRAP_ARGS", "command line"). An
 * unknown or refused option is an error that names it and says why, and so is a word that is none:
 * no command can be given. "--" may end the words. The result lives in `arena` and borrows the
 * words. Return: 0, or negative errno with *err: "SOURCE, word N: message" (no line or column). */
int bwrap_parse(struct arena *arena, const char *source, const char *const *words, size_t count,
                struct bwrap_options *out, struct err *err);

/* Splits the BWRAP_ARGS variable: when the text has a newline, one word a line (verbatim, empty
 * lines skipped); else at blanks. No quoting in either form. Return: 0 always. */
int bwrap_split(struct arena *arena, const char *text, const char ***words_out, size_t *count_out);

/* One row of the option table, for the documentation's check and for `--help`. */
struct bwrap_doc {
    const char *name;
    const char *operands; /* "SRC DEST", "" */
    bool supported;
    const char *text; /* what it becomes, or why it is refused; Markdown */
    enum bwrap_option_id id;
};
const struct bwrap_doc *bwrap_docs(size_t *count_out);

#endif
