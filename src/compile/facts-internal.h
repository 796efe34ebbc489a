/* The planner's questions to the host, each asked once and remembered: the answers decide what the
 * plan is, so the plan's freshness is checked against them, too. */
#ifndef SVENV_COMPILE_FACTS_INTERNAL_H
#define SVENV_COMPILE_FACTS_INTERNAL_H

#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/compute/compute.h"

struct policy;
struct user;
struct venv;

struct asked_path {
    const char *path;
    struct fact_path answer;
    struct file_id id; /* of the same moment */
    bool exact;        /* its content counts, too */
};

/* A directory whose names were compared with a pattern, or a file. */
struct listed_dir {
    const char *path;
    struct file_id id; /* from before the reading */
};

struct host_facts {
    struct arena arena; /* owns the texts */
    struct facts facts; /* refers to this object: it must stay where it is */
    struct asked_path *asked;
    size_t asked_count;
    struct listed_dir *listed;
    size_t listed_count;
    struct listed_dir *read; /* files and directories, through links */
    size_t read_count;
    struct err failed; /* the first look that found nothing out; code 0: there was none */
};

/* `user` must outlive the facts. */
void facts_gather(struct host_facts *host, const struct user *user);
/* Adds the names in the project or elsewhere that patterns of the policy (protect, hide) fit.
 * `project`: may be NULL. */
void facts_expand(struct host_facts *host, const struct policy *policy, const char *project);
/* Looks through the project, at a bounded number of directories: notes them as seen, and adds the
 * protected names, other venvs and repositories that it finds, and the directories that it cannot
 * look into. */
void facts_survey(struct host_facts *host, const struct policy *policy, const struct venv *venv);
/* Sorts the directories seen, closes those of the list (below the project, which is changed to what
 * is closed), and forgets what was seen below them. */
void facts_close(struct host_facts *host, const char *project, struct strv *closed);
/* The repository that the .git file of a worktree leads to; NULL when `project` is none. */
const char *worktree_repository(struct host_facts *host, const char *project);
/* The first line of a small regular file in `dir` without `prefix`, absolute against `base`; NULL:
 * there is no such line. Caller frees. */
char *worktree_path_in(struct host_facts *host, int dir, const char *name, const char *prefix,
                       const char *base);
/* Adds what the protected things lead to: links in them, what git's configuration names, other
 * names of the same files. `unguarded`: patterns of trees that a person answers for; `top`: the
 * project. Call it when the survey has found them. Return: false when not all of it is known. */
bool facts_lead(struct host_facts *host, const struct venv *venv, const struct strv *unguarded,
                int top, bool with_git);
/* Asks for a path, so that the plan is made anew when something else is there. */
void facts_ask(struct host_facts *host, const char *path);
/* Likewise, also when the file's content is another. */
void facts_ask_exactly(struct host_facts *host, const char *path);
/* Asks for a path and adds it to the table of facts. */
void facts_add(struct host_facts *host, const char *path);
/* The plan depends on the content of the file, or on the names in the directory. Call it before the
 * reading. */
void facts_read(struct host_facts *host, const char *path);
/* A look failed, so nobody knows what is there: the facts are of no use. */
void facts_failed(struct host_facts *host, int code, const char *path);
/* The same for a file whose reading gave `rc`, unless the file is not there or of another kind. */
void facts_unread(struct host_facts *host, int rc, const char *path);
/* Ask this before using anything that was made of the facts. Return: 0 or negative errno. */
int facts_check(const struct host_facts *host, struct err *err);
void facts_finish(struct host_facts *host);
#define auto_facts __attribute__((cleanup(facts_finish)))

#endif
