/* Policy + venv + facts -> plan. No side effects: everything about the host is in struct facts. */
#ifndef SVENV_COMPUTE_COMPUTE_H
#define SVENV_COMPUTE_COMPUTE_H

#include "svenv/find/venv.h"
#include "svenv/plan/plan.h"
#include "svenv/policy/policy.h"

/* A host path that the planner must know; gathered by compile/facts.c, made up by tests. */
struct fact_path {
    const char *path;
    enum {
        FACT_ABSENT,
        FACT_DIR,
        FACT_FILE,
        FACT_SYMLINK,
        FACT_DEVICE,
        FACT_SOCKET
    } kind;
    const char *target; /* SYMLINK: its text; lives as long as the facts */
    bool unreadable;    /* access(2) says that the caller may not read it */
    uint64_t dev, ino;
    int64_t ctime_ns;
};
/* A directory of the project that programs outside obey as a whole, and that nobody looks into. Its
 * kind is the one that the survey saw: the names in it may be others when the plan is made. */
struct fact_tree {
    const char *path;
    enum {
        FACT_VENV,
        FACT_REPOSITORY,
        FACT_CLOSED /* nobody can say all that is in it */
    } kind;
};
/* A path of the project that a protected thing leads to. Host tools obey what is there, or comes to
 * be there, like the protected thing. */
struct fact_lead {
    const char *path; /* no link lies above it; it may be one itself */
    const char *of;   /* the protected or hidden name */
    const char *why;  /* for people: "named by .git/config" */
    enum {
        LEAD_NAME, /* of a name that the policy protects */
        LEAD_GIT,  /* of a repository, or of the user's configuration of git */
        LEAD_TWIN  /* another name of the same file */
    } kind;
};
struct facts {
    uint32_t uid, gid;
    const char *home;       /* real path of the home directory */
    const char *home_named; /* as passwd and $HOME say */
    unsigned landlock_abi;  /* 0: none */
    /* Paths that are known beforehand. Always: every name directly in the project, for the globs of
     * `protect` and `hide`. Tests: every host path that the planner asks about. */
    struct fact_path *paths;
    size_t path_count;
    /* Other venvs, and repositories without a name that fits `protect`. */
    struct fact_tree *trees;
    size_t tree_count;
    struct fact_lead *leads; /* each that exists is in `paths`, too */
    size_t lead_count;
    /* Directories of the project, sorted by path, for struct plan_file. Names in them that fit
     * `protect` are in `paths`. */
    struct plan_seen *seen;
    size_t seen_count;
    const char *repository; /* what a worktree's .git file leads to, outside the project; or NULL */
    const char *launcher_dir; /* installed launcher's directory, to be visible inside */
    const char *audit_log;    /* real path where the audit log is, or will be; NULL: nowhere */
    /* The host is asked through this (NULL in tests) about a path that is not in the table, as
     * lstat sees it: a symlink in the last component is not followed. */
    void (*lookup)(void *context, const char *path, struct fact_path *out);
    void *context;
};

/* Fills file->variants (one per commands entry, then the default) and the plain fields (tool and
 * policy_hash only when still NULL); inputs and the directories' identities are the caller's.
 * Strings are copied into file->arena.
 * Return: 0 or negative errno with *err naming the policy line. */
int plan_compute(struct plan_file *file, const struct policy *policy, const struct venv *venv,
                 const struct facts *facts, struct err *err);

/* Does an entry of filesystem.protect count in every directory of the project? "./NAME" is of its
 * top alone. */
bool compute_is_anywhere(const char *text);

/* May programs make the usual virtualenv of that name (layout_usual_venvs)? */
bool compute_opens_venv(const struct policy_values *values, const char *name);

#endif
