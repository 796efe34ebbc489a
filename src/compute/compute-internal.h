/* Shared by the files that compute plans. One struct compute is one variant in the making. */
#ifndef SVENV_COMPUTE_COMPUTE_INTERNAL_H
#define SVENV_COMPUTE_COMPUTE_INTERNAL_H

#include "svenv/compute/compute.h"

/* What a path inside lies in, which decides how a mount point for it comes to be. */
enum cover_kind {
    COVER_ROOT,   /* our own root: the skeleton */
    COVER_NODES,  /* a directory of the host that is ours alone: made there beforehand */
    COVER_TMPFS,  /* a tmpfs of this plan: made in it, in order */
    COVER_HOST,   /* somebody's tree: it must be there already */
    COVER_KERNEL, /* proc and the like: the kernel's names */
    COVER_MASK,   /* an empty directory: nothing can be mounted in it */
};

/* A mount made so far. The last one that holds a path is what the path lies in. */
struct cover {
    enum cover_kind kind;
    const char *dest;
    const char *src;  /* HOST: the tree; NODES: the trusted base directory */
    const char *rel;  /* NODES: path below src that is mounted at dest */
    size_t first_op;  /* TMPFS: its operation; what is made in it comes later */
    bool writable;    /* HOST: code in the sandbox can change it */
    bool conditional; /* mounted only when the start is granted the project */
};

/* One thing to mount, collected first and then mounted parents first. */
struct share {
    const char *src; /* NULL: dest is masked */
    const char *dest;
    uint32_t flags; /* enum plan_op_flag */
    bool directory;
    bool protects; /* pointless, and left out, where dest is not writable anyway */
    bool reveals;  /* pointless, and left out, where dest is visible anyway */
    int rank;      /* order among equal paths: the highest is mounted last and counts */
    const char *origin;
};
enum {
    RANK_TREE,
    RANK_PROTECT,
    RANK_POLICY,
    RANK_HIDE,
    RANK_VENV
};

/* Answers of the facts, sorted by path: the variants ask for the same things. */
struct known_facts {
    struct fact_path *items;
    size_t count;
};

struct compute {
    struct arena *arena;
    struct known_facts *known;
    const struct policy_values *values;
    const struct venv *venv;
    const struct facts *facts;
    struct plan *plan;
    struct plan skeleton; /* only its operations are used: they come first */
    struct cover *covers;
    size_t cover_count;
    struct share *shares;
    size_t share_count;
    bool installer;
    enum policy_project project; /* PROJECT_NONE also when the venv has no project */
};

/* A symlink met while following a path. */
struct link_seen {
    const char *path;
    const char *target;
};
struct resolved {
    struct fact_path fact; /* of the real path, fact.path */
    struct link_seen *links;
    size_t link_count;
};

#define ORIGIN_DEFAULT "default"

/* --- paths.c: the facts ----------------------------------------------------------------
 */

struct fact_path compute_fact(const struct compute *c, const char *path);

/* Follows `path` as the kernel would, by the facts. Return: 0, or -ELOOP. */
int compute_resolve(const struct compute *c, const char *path, struct resolved *out,
                    struct err *err);

/* A path as the policy says it, absolute and normalised: "~" is the home, a relative one lies in
 * the project. Return: 0, or -EINVAL naming the line. */
int compute_expand(const struct compute *c, const struct policy_item *item, const char *text,
                   const char **out, struct err *err);

/* compute_expand() and compute_resolve() for a path whose content is to be shown: it must exist,
 * and no symlink on the way may lie where code in the sandbox could have put it. */
int compute_source(const struct compute *c, const struct policy_item *item, const char *text,
                   struct resolved *out, struct err *err);

/* Does the host's `path` lie where code in the sandbox can write, in this or another variant? */
bool compute_is_hostile(const struct compute *c, const char *path);

/* The venv's temporary directories on the host. */
const char *compute_temp_base(const struct compute *c);

const char *compute_join(const struct compute *c, const char *dir, const char *name);

/* Does the value come from a line that a person wrote, or from what is built in? */
const char *compute_origin(const char *origin);

/* --- tree.c: the mounts made so far ----------------------------------------------------
 */

/* The mount that holds `path`; without the conditional ones when `certain`. */
const struct cover *tree_cover(const struct compute *c, const char *path, bool certain);

/* Makes sure that `dest` exists to be mounted on. */
int tree_point(struct compute *c, const char *dest, bool directory, uint32_t flags,
               const char *origin, struct err *err);

/* Mount point and bind; ancestors of dest in writable trees become mount points too (C22). */
int tree_bind(struct compute *c, const struct share *share, struct err *err);

/* A directory that is ours alone, made at base/rel before the start when there is a rel, shown at
 * dest. Mount points in it are made on the host. */
int tree_bind_own(struct compute *c, const char *base, const char *rel, const char *dest,
                  uint32_t flags, struct err *err);

int tree_mask(struct compute *c, const struct share *share, struct err *err);

/* A mount without a source: tmpfs, proc, devpts, mqueue. */
int tree_mount(struct compute *c, enum plan_op_kind kind, const char *dest, uint32_t mode,
               uint64_t size, const char *origin, struct err *err);

/* A symlink of the host, made again where it would be missing. */
int tree_link(struct compute *c, const char *path, const char *target, const char *origin,
              struct err *err);

/* `path` with the symlinks followed that the skeleton has. */
int tree_dest(const struct compute *c, const char *path, const char **out, struct err *err);

/* --- the parts of a plan -----------------------------------------------------------------------
 */

int compute_system(struct compute *c, struct err *err);
int compute_dev(struct compute *c, const char *dest, const char *origin, struct err *err);
int compute_home(struct compute *c, struct err *err);
int compute_shares(struct compute *c, struct err *err);
int compute_protection(struct compute *c, struct err *err);
int compute_policy_paths(struct compute *c, struct err *err);
/* Nothing that the policy names may open what decides about the sandbox, or the whole home. */
int compute_check_grant(const struct compute *c, const char *path, enum policy_grant grant,
                        const char *origin, struct err *err);
int compute_mounts(struct compute *c, struct err *err);
void compute_environment(struct compute *c);
int compute_dotenv(struct compute *c, struct err *err);
void compute_limits(struct compute *c);
/* guards.c: what is watched in the project, and the pattern that stands for byte code. */
#define GUARD_BYTECODE "__pycache__"
void compute_guards(struct compute *c);
/* Once for all variants. */
void compute_places(struct plan_file *file, const struct facts *facts);
/* Is an entry of `protect` a name that counts in every directory of the project? */
bool compute_is_anywhere(const char *text);
/* ".git" in `protect` stands for repositories in all their forms. */
bool compute_protects_git(const struct compute *c);
/* A repository that holds the own venv: its parts are protected, and not the whole of it. */
bool compute_is_parted(const struct compute *c, const struct fact_tree *tree);
int compute_caps(struct compute *c, struct err *err);
void compute_landlock(struct compute *c);

/* The fields that name paths to show, the writable ones first. */
struct compute_path_field {
    enum policy_field field;
    uint32_t flags;
};
#define COMPUTE_PATH_FIELDS 2
extern const struct compute_path_field compute_path_fields[COMPUTE_PATH_FIELDS];

/* Notes something to be mounted by compute_shares(). */
struct share *compute_share(struct compute *c, const char *src, const char *dest, bool directory,
                            uint32_t flags, int rank, const char *origin);

/* --- finish.c ---------------------------------------------------------------------------
 */

/* Level and place of the audit log. -EPERM: programs inside could write there. */
int compute_audit(struct compute *c, struct err *err);

/* Copies every borrowed string into file->arena. */
void compute_own_strings(struct plan_file *file);

/* Names a policy in the audit log and in its history: the SHA-256 of its printed text. */
const char *compute_policy_hash(struct arena *arena, const struct policy *policy);

#endif
