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
    POLICY_TYPE_MAP,    /* string to string; pair = key and text */
    POLICY_TYPE_MOUNTS, /* filesystem.mounts: explicit operations in order */
    POLICY_TYPE__COUNT
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
    POLICY_FS_CWD,
    POLICY_FS_SYSTEM,
    POLICY_FS_MOUNTS,
    POLICY_NET_MODE,
    POLICY_NET_CONNECT,
    POLICY_NET_LISTEN,
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

enum policy_isolation { ISOLATION_FULL, ISOLATION_LANDLOCK, ISOLATION_AUTO, ISOLATION__COUNT };
enum policy_project { PROJECT_RW, PROJECT_RO, PROJECT_NONE, PROJECT_OVERLAY, PROJECT_ARGUMENTS,
                      PROJECT__COUNT };
enum policy_access { ACCESS_NONE, ACCESS_RO, ACCESS_RW, ACCESS__COUNT }; /* cwd, venv */
enum policy_system { SYSTEM_HOST, SYSTEM_MINIMAL, SYSTEM__COUNT };
enum policy_net { NET_MODE_BROKER, NET_MODE_NONE, NET_MODE_HOST, NET_MODE__COUNT };
enum policy_syscalls { SYSCALLS_DEFAULT, SYSCALLS_STRICT, SYSCALLS_DEBUG, SYSCALLS_OFF,
                       SYSCALLS__COUNT };
enum policy_lifetime { LIFETIME_TREE, LIFETIME_PROGRAM, LIFETIME__COUNT };
enum policy_terminal { TERMINAL_SHARED, TERMINAL_PRIVATE, TERMINAL__COUNT };
enum policy_audit { AUDIT_OFF, AUDIT_DENIED, AUDIT_ALL, AUDIT__COUNT };

/* filesystem.mounts: what bubblewrap's file options become. In the file each item is a map of one
 * entry, e.g. `- ro-bind: [SRC, DEST]`, `- tmpfs: [DEST, 64M]`, `- dir: [DEST, "0755"]`. */
enum policy_mount_kind {
    MOUNT_BIND, MOUNT_BIND_TRY, MOUNT_DEV_BIND, MOUNT_DEV_BIND_TRY, MOUNT_RO_BIND,
    MOUNT_RO_BIND_TRY, MOUNT_REMOUNT_RO, MOUNT_PROC, MOUNT_DEV, MOUNT_TMPFS, MOUNT_MQUEUE,
    MOUNT_DIR, MOUNT_SYMLINK, MOUNT_CHMOD, MOUNT__COUNT
};

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
    int64_t number;   /* ENUM (index), BOOL, INT, SIZE, DURATION */
    const char *text; /* STRING */
    struct policy_item *items; /* LIST, MAP, MOUNTS */
    size_t count;
};

struct policy_values {
    struct policy_value v[POLICY_FIELD__COUNT];
};

/* A refinement for single commands: the first whose match fits is laid over the policy. */
struct policy_command {
    const char *name;   /* "installer", or "commands[2]" for one without a name */
    const char *origin;
    struct policy_item *match; /* LIST */
    size_t match_count;
    struct policy_values refine;
};

struct policy {
    struct arena arena; /* owns every string and array below */
    const char *profile; /* name of the profile that the policy starts from */
    struct policy_values base;
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
    const char *missing; /* what enforces it one day, for that error */
};
const struct policy_field_info *policy_field_info(enum policy_field field);

/* --- loading ------------------------------------------------------------------------------- */

/* An empty policy (nothing set). finish frees everything. */
void policy_init(struct policy *policy);
void policy_finish(struct policy *policy);
#define auto_policy __attribute__((cleanup(policy_finish)))

/* Lays a file's text over *policy. `name` is shown in errors and origins. Profiles named by the file
 * are laid below it when `templates` (a directory) is not NULL and nothing is set yet.
 * Return: 0, or negative errno with *err = "file:line:col: message"; *policy is then unusable. */
int policy_load_text(struct policy *policy, const char *name, const char *data, size_t len,
                     const char *templates, struct err *err);

/* The whole layering: built-in default < profile < user file < venv file. user_file and venv_file
 * may be NULL; a file that does not exist is skipped. Files that another user could have written
 * are refused (C11). */
struct policy_sources {
    const char *templates; /* directory of the shipped profiles */
    const char *user_file;
    const char *venv_file;
};
int policy_load(struct policy *policy, const struct policy_sources *sources, struct err *err);

/* Overrides of one start: BWRAP_ARGS words, SANDBOX_SECCOMP_ALLOW, SANDBOX_USE_PIP_CACHE. */
struct bwrap_options;
int policy_apply_bwrap(struct policy *policy, const char *origin, const struct bwrap_options *options,
                       struct err *err);
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

/* YAML that loads to the same policy. with_origins: each line ends in "# from ...". */
void policy_print(const struct policy *policy, bool with_origins, struct buf *out);
/* Only what differs from `base` (another policy). */
void policy_print_diff(const struct policy *policy, const struct policy *base, struct buf *out);

#endif
