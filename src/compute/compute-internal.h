/* Shared by the files that compute plans. One struct compute is one variant in the making. */
#ifndef SVENV_COMPUTE_COMPUTE_INTERNAL_H
#define SVENV_COMPUTE_COMPUTE_INTERNAL_H

#include "svenv/base/follow.h"
#include "svenv/compute/compute.h"
#include "svenv/plan/tree.h"

/* One thing to mount, collected first and then mounted parents first. */
struct bind {
    struct tree_bind mount;
    bool protects; /* pointless, and left out, where dest is not writable anyway */
    bool reveals;  /* pointless, and left out, where dest is visible anyway */
    int rank;      /* order among equal paths: the highest is mounted last and counts */
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
    struct mount_tree tree; /* its operations are the plan's, in their order at the end only */
    struct tree_host host;  /* the facts, as the tree asks for them */
    struct bind *binds;
    size_t bind_count;
    bool installer;
    enum policy_project project; /* PROJECT_NONE also when the venv has no project */
};

struct resolved {
    struct fact_path fact; /* of the real path, fact.path */
    struct follow_link *links;
    size_t link_count;
};

#define ORIGIN_DEFAULT "default"

/* --- paths.c: the facts ----------------------------------------------------------------
 */

struct fact_path compute_fact(const struct compute *c, const char *path);

/* Follows `path` as the kernel would, by the facts. Return: 0, or -ELOOP or -ENAMETOOLONG. */
int compute_resolve(struct compute *c, const char *path, struct resolved *out, struct err *err);

/* A path as the policy says it, absolute and normalised: "~" is the home, a relative one lies in
 * the project. Return: 0, or -EINVAL naming the line. */
int compute_expand(const struct compute *c, const struct policy_item *item, const char *text,
                   const char **out, struct err *err);

/* compute_expand() and compute_resolve() for a path whose content is to be shown: it must exist,
 * and no symlink on the way may lie where code in the sandbox could have put it. */
int compute_source(struct compute *c, const struct policy_item *item, const char *text,
                   struct resolved *out, struct err *err);

/* An empty tree that asks the facts, and knows where code inside can write in every variant. */
void compute_tree(struct compute *c);

/* A directory that is ours alone, made at base/rel before the start when there is a rel, shown at
 * dest. */
int compute_bind_own(struct compute *c, const char *base, const char *rel, const char *dest,
                     uint32_t flags, struct err *err);

/* The venv's temporary directories on the host. */
const char *compute_temp_base(const struct compute *c);

const char *compute_join(const struct compute *c, const char *dir, const char *name);

/* Does the value come from a line that a person wrote, or from what is built in? */
const char *compute_origin(const char *origin);

/* --- the parts of a plan -----------------------------------------------------------------------
 */

int compute_system(struct compute *c, struct err *err);
int compute_dev(struct compute *c, const char *dest, const char *origin, struct err *err);
int compute_home(struct compute *c, struct err *err);
int compute_host_paths(struct compute *c, struct err *err);
int compute_protection(struct compute *c, struct err *err);
int compute_policy_paths(struct compute *c, struct err *err);
/* Notes the trees that the policy shows writable as places where code inside can write. This comes
 * before anything of the policy is looked for, because each path may lead through the tree of
 * another line. */
void compute_areas(struct compute *c);
/* Of a bind of filesystem.mounts; 0 for what is none. */
uint32_t compute_bind_flags(enum policy_mount_kind kind);
/* Nothing that the policy names may open the files that decide about the sandbox, or the whole
 * home. use: one of enum danger_use. */
int compute_check_grant(const struct compute *c, const char *path, unsigned use, const char *origin,
                        struct err *err);
int compute_mounts(struct compute *c, struct err *err);
void compute_environment(struct compute *c);
int compute_dotenv(struct compute *c, struct err *err);
void compute_limits(struct compute *c);
/* obeyed.c: the names that are watched for in the project, and the pattern that stands for byte
 * code. */
#define GUARD_BYTECODE "__pycache__"
void compute_obeyed(struct compute *c);
/* Once for all variants. */
void compute_seen(struct plan_file *file, const struct facts *facts);
/* ".git" in `protect` stands for repositories in all their forms. */
bool compute_protects_git(const struct compute *c);
/* Is what the lead comes from protected here, and the lead not opened by the policy? */
bool compute_lead_counts(const struct compute *c, const struct fact_lead *lead);
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

/* Notes something to be mounted by compute_mount_shares(). */
struct bind *compute_bind(struct compute *c, const char *src, const char *dest, bool directory,
                          uint32_t flags, int rank, const char *origin);
/* Mounts all that was noted, parents first. */
int compute_mount_shares(struct compute *c, struct err *err);

/* --- finish.c ---------------------------------------------------------------------------
 */

/* Level and place of the audit log. -EPERM: programs inside could write there. */
int compute_audit(struct compute *c, struct err *err);

/* Copies every borrowed string into file->arena. */
void compute_own_strings(struct plan_file *file);

/* Names a policy in the audit log and in its history: the SHA-256 of its printed text. */
const char *compute_policy_hash(struct arena *arena, const struct policy *policy);

#endif
