/* The policy model. Every key of the schema is one row of the field table (policy/fields.c), and a
 * policy is one value per row, each with the place it comes from. Layers are merged row by row. */
#ifndef SVENV_POLICY_POLICY_H
#define SVENV_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/mem.h"

struct buf;
struct err;

enum policy_type {
    POLICY_TYPE_ENUM,
    POLICY_TYPE_BOOL,
    POLICY_TYPE_INT,
    POLICY_TYPE_SIZE,     /* bytes; 0 = no limit */
    POLICY_TYPE_DURATION, /* seconds; 0 = no limit */
    POLICY_TYPE_STRING,
    POLICY_TYPE_LIST,   /* of strings */
    POLICY_TYPE_MAP,    /* string to string; pair = key and text; layers merge key by key */
    POLICY_TYPE_MOUNTS, /* filesystem.mounts: explicit operations in order */
    POLICY_TYPE__COUNT
};

/* The form of a text of a STRING, LIST or MAP; checked where it enters. */
enum policy_text {
    POLICY_TEXT_ANY,         /* printable UTF-8 */
    POLICY_TEXT_PATH,        /* absolute, below ~, or below the project; no "..", no pattern */
    POLICY_TEXT_NAME,        /* name or glob inside the project */
    POLICY_TEXT_ENV_PATTERN, /* glob over variable names */
    POLICY_TEXT_ENV_NAME,
    POLICY_TEXT_ENV_VALUE, /* UTF-8, any control character */
    POLICY_TEXT_FILE,      /* "" or a path */
    POLICY_TEXT_DIR,       /* "" or an absolute directory */
    POLICY_TEXT_HOSTNAME,  /* "" or a host name */
    POLICY_TEXT_SYSCALL,
    POLICY_TEXT_CAPABILITY,
    POLICY_TEXT_ENTRY, /* file name of an entry point */
    POLICY_TEXT_VENV,  /* name of a usual virtualenv of a project */
    POLICY_TEXT__COUNT
};

/* One field per key of the schema, named as in the file: filesystem.project, limits.memory, ... */
enum policy_field {
    POLICY_ISOLATION,
    POLICY_FS_PROJECT,
    POLICY_FS_VENV, /* ro | rw: rw is what makes a command an installer */
    POLICY_FS_READ,
    POLICY_FS_WRITE,
    POLICY_FS_HIDE,
    POLICY_FS_PROTECT,
    POLICY_FS_UNGUARDED,   /* directories of the project that are not looked through */
    POLICY_FS_VIRTUALENVS, /* usual ones that programs may make */
    POLICY_FS_CWD,
    POLICY_FS_SYSTEM,
    POLICY_FS_MOUNTS,
    POLICY_NET_MODE,
    POLICY_NET_CONNECT,
    POLICY_NET_LISTEN,
    POLICY_ENTRIES_PUBLISH, /* entries.publish: reserved names that get a stub all the same */
    POLICY_ENV_PASS,
    POLICY_ENV_SET,
    POLICY_ENV_UNSET,
    POLICY_ENV_CLEAR,
    POLICY_ENV_DOTENV,
    POLICY_SYSCALLS_PROFILE, /* default | strict | debug | off */
    POLICY_SYSCALLS_ALLOW,
    POLICY_SYSCALLS_DENY,
    POLICY_LIFETIME,
    POLICY_TERMINAL,
    POLICY_LIMIT_MEMORY,
    POLICY_LIMIT_PROCESSES,
    POLICY_LIMIT_OPEN_FILES,
    POLICY_LIMIT_CPU_TIME,
    POLICY_LIMIT_WALL_TIME,
    POLICY_LIMIT_FILE_SIZE,
    POLICY_LIMIT_CPUS,
    POLICY_DEVICES,
    POLICY_DESKTOP_PORTAL,
    POLICY_DESKTOP_X11,
    POLICY_DESKTOP_WAYLAND,
    POLICY_DESKTOP_AUDIO,
    POLICY_AUDIT_LEVEL,
    POLICY_ID_UID, /* identity.uid: -1 = the caller's own */
    POLICY_ID_GID,
    POLICY_ID_HOSTNAME,
    POLICY_PROC_CHDIR, /* process.chdir: start directory; "" = the caller's */
    POLICY_PROC_NEW_SESSION,
    POLICY_PROC_USERNS, /* process.user-namespaces: may the program make its own? */
    POLICY_CAPABILITIES,
    POLICY_FIELD__COUNT
};

enum policy_isolation {
    ISOLATION_FULL,
    ISOLATION_LANDLOCK,
    ISOLATION_AUTO,
    ISOLATION__COUNT
};
enum policy_project {
    PROJECT_RW,
    PROJECT_RO,
    PROJECT_NONE,
    PROJECT_OVERLAY,
    PROJECT_ARGUMENTS,
    PROJECT__COUNT
};
enum policy_access {
    ACCESS_NONE,
    ACCESS_RO,
    ACCESS_RW,
    ACCESS__COUNT
}; /* cwd, venv */
enum policy_system {
    SYSTEM_HOST,
    SYSTEM_MINIMAL,
    SYSTEM__COUNT
};
enum policy_net {
    NET_MODE_BROKER,
    NET_MODE_NONE,
    NET_MODE_HOST,
    NET_MODE__COUNT
};
enum policy_syscalls {
    SYSCALLS_DEFAULT,
    SYSCALLS_STRICT,
    SYSCALLS_DEBUG,
    SYSCALLS_OFF,
    SYSCALLS__COUNT
};
enum policy_lifetime {
    LIFETIME_TREE,
    LIFETIME_PROGRAM,
    LIFETIME__COUNT
};
enum policy_terminal {
    TERMINAL_SHARED,
    TERMINAL_PRIVATE,
    TERMINAL__COUNT
};
enum policy_audit {
    AUDIT_OFF,
    AUDIT_DENIED,
    AUDIT_ALL,
    AUDIT__COUNT
};

/* filesystem.mounts: what bubblewrap's file options become. In the file each item is a map of one
 * entry, e.g. `- ro-bind: [SRC, DEST]`, `- tmpfs: [DEST, 64M]`, `- dir: [DEST, "0755"]`. */
enum policy_mount_kind {
    MOUNT_BIND,
    MOUNT_BIND_TRY,
    MOUNT_DEV_BIND,
    MOUNT_DEV_BIND_TRY,
    MOUNT_RO_BIND,
    MOUNT_RO_BIND_TRY,
    MOUNT_REMOUNT_RO,
    MOUNT_PROC,
    MOUNT_DEV,
    MOUNT_TMPFS,
    MOUNT_MQUEUE,
    MOUNT_DIR,
    MOUNT_SYMLINK,
    MOUNT_CHMOD,
    MOUNT__COUNT
};

/* In a layer or a refinement (not in values in force) a list's "inherit" stands for the lower
 * layer's items and "!x" takes x away ("!*" everything); a mount of kind MOUNT__COUNT takes the
 * lower layer's mounts at `key` away. */
struct policy_item {
    const char *text;   /* list item; map value; mount source (or symlink target) */
    const char *key;    /* map key; mount destination */
    const char *origin; /* "default", "user policy:12", "policy.yaml:4:9", "BWRAP_ARGS", ... */
    enum policy_mount_kind mount;
    uint32_t mode; /* mounts: permissions, UINT32_MAX when not given */
    uint64_t size; /* mounts: tmpfs bytes, 0 when not given */
};

struct policy_value {
    bool set;
    const char *origin;
    int64_t number;            /* ENUM (index), BOOL, INT, SIZE, DURATION */
    const char *text;          /* STRING */
    struct policy_item *items; /* LIST, MAP, MOUNTS */
    size_t count;
};

struct policy_values {
    struct policy_value v[POLICY_FIELD__COUNT];
};

/* A refinement for single commands: the first whose match fits is laid over the policy. */
struct policy_command {
    const char *name; /* "installer", or "commands[2]" for one without a name */
    const char *origin;
    bool match_set;            /* false only in a layer: refines the lower layer's of that name */
    struct policy_item *match; /* LIST */
    size_t match_count;
    struct policy_values refine;   /* as written */
    struct policy_values in_force; /* files, refinement and overrides laid together */
};

struct policy {
    struct arena arena;              /* owns every string and array below */
    const char *profile;             /* name of the profile that the policy starts from */
    struct policy_values files;      /* all files laid together */
    struct policy_values overrides;  /* of one start; stronger than refinements of commands */
    struct policy_values base;       /* in force for a command that no entry fits */
    struct policy_command *commands; /* ordered */
    size_t command_count;
};

/* Description of one key, for the loader, `policy show`, and the reference's check. */
struct policy_field_info {
    const char *section; /* "filesystem"; "" for top-level keys */
    const char *key;     /* "project" */
    enum policy_type type;
    const char *const *names; /* ENUM: value names by index, NULL-terminated */
    int64_t min, max;         /* INT */
    bool additive;            /* LIST: layers add up ("!x" removes) instead of replacing */
    bool per_command;         /* may stand below commands: */
    /* Bit i: enum value i (or for other types bit 0: any value but the default) can be enforced by
     * this version. Asking for anything else is an error: never accepted and ignored. */
    uint32_t enforced;
    const char *missing;   /* why, and what to use instead, for that error */
    enum policy_text text; /* STRING, LIST, and the values of a MAP */
};
const struct policy_field_info *policy_field_info(enum policy_field field);

/* This version enforces every value that it accepts, and refuses the others. Return: NULL, or why
 * the value cannot be enforced and what to use instead. */
const char *policy_unenforced(enum policy_field field, const struct policy_value *value);

/* "filesystem.project" into buf. Return: buf. */
enum {
    POLICY_FIELD_NAME_MAX = 64
};
const char *policy_field_name(enum policy_field field, char *buf, size_t size);

/* Return: the field of that section and key, or POLICY_FIELD__COUNT. */
enum policy_field policy_field_find(const char *section, const char *key);

/* --- loading ------------------------------------------------------------------------------- */

/* An empty policy (nothing set). finish frees everything. */
void policy_init(struct policy *policy);
void policy_finish(struct policy *policy);
#define auto_policy __attribute__((cleanup(policy_finish)))

/* Lays a file's text over *policy. `name` is shown in errors and origins. The built-in default and
 * the profile that the file names are laid below it when `templates` (the directory with profiles
 * of the site; the shipped ones are compiled in) is not NULL and nothing is set yet. Return: 0, or
 * negative errno with *err = "file:line:col: message"; *policy is then unusable. */
int policy_load_text(struct policy *policy, const char *name, const char *data, size_t len,
                     const char *templates, struct err *err);

/* The whole layering: built-in default < profile < user file < venv file. The profile is the one
 * that the venv file names, else the user file's. user_file and venv_file may be NULL; a file that
 * does not exist is skipped. Files that another user could have written are refused
 * (docs/SECURITY.md, C11). */
struct policy_sources {
    const char *templates; /* directory of the site's profiles, may be NULL */
    const char *user_file;
    const char *venv_file;
    /* Stands for a venv file that names this profile and says nothing else; NULL: none. */
    const char *profile;
};
int policy_load(struct policy *policy, const struct policy_sources *sources, struct err *err);

/* A profile that is compiled in ("default", "strict", "open", "debug"): its YAML text, or NULL. */
const char *policy_shipped_profile(const char *name, size_t *len_out);

/* As policy_load_text(), but the text is an override of one start: it stands above every file and
 * every refinement of a command. `profile` and `commands` are refused in it. */
int policy_override_text(struct policy *policy, const char *name, const char *data, size_t len,
                         struct err *err);

/* Overrides of one start, stronger than any file and any refinement: BWRAP_ARGS words,
 * SANDBOX_SECCOMP_ALLOW, SANDBOX_USE_PIP_CACHE. */
struct bwrap_options;
int policy_apply_bwrap(struct policy *policy, const char *origin,
                       const struct bwrap_options *options, struct err *err);
/* The names (separated by blanks or commas) replace syscalls.allow; a blank text switches the
 * filter off (syscalls.profile: off). */
int policy_apply_seccomp_allow(struct policy *policy, const char *text, struct err *err);
/* SANDBOX_USE_PIP_CACHE: installers see the user's pip cache `cache` read-write. */
int policy_apply_pip_cache(struct policy *policy, const char *cache, struct err *err);

/* Checks what single fields can't know (contradictions, dangerous grants: "/", $HOME, /proc, agent
 * sockets). Return: 0 or negative errno with the first finding in *err. */
int policy_check(const struct policy *policy, const char *home, struct err *err);

/* The values in force for a command: base with the refinement laid over; command NULL: base alone.
 * Borrows from the policy. */
void policy_effective(const struct policy *policy, const struct policy_command *command,
                      struct policy_values *out);

/* --- printing ------------------------------------------------------------------------------ */

/* Which values of environment.set are printed. */
enum policy_show {
    POLICY_SHOW_SAFE,  /* for people: "(hidden)" in place of those whose name is a secret's */
    POLICY_SHOW_NAMES, /* for records: none */
    POLICY_SHOW_ALL,   /* for policy files and hashes; never for a terminal or a log */
    POLICY_SHOW__COUNT
};

/* YAML. With all values it loads to the same policy. with_origins: each line ends in "# from ...".
 */
void policy_print(const struct policy *policy, enum policy_show show, bool with_origins,
                  struct buf *out);
/* Only what differs from `base` (another policy), without the version and profile lines: what must
 * be laid over `base` to get the same values in force. Empty when nothing differs. */
void policy_print_diff(const struct policy *policy, const struct policy *base,
                       enum policy_show show, struct buf *out);

#endif
