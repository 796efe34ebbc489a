/* Parses bubblewrap's options. */
#include "svenv/formats/bwrap.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/num.h"
#include "svenv/base/str.h"

enum {
    BWRAP_WORDS_MAX = 9000, /* bubblewrap's own limit */
    BWRAP_MODE_MAX = 07777,
    BWRAP_HOSTNAME_MAX = 64,
    BWRAP_OPERANDS_MAX = 2, /* of supported options */
};

/* --- the options ------------------------------------------------------------------------------ */

#define TAKEN(id, name, operands, text)                                                            \
    {                                                                                              \
        name, operands, true, text, id                                                             \
    }
#define REFUSED(name, operands, text)                                                              \
    {                                                                                              \
        name, operands, false, text, BWRAP_REFUSED                                                 \
    }

#define WHY_NO_FD "options cannot name descriptors: "
#define WHY_NO_OVERLAY                                                                             \
    "no overlays as options: show the source with `--ro-bind` and give a `--tmpfs` for what is "   \
    "written"

/* Every option of bubblewrap 0.11, in the order of its manual. docs/bwrap-compat.md has the same
 * rows and a test compares them. */
static const struct bwrap_doc options[] = {
    REFUSED("--help", "", "not a setting: `sandbox-venv --help`"),
    REFUSED("--version", "", "not a setting: `sandbox-venv --version`"),
    REFUSED("--args", "FD", WHY_NO_FD "write the options into the words themselves"),
    REFUSED("--argv0", "VALUE", "argv[0] is the one that the entry point was called by"),
    REFUSED("--level-prefix", "", "messages are plain lines that begin with `sandbox-venv:`"),

    TAKEN(BWRAP_UNSHARE_USER, "--unshare-user", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_USER_TRY, "--unshare-user-try", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_IPC, "--unshare-ipc", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_PID, "--unshare-pid", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_NET, "--unshare-net", "", "`network.mode: none`"),
    TAKEN(BWRAP_UNSHARE_UTS, "--unshare-uts", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_CGROUP, "--unshare-cgroup", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_CGROUP_TRY, "--unshare-cgroup-try", "", "nothing: always so"),
    TAKEN(BWRAP_UNSHARE_ALL, "--unshare-all", "",
          "`network.mode: none` (the other namespaces are always own)"),
    TAKEN(BWRAP_SHARE_NET, "--share-net", "", "`network.mode: host`"),
    REFUSED("--userns", "FD", "the sandbox always makes its own user namespace"),
    REFUSED("--userns2", "FD", "the sandbox always makes its own user namespace"),
    TAKEN(BWRAP_DISABLE_USERNS, "--disable-userns", "",
          "`process.user-namespaces: false` (the default)"),
    TAKEN(BWRAP_ASSERT_USERNS_DISABLED, "--assert-userns-disabled", "",
          "`process.user-namespaces: false`, so that it holds"),
    REFUSED("--pidns", "FD", "the sandbox always makes its own process namespace"),
    TAKEN(BWRAP_UID, "--uid", "UID", "`identity.uid`"),
    TAKEN(BWRAP_GID, "--gid", "GID", "`identity.gid`"),
    TAKEN(BWRAP_HOSTNAME, "--hostname", "HOSTNAME", "`identity.hostname`"),

    TAKEN(BWRAP_CHDIR, "--chdir", "DIR", "`process.chdir`"),
    TAKEN(BWRAP_SETENV, "--setenv", "VAR VALUE", "`environment.set`, above the policy and `.env`"),
    TAKEN(BWRAP_UNSETENV, "--unsetenv", "VAR", "`environment.unset`"),
    TAKEN(BWRAP_CLEARENV, "--clearenv", "", "`environment.clear: true`"),

    REFUSED("--lock-file", "DEST", "run the command below flock(1), which holds the lock outside"),
    REFUSED("--sync-fd", "FD", WHY_NO_FD "wait for the command itself, it ends with the sandbox"),

    TAKEN(BWRAP_PERMS, "--perms", "OCTAL", "the mode of the `--dir` or `--tmpfs` that follows"),
    TAKEN(BWRAP_SIZE, "--size", "BYTES", "the size of the `--tmpfs` that follows"),
    TAKEN(BWRAP_BIND, "--bind", "SRC DEST", "`filesystem.mounts: - bind: [SRC, DEST]`"),
    TAKEN(BWRAP_BIND_TRY, "--bind-try", "SRC DEST", "`filesystem.mounts: - bind-try: [SRC, DEST]`"),
    TAKEN(BWRAP_DEV_BIND, "--dev-bind", "SRC DEST", "`filesystem.mounts: - dev-bind: [SRC, DEST]`"),
    TAKEN(BWRAP_DEV_BIND_TRY, "--dev-bind-try", "SRC DEST",
          "`filesystem.mounts: - dev-bind-try: [SRC, DEST]`"),
    TAKEN(BWRAP_RO_BIND, "--ro-bind", "SRC DEST", "`filesystem.mounts: - ro-bind: [SRC, DEST]`"),
    TAKEN(BWRAP_RO_BIND_TRY, "--ro-bind-try", "SRC DEST",
          "`filesystem.mounts: - ro-bind-try: [SRC, DEST]`"),
    REFUSED("--bind-fd", "FD DEST", WHY_NO_FD "name the path with `--bind`"),
    REFUSED("--ro-bind-fd", "FD DEST", WHY_NO_FD "name the path with `--ro-bind`"),
    TAKEN(BWRAP_REMOUNT_RO, "--remount-ro", "DEST", "`filesystem.mounts: - remount-ro: [DEST]`"),
    REFUSED("--overlay-src", "SRC", WHY_NO_OVERLAY),
    REFUSED("--overlay", "RWSRC WORKDIR DEST", WHY_NO_OVERLAY),
    REFUSED("--tmp-overlay", "DEST", WHY_NO_OVERLAY),
    REFUSED("--ro-overlay", "DEST", WHY_NO_OVERLAY),
    TAKEN(BWRAP_PROC, "--proc", "DEST", "`filesystem.mounts: - proc: [DEST]`"),
    TAKEN(BWRAP_DEV, "--dev", "DEST", "`filesystem.mounts: - dev: [DEST]`"),
    TAKEN(BWRAP_TMPFS, "--tmpfs", "DEST", "`filesystem.mounts: - tmpfs: [DEST]`"),
    TAKEN(BWRAP_MQUEUE, "--mqueue", "DEST", "`filesystem.mounts: - mqueue: [DEST]`"),
    TAKEN(BWRAP_DIR, "--dir", "DEST", "`filesystem.mounts: - dir: [DEST]`"),
    REFUSED("--file", "FD DEST", WHY_NO_FD "write a file and show it with `--ro-bind`"),
    REFUSED("--bind-data", "FD DEST", WHY_NO_FD "write a file and show it with `--bind`"),
    REFUSED("--ro-bind-data", "FD DEST", WHY_NO_FD "write a file and show it with `--ro-bind`"),
    TAKEN(BWRAP_SYMLINK, "--symlink", "TARGET DEST",
          "`filesystem.mounts: - symlink: [TARGET, DEST]`"),
    TAKEN(BWRAP_CHMOD, "--chmod", "OCTAL PATH", "`filesystem.mounts: - chmod: [PATH, OCTAL]`"),

    REFUSED("--seccomp", "FD", "the filter is the policy's: use `syscalls.allow` and `.deny`"),
    REFUSED("--add-seccomp-fd", "FD", "the filter is the policy's: use `syscalls.deny`"),
    REFUSED("--exec-label", "LABEL", "SELinux labels are not set: the user's context stays"),
    REFUSED("--file-label", "LABEL", "SELinux labels are not set: the user's context stays"),
    REFUSED("--block-fd", "FD", WHY_NO_FD "delay the command instead"),
    REFUSED("--userns-block-fd", "FD", "the sandbox always maps its own user namespace"),
    REFUSED("--info-fd", "FD",
            WHY_NO_FD "the program's processes are below the one that was started"),
    REFUSED("--json-status-fd", "FD", WHY_NO_FD "the exit status tells"),
    TAKEN(BWRAP_NEW_SESSION, "--new-session", "", "`process.new-session: true`"),
    TAKEN(BWRAP_DIE_WITH_PARENT, "--die-with-parent", "",
          "`lifetime: program` (the sandbox always dies with its launcher)"),
    REFUSED("--as-pid-1", "", "pid 1 of the sandbox reaps processes and ends it as a whole"),
    TAKEN(BWRAP_CAP_ADD, "--cap-add", "CAP", "`capabilities`, one more"),
    TAKEN(BWRAP_CAP_DROP, "--cap-drop", "CAP", "`capabilities`, one less"),
};

const struct bwrap_doc *bwrap_docs(size_t *count_out)
{
    *count_out = ARRAY_SIZE(options);
    return options;
}

static const struct bwrap_doc *bwrap_find_option(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    }
    return NULL;
}

/* --- operands --------------------------------------------------------------------------------- */

struct reader {
    struct arena *arena;
    const char *source;
    const char *const *words;
    size_t count;
    size_t next;       /* index of the word to read */
    const char *perms; /* "--perms" while it waits for its operation */
    const char *size;
    struct bwrap_option current;
    struct bwrap_options *out;
    struct err *err;
};

static int bwrap_fail(const struct reader *r, const char *text)
{
    return err_plain(r->err, EINVAL, "%s, word %u: %s %s", r->source, r->current.word,
                     r->current.name, text);
}

static int bwrap_check_path(struct reader *r, const char **slot)
{
    return **slot != '\0' ? 0 : bwrap_fail(r, "needs a path, not an empty word");
}

/* Inside, a relative path starts at the sandbox's root, as for bubblewrap. */
static int check_inside(struct reader *r, const char **slot)
{
    int result = bwrap_check_path(r, slot);

    if (result == 0 && **slot != '/')
        *slot = arena_printf(r->arena, "/%s", *slot);
    return result;
}

static int check_octal(struct reader *r, const char **slot)
{
    uint32_t mode = 0;

    if (num_parse_octal(*slot, BWRAP_MODE_MAX, &mode) < 0)
        return bwrap_fail(r, "takes an octal number of at most 7777");
    r->current.mode = mode;
    return 0;
}

static int bwrap_check_bytes(struct reader *r, const char **slot)
{
    uint64_t size = 0;

    if (num_parse_u64(*slot, SIZE_MAX / 2, &size) < 0 || size == 0)
        return bwrap_fail(r, "takes a number of bytes above 0");
    r->current.size = size;
    return 0;
}

/* All bits set is the kernel's "no such id". */
static int check_id(struct reader *r, const char **slot)
{
    uint64_t id = 0;

    if (num_parse_u64(*slot, UINT32_MAX - 1, &id) < 0)
        return bwrap_fail(r, "takes a number");
    return 0;
}

static int check_hostname(struct reader *r, const char **slot)
{
    size_t len = strlen(*slot);

    return len > 0 && len <= BWRAP_HOSTNAME_MAX ? 0
                                                : bwrap_fail(r, "takes a name of 1 to 64 bytes");
}

static int check_variable(struct reader *r, const char **slot)
{
    if (**slot == '\0' || strchr(*slot, '=') != NULL)
        return bwrap_fail(r, "takes a variable's name, without '='");
    return 0;
}

static int check_value(struct reader *r, const char **slot)
{
    (void)r;
    (void)slot;
    return 0;
}

/* In either case, as cap_from_name(3) takes them; handed on in capitals. */
static int check_capability(struct reader *r, const char **slot)
{
    char *text = arena_strdup(r->arena, *slot);

    if (strcmp(text, "ALL") == 0)
        return 0;
    for (char *c = text; *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    if (strncmp(text, "CAP_", 4) != 0 ||
        text[4 + strspn(text + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")] != '\0' || text[4] == '\0')
        return bwrap_fail(r, "takes a name like CAP_NET_RAW, or ALL");
    *slot = text;
    return 0;
}

/* The meaning of the operand names of the table. */
static const struct operand {
    const char *name;
    int (*check)(struct reader *r, const char **slot);
} operands[] = {
    {"SRC", bwrap_check_path},
    {"TARGET", bwrap_check_path},
    {"DEST", check_inside},
    {"DIR", check_inside},
    {"PATH", check_inside},
    {"OCTAL", check_octal},
    {"BYTES", bwrap_check_bytes},
    {"UID", check_id},
    {"GID", check_id},
    {"HOSTNAME", check_hostname},
    {"VAR", check_variable},
    {"VALUE", check_value},
    {"CAP", check_capability},
};

static const struct operand *find_operand(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(operands); i++) {
        if (strlen(operands[i].name) == len && memcmp(operands[i].name, name, len) == 0)
            return &operands[i];
    }
    return NULL;
}

static int read_operands(struct reader *r, const struct bwrap_doc *option)
{
    const char *name = option->operands;

    for (size_t i = 0; *name != '\0' && i < BWRAP_OPERANDS_MAX; i++) {
        size_t len = strcspn(name, " ");
        const struct operand *operand = find_operand(name, len);
        int result;

        if (r->next == r->count)
            return err_plain(r->err, EINVAL, "%s, word %u: %s needs %s", r->source, r->current.word,
                             option->name, option->operands);
        r->current.arg[i] = r->words[r->next++];
        result = operand->check(r, &r->current.arg[i]);
        if (result < 0)
            return result;
        name += len + strspn(name + len, " ");
    }
    return 0;
}

/* --- words ------------------------------------------------------------------------------------ */

/* --perms and --size say something about the operation right after them, and bubblewrap refuses
 * them before one that cannot use them. */
static int check_modifiers(const struct reader *r)
{
    enum bwrap_option_id id = r->current.id;

    if (id == BWRAP_PERMS || id == BWRAP_SIZE)
        return (id == BWRAP_PERMS ? r->perms : r->size) == NULL
                   ? 0
                   : bwrap_fail(r, "is given twice for the same operation");
    if (r->perms != NULL && id != BWRAP_DIR && id != BWRAP_TMPFS)
        return bwrap_fail(r, "cannot follow --perms, which is for --dir and --tmpfs");
    if (r->size != NULL && id != BWRAP_TMPFS)
        return bwrap_fail(r, "cannot follow --size, which is for --tmpfs");
    return 0;
}

static void keep_option(struct reader *r)
{
    struct bwrap_option *slot;

    if (r->current.id == BWRAP_PERMS) {
        r->perms = r->current.name;
        return;
    }
    if (r->current.id == BWRAP_SIZE) {
        r->size = r->current.name;
        return;
    }
    slot = arena_push(r->arena, &r->out->items, &r->out->count, sizeof(*slot));
    *slot = r->current;
    r->perms = r->size = NULL;
}

/* A word behind a value may be the rest of it, which had blanks: it is not quoted. */
static bool may_be_value(const struct reader *r)
{
    return r->current.id == BWRAP_SETENV;
}

static int fail_unknown(const struct reader *r, unsigned word, const char *name)
{
    if (may_be_value(r))
        return err_plain(r->err, EINVAL,
                         "%s, word %u: unknown option (does the value of %s have blanks?)",
                         r->source, word, r->current.name);
    return err_plain(r->err, EINVAL, "%s, word %u: unknown option '%s'", r->source, word, name);
}

static int read_option(struct reader *r)
{
    const char *name = r->words[r->next++];
    const struct bwrap_doc *option = bwrap_find_option(name);
    unsigned word = (unsigned)r->next;
    int result;

    if (option == NULL)
        return fail_unknown(r, word, name);
    if (option->id == BWRAP_REFUSED)
        return err_plain(r->err, ENOTSUP, "%s, word %u: %s is not supported: %s", r->source, word,
                         name, option->text);
    r->current = (struct bwrap_option){
        .id = option->id,
        .name = option->name,
        .mode = r->perms != NULL ? r->current.mode : UINT_MAX,
        .size = r->size != NULL ? r->current.size : 0,
        .word = word,
    };
    result = check_modifiers(r);
    if (result == 0)
        result = read_operands(r, option);
    if (result == 0)
        keep_option(r);
    return result;
}

/* The command is the entry point itself, so none may follow the options. */
static int bwrap_fail_word(const struct reader *r)
{
    if (may_be_value(r))
        return err_plain(r->err, EINVAL,
                         "%s, word %zu: no option, and a command cannot be given here (does the "
                         "value of %s have blanks?)",
                         r->source, r->next + 1, r->current.name);
    return err_plain(r->err, EINVAL,
                     "%s, word %zu: '%s' is no option, and a command cannot be given here",
                     r->source, r->next + 1, r->words[r->next]);
}

int bwrap_parse(struct arena *arena, const char *source, const char *const *words, size_t count,
                struct bwrap_options *out, struct err *err)
{
    struct bwrap_options parsed = {.items = NULL, .count = 0};
    struct reader r = {.arena = arena,
                       .source = source,
                       .words = words,
                       .count = count,
                       .out = &parsed,
                       .err = err};

    if (count > BWRAP_WORDS_MAX)
        return err_plain(err, E2BIG, "%s: more than %d words", source, BWRAP_WORDS_MAX);
    while (r.next < count && words[r.next][0] == '-' && strcmp(words[r.next], "--") != 0) {
        int result = read_option(&r);

        if (result < 0)
            return result;
    }
    if (r.next < count && strcmp(words[r.next], "--") == 0)
        r.next++;
    if (r.next < count)
        return bwrap_fail_word(&r);
    if (r.perms != NULL || r.size != NULL)
        return bwrap_fail(&r, "needs the operation that it is for, right after it");
    *out = parsed;
    return 0;
}

int bwrap_split(struct arena *arena, const char *text, const char ***words_out, size_t *count_out)
{
    const char *ends = strchr(text, '\n') != NULL ? "\n" : " \t";
    const char **words = NULL;
    size_t count = 0;

    for (text += strspn(text, ends); *text != '\0'; text += strspn(text, ends)) {
        size_t len = strcspn(text, ends);
        const char **slot = arena_push(arena, &words, &count, sizeof(*words));

        *slot = arena_strndup(arena, text, len);
        text += len;
    }
    *words_out = words;
    *count_out = count;
    return 0;
}
