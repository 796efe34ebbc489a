/* Shared by the files that complete a plan for one start. */
#ifndef SVENV_START_START_INTERNAL_H
#define SVENV_START_START_INTERNAL_H

#include "svenv/base/follow.h"
#include "svenv/plan/tree.h"
#include "svenv/start/command.h"
#include "svenv/start/start.h"

/* A host path that this start asks for. */
struct exposure {
    const char *path; /* real */
    bool directory;
    bool rw;
    bool empty; /* only the directory is to exist, nothing of the host's is shown */
    const char *origin;
    const char *variable; /* that names it; NULL: none does */
};

/* A symlink of the host, made again so that the path as given leads to the real one inside. */
struct exposure_link {
    struct follow_link link;
    const char *leads_to; /* the path that was asked for: the link is made when that is shown */
};

/* One start in the making. */
struct completion {
    struct arena *arena;
    const struct plan_file *file;
    const struct plan *compiled; /* the variant's */
    const struct start *start;
    struct plan *plan;      /* its operations are in the tree until the end */
    struct mount_tree tree; /* what is mounted so far decides what is visible */

    const char *name; /* what is started: entry, or base name of argv[0] */
    bool is_python;
    struct python_command python; /* when is_python */
    const char *words[COMMAND_WORDS_MAX];
    size_t word_count;
    size_t first_argument; /* index in argv */
    bool cwd_is_settled;   /* the working directory is visible inside */

    struct exposure *shown;
    size_t shown_count;
    struct exposure_link *links;
    size_t link_count;
    unsigned lookups;     /* asked of the host so far */
    unsigned files;       /* requirement files read so far */
    const char *variable; /* whose value is looked at; NULL: none's */
    const char *lost;     /* why results of the command would reach nobody, NULL: they would not */
};

/* --- arguments.c: the command line as options and values ----------------------------------------
 */

/* One value of the command line: "--opt=value", "--opt value", "-ovalue", or plain. */
struct argument {
    size_t index;       /* in argv */
    const char *option; /* "--opt", "-o"; NULL: none before it */
    const char *value;
    bool attached; /* in the same word as the option */
};
struct argument_walk {
    struct arena *arena;
    const char *const *argv;
    size_t argc;
    size_t next;
    const char *flags; /* letters of short options that take no value; NULL: not known */
    const char *option;
};
bool argument_next(struct argument_walk *walk, struct argument *out);

/* --- deny.c: what is never shown ----------------------------------------------------------------
 */

/* Why `path` (real) is out of bounds for arguments and variables, for people; NULL when it is not.
 * Out of bounds are dangerous paths (svenv/base/danger.h), paths that the policy hides, the audit
 * log, and directories that hold a mount of this sandbox. rw: it would be written. */
const char *deny_reason(const struct completion *c, const char *path, bool directory, bool rw);
/* The same of something that would be read. */
bool deny_path(const struct completion *c, const char *path, bool directory);

/* --- mounts.c: where paths come to lie -----------------------------------------------------------
 */

/* Adds binds, mount points and links for everything in c->shown. Return: 0 or negative errno. */
int place_all(struct completion *c, struct err *err);

/* --- resolve.c: paths of the host ---------------------------------------------------------------
 */

/* `text` made absolute against the working directory, without touching the host. */
const char *resolve_lexical(const struct completion *c, const char *text);

/* Real path of `text`, whose symlinks are recorded to be made again; NULL when it does not exist,
 * or leads out of an area that the sandbox can write through a symlink lying there. */
const char *resolve_path(struct completion *c, const char *text);

/* Kind of `path`; PATH_ABSENT also when this start has asked too often. */
enum path_kind resolve_kind(struct completion *c, const char *path);

const char *resolve_dirname(const struct completion *c, const char *path);

/* --- expose_path.c: what one named path stands for
 * -----------------------------------------------------
 */

enum show {
    EXPOSE_SELF,   /* the file or directory itself; an editor's extension as a whole */
    EXPOSE_SCRIPT, /* code to be run: what it imports lies beside it */
    EXPOSE_PARENT, /* the directory that it is to be made in */
    EXPOSE_PIPE,   /* a FIFO or a socket, and nothing else */
};

/* Notes a path to be shown. */
void expose_add(struct completion *c, const char *path, bool directory, bool rw,
                const char *origin);

/* Notes the path that a named path stands for, unless it is visible anyway. path: absolute, as
 * named; text: as given. */
void expose_path(struct completion *c, const char *path, const char *text, enum show how, bool rw,
                 const char *origin);

/* --- local.c: requirements ----------------------------------------------------------------------
 */

/* The local path that a requirement names, as pip tells paths from names: by a separator, a leading
 * dot, or an archive's ending; is_directory: by nothing. NULL: it names none. */
const char *local_path(struct completion *c, const char *text, bool is_directory);

/* --- expose.c, installer.c ----------------------------------------------------------------------
 */

/* Shows what arguments and variables name, by the tables of rules. */
void expose_arguments(struct completion *c);
void expose_variables(struct completion *c);

/* Is the project granted? Reads the command line as installers do, requirement files included. */
bool installer_grants_project(struct completion *c);

/* The same for what lies elsewhere: notes archives, requirement files, target directories. */
void installer_arguments(struct completion *c);

/* --- output.c: where an installer's results go --------------------------------------------------
 */

enum output {
    OUTPUT_THERE, /* shown when it exists */
    OUTPUT_DIR,   /* made on the host when it does not, as the installer itself would */
    OUTPUT_FILE,
};

/* Notes the place that a word names for results, to be shown writable; or in c->lost why that
 * cannot be. */
void output_expose(struct completion *c, const char *text, enum output kind, const char *origin);

/* Some commands write into the working directory unless an option says otherwise: notes in c->lost
 * when that directory is not shown writable. */
void output_check_cwd(struct completion *c);

/* --- environment.c
 * ----------------------------------------------------------------------------------
 */

/* Does NAME=value of the caller's environment go in? *command_out: it was set for this command. */
bool environ_passes(const struct plan *plan, const struct start *start, const char *assignment,
                    bool *command_out);

#endif
