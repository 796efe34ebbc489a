/* The plan: one complete description of a sandbox, as data. Computed from policy, venv and facts
 * (compute/compute.c), stored compiled in the venv (plan/codec.c), completed for one start
 * (start/start.c), printed (plan/print.c), and executed by launch, which decides nothing.
 * No dependency on the policy here: the launcher links this. */
#ifndef SVENV_PLAN_PLAN_H
#define SVENV_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"

struct buf;
struct cgroup_limits;
struct err;

enum plan_op_kind {
    PLAN_DIR,     /* directory in a tree that the sandbox itself made (root, tmpfs) */
    PLAN_FILE,    /* regular file there; src is its content, NULL for an empty mount point */
    PLAN_SYMLINK, /* symlink there; src is its text */
    PLAN_BIND,    /* src of the host, with the mounts below it, shown at dest */
    PLAN_TMPFS,   /* fresh tmpfs at dest */
    PLAN_PROC,    /* proc of the new pid namespace */
    PLAN_DEVPTS,
    PLAN_MQUEUE,
    PLAN_REMOUNT_RO, /* dest, a mount made before, becomes read-only */
    PLAN_CHMOD,
    PLAN_MASK, /* dest (file or directory) is hidden under an empty read-only one */
    PLAN_OP__COUNT
};

enum plan_op_flag {
    PLAN_RW = 1u << 0,       /* BIND: writable (default read-only) */
    PLAN_DEVICES = 1u << 1,  /* BIND: device nodes work (default nodev) */
    PLAN_TRY = 1u << 2,      /* BIND, MASK: nothing happens when src (dest) does not exist */
    PLAN_HOSTILE = 1u << 3,  /* BIND: src lies where code in the sandbox can write: it is opened
                                without following any symlink, must be the caller's own */
    PLAN_IDENTITY = 1u << 4, /* BIND: dev and ino must be those recorded */
    PLAN_PROJECT = 1u << 5,  /* executed only when this start is granted the project */
    PLAN_OWN = 1u << 6,      /* BIND: src is a directory of ours alone, in which nodes are made */
};

struct plan_op {
    enum plan_op_kind kind;
    uint32_t flags;
    uint32_t mode; /* DIR, FILE, TMPFS, CHMOD */
    uint32_t base; /* PLAN_OWN: how many bytes of src are the nodes' base, see struct plan_node */
    uint64_t size; /* TMPFS: bytes, 0 = the kernel's default */
    const char *src;
    const char *dest;   /* absolute, normalised, without symlinks in trees others can write */
    uint64_t dev, ino;  /* PLAN_IDENTITY */
    const char *origin; /* the policy line it comes from: "default", "policy.yaml:7:12", ... */
};

/* A node that must exist on the host before the mounts, in a directory that is ours alone: private
 * homes (mount points for what lies in $HOME), the venv's /tmp. Made without following links. */
enum plan_node_kind {
    PLAN_NODE_DIR,
    PLAN_NODE_FILE,
    PLAN_NODE_SYMLINK,
    PLAN_NODE__COUNT
};
struct plan_node {
    enum plan_node_kind kind;
    const char *base;   /* trusted existing directory: "/tmp", "$venv/home" */
    const char *rel;    /* path below it; each missing component is made */
    const char *target; /* SYMLINK */
    bool shared; /* with the modes that the umask leaves; else for the user alone. Not stored */
};

enum plan_env_action {
    PLAN_ENV_PASS,    /* goes in */
    PLAN_ENV_DROP,    /* never goes in */
    PLAN_ENV_COMMAND, /* goes in when it was set for this one command */
    PLAN_ENV_ACTION__COUNT
};
struct plan_env_rule {
    const char *pattern; /* glob over the name; first match decides */
    enum plan_env_action action;
    const char *origin;
    bool any_case;    /* the pattern is in capitals, and fits the name in small letters as well */
    uint32_t letters; /* set by plan_load(), not stored: capitals that every such name has */
};
struct plan_env_set {
    const char *name;
    const char *value; /* NULL: unset */
    const char *origin;
};

struct plan_limit {
    int resource; /* RLIMIT_* */
    uint64_t value;
    const char *origin;
};

/* Limits on everything in the sandbox together, which a control group holds. A group is made when
 * memory or cpus ask for one; the limit on processes then goes into it, too, beside RLIMIT_NPROC,
 * which is always set. */
enum plan_group {
    PLAN_GROUP_MEMORY, /* bytes */
    PLAN_GROUP_CPUS,
    PLAN_GROUP_PROCESSES,
    PLAN_GROUP__COUNT
};
struct plan_group_limit {
    uint64_t value; /* 0: none */
    const char *origin;
};

/* From this ABI on Landlock checks who made the socket at a path (landlock(7)). */
#define PLAN_ABI_WITH_SOCKETS 9u

/* Landlock: the tree at path may be read and executed, or also changed. connect: where Landlock
 * checks it, the program may connect to sockets there that others than the program made. */
struct plan_landlock {
    const char *path;
    bool write;
    bool connect;
};

/* The guard's answer to a name that appears in the writable project while a sandbox runs. */
enum plan_obeyed_action {
    PLAN_OBEYED_TAKE,     /* protected: moved to the quarantine */
    PLAN_OBEYED_HIDE,     /* hidden: covered in the running sandbox */
    PLAN_OBEYED_BYTECODE, /* a directory of byte code: what programs made is removed at the end */
    PLAN_OBEYED__COUNT
};
struct plan_obeyed {
    const char *pattern; /* glob, compared without case */
    bool anywhere;       /* of names that end a path; else of a whole path below the project */
    enum plan_obeyed_action action;
    /* These follow from the patterns, see plan_obeyed_settle(). */
    char first, second; /* letter, as a capital, of each name that fits; 0: any */
    bool deep;          /* it has more than one part */
    uint16_t run;       /* how many from here on have the same first letter; 0: not known */
};

enum plan_seen_kind {
    PLAN_SEEN_WATCHED,  /* its names are compared with those that are obeyed */
    PLAN_SEEN_VENV,     /* the same: a venv that a program inside made */
    PLAN_SEEN_PACKAGES, /* the same: in the packages of such a venv, where byte code stays */
    PLAN_SEEN_PASSED,   /* known to be there, and not looked into: protected as a whole */
    PLAN_SEEN_CLOSED,   /* the same: nobody could look into all of it */
    PLAN_SEEN_BYTECODE, /* see PLAN_OBEYED_BYTECODE */
    PLAN_SEEN__COUNT
};
/* A directory of the project as it was when the plan was made. */
struct plan_seen {
    const char *rel; /* below the project; "": itself */
    enum plan_seen_kind kind;
    uint64_t dev, ino;
    int64_t ctime_ns; /* no program can set that back */
};
/* A name that is obeyed and was there when the plan was made. */
struct plan_present {
    const char *rel;
    bool link; /* a symlink, which no mount protects */
    uint64_t dev, ino;
    int64_t ctime_ns; /* an inode's number may come again, this does not */
};

enum plan_lifetime {
    PLAN_LIFETIME_TREE,
    PLAN_LIFETIME_PROGRAM
};

/* How much goes to the audit log. */
enum plan_audit {
    PLAN_AUDIT_OFF,
    PLAN_AUDIT_DENIED,
    PLAN_AUDIT_ALL,
    PLAN_AUDIT__COUNT
};

/* Something of the host that the command line or environment names and that is not shown. Not part
 * of the compiled form: every start has its own. */
struct plan_refusal {
    const char *path;
    const char *origin; /* the rule by which it would have been shown */
    const char *why;
    bool told; /* on the terminal too */
};

enum plan_flag {
    PLAN_OWN_NET = 1u << 0, /* own network namespace with only lo */
    PLAN_NEW_SESSION = 1u << 1,
    PLAN_USERNS_OK = 1u << 2, /* the program may make user namespaces */
    PLAN_INSTALLER = 1u << 3, /* venv writable: sync when it ends, lifetime: program */
    PLAN_CWD_RO = 1u << 4,    /* show the working directory when it is not visible otherwise */
    PLAN_CWD_RW = 1u << 5,
    PLAN_ENV_CLEAR = 1u << 6,
    PLAN_USE_LANDLOCK = 1u << 7,
    PLAN_PROJECT_ARGUMENTS = 1u << 8, /* the project only when the command line names it */
    PLAN_FILTER_OFF = 1u << 9,        /* the filter holds the terminal and little else */
};

struct plan {
    const char *variant; /* "default", "installer", "commands[2]" */
    uint32_t flags;
    uint32_t uid, gid;    /* inside */
    const char *hostname; /* NULL: the host's stays */
    uint64_t caps;        /* capabilities that the program keeps (bits) */
    enum plan_lifetime lifetime;
    uint64_t wall_time; /* seconds, 0 = none */
    struct plan_group_limit group[PLAN_GROUP__COUNT];
    unsigned landlock_abi; /* what the kernel gave when this was compiled; less now is refused */
    const char *chdir;     /* policy's start directory, NULL: the caller's */
    const char *dotenv;    /* absolute, NULL: none */
    enum plan_audit audit;
    const char *audit_log; /* real path of the log; NULL with PLAN_AUDIT_OFF */

    struct plan_op *ops;
    size_t op_count;
    struct plan_node *nodes;
    size_t node_count;
    struct plan_env_rule *env_rules;
    size_t env_rule_count;
    struct plan_env_set *env_set;
    size_t env_set_count;
    struct plan_limit *limits;
    size_t limit_count;
    struct plan_landlock *landlock;
    size_t landlock_count;
    struct plan_obeyed *obeyed; /* none: nothing is watched in the project */
    size_t obeyed_count;

    const void *filter; /* struct sock_filter[], NULL: no seccomp filter */
    size_t filter_count;
    const char *filter_note; /* "default: 298 system calls", for people */

    struct plan_refusal *refusals; /* of plan_start() */
    size_t refusal_count;
};

/* One way to start programs of a venv: the commands it is for, and its plan. */
struct plan_variant {
    const char **match; /* patterns, see start/command.h; the last variant has none: fits all */
    size_t match_count;
    struct plan plan;
    const void *packed; /* not yet read: see plan_load() */
    size_t packed_len;
};

struct plan_input {
    const char *path;
    bool follow;
    bool directory; /* only device, inode, mode are compared: its content may change */
    struct file_id id;
};

/* $venv/sandbox/plan: all variants and what they were computed from. */
struct plan_file {
    struct arena arena;
    const char *tool;    /* version and build that made it */
    const char *kernel;  /* that it was made on, see sys_kernel_name() */
    const char *venv;    /* real path; a moved venv is noticed by this */
    const char *project; /* NULL: none */
    const char *home;    /* $HOME's real path = where the private home is mounted */
    const char *python;  /* name of the interpreter's entry */
    const char *policy_hash;
    const char *temp_base; /* "/tmp/sandbox-venv-<id>" on the host */
    int64_t made_ns;       /* when; 0: for one start only */
    struct plan_input *inputs;
    size_t input_count;
    const void *packed; /* the lists about the project, not yet read: see plan_load_project() */
    size_t packed_len;
    struct plan_obeyed *obeyed; /* of all variants */
    size_t obeyed_count;
    struct plan_seen *seen; /* sorted by path */
    size_t seen_count;
    struct plan_present *present; /* sorted by path */
    size_t present_count;
    struct plan_variant *variants;
    size_t variant_count;
    const void *bytes; /* as plan_open() read it, see plan_is_whole(); NULL: it was computed */
    size_t byte_count;
};

void plan_file_init(struct plan_file *file);
void plan_file_finish(struct plan_file *file);
#define auto_plan_file __attribute__((cleanup(plan_file_finish)))

/* The directory that was seen, or the name that was present, at a path below the project; NULL:
 * there is none. */
const struct plan_seen *plan_find_seen(const struct plan_file *file, const char *rel);
struct plan_present *plan_find_present(const struct plan_file *file, const char *rel);

/* Sets what follows from the patterns, so that most comparisons end with a letter. Without it they
 * have the same result. */
void plan_obeyed_settle(struct plan_obeyed *obeyed, size_t count);
bool plan_obeyed_fits(const struct plan_obeyed *one, const char *rel);
/* Must a link with that path be taken away, because a name in the directory that it leads to would
 * be protected? */
bool plan_obeyed_leads(const struct plan_obeyed *obeyed, size_t count, const char *rel);

/* Are the directory's names compared with those that are obeyed? */
bool plan_seen_is_watched(const struct plan_seen *seen);

/* The first pattern that fits a name in a directory; `rel` is the directory's and the name's path
 * together. NULL: none does. */
const struct plan_obeyed *plan_obeyed_find(const struct plan_obeyed *obeyed, size_t count,
                                           const char *rel, const char *name);
/* Is a name of that kind taken away, whatever else is done with it? */
bool plan_obeyed_takes(const struct plan_obeyed *obeyed, size_t count, const char *rel,
                       const char *name);
/* Are repositories in all their forms taken away? They are when ".git" is, in every directory. */
bool plan_takes_repositories(const struct plan_obeyed *obeyed, size_t count);

/* The first limit that makes a control group necessary; PLAN_GROUP__COUNT: none does. */
enum plan_group plan_group_needed(const struct plan *plan);
/* "limits.memory" */
const char *plan_group_key(enum plan_group limit);
/* The limits to which the control group of a start must hold its processes. */
void plan_group_limits(const struct plan *plan, struct cgroup_limits *out);

/* Appends to the plan; strings are borrowed. */
struct plan_op *plan_add(struct arena *arena, struct plan *plan, enum plan_op_kind kind,
                         const char *src, const char *dest, const char *origin);

/* --- codec ---------------------------------------------------------------------------------- */

/* The compiled form: little, bounded, versioned; see docs/formats.md. */
void plan_encode(const struct plan_file *file, struct buf *out);

/* Checks what it reads (magic, version, bounds, enum ranges, NUL-termination) and never reads
 * beyond `len`. `data` must outlive the file: strings and the filter point into it (the filter's
 * start is 8-byte aligned in the format, so `data` must be too). The variants' plans stay packed
 * until plan_load(), since a start needs only one, and the lists about the project until
 * plan_load_project(). Return: 0, or -EINVAL with *err. */
int plan_open(struct plan_file *file, const void *data, size_t len, struct err *err);
int plan_load(struct plan_file *file, struct plan_variant *variant, struct err *err);
/* Reads the lists about the project: those obeyed, seen and present. They are empty before. A start
 * does so beside the kernel's work. Return: 0, or -EINVAL with *err. */
int plan_load_project(struct plan_file *file, struct err *err);
/* Is every byte as it was written? Changed bytes may still read as a plan, but as another one. */
bool plan_is_whole(const struct plan_file *file);
/* Only the plain fields of a plan, not its lists: what launch_prepare() needs. */
int plan_peek(const struct plan_variant *variant, struct plan *out, struct err *err);
/* Both, for all variants. */
int plan_decode(struct plan_file *file, const void *data, size_t len, struct err *err);

/* Makes of both, in place, the part that is needed once the program has executed: copies in
 * `arena`, after which nothing points into the bytes that the file was read from, or into its own
 * arena. The mounts remain of the operations, and the plan's own variant of the variants; lists
 * that serve only to start a program are empty, and only the count stays of the filter. */
void plan_keep(struct arena *arena, struct plan_file *file, struct plan *plan);

/* --- printing -------------------------------------------------------------------------------- */

/* For people: VERBOSE, golden tests. One operation a line with its origin. */
void plan_print(const struct plan *plan, struct buf *out);

#endif
