/* The additions of one start to a compiled plan: variant, project grant, argument paths,
 * environment. Pure: facts about the host come in through struct start. In the launcher. */
#ifndef SVENV_START_START_H
#define SVENV_START_START_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/plan/plan.h"

struct dotenv;

/* A host path that the command line or environment names. Asked of the host once, by the caller. */
enum path_kind {
    PATH_ABSENT,
    PATH_FILE,
    PATH_DIR,
    PATH_FIFO,
    PATH_SOCKET,
    PATH_OTHER
};
typedef enum path_kind path_kind_fn(void *context, const char *path); /* follows symlinks */
/* The text of the symlink at `path`; *text_out stays NULL for anything else. Lives in the arena.
 * Return: 0, or negative errno when there is nothing. */
typedef int path_link_fn(void *context, struct arena *arena, const char *path,
                         const char **text_out);
/* Reads a small text file (requirement files): content or NULL. Lives in the arena. */
typedef const char *path_text_fn(void *context, struct arena *arena, const char *path);

/* The project's dotenv file that names the variable: the caller's value may be a program's. */
typedef const char *variable_loaded_fn(void *context, struct arena *arena, const char *variable);

struct host_view {
    void *context;
    path_kind_fn *kind;
    path_link_fn *link;
    path_text_fn *text;
    variable_loaded_fn *loaded; /* NULL: there is no such file */
};

struct start {
    const char *entry;       /* name in bin; NULL for `run`, `shell` */
    const char *called_as;   /* path that the stub was executed by; NULL: none */
    const char *const *argv; /* argv[0] as the caller gave it */
    size_t argc;
    const char *const *env;        /* NULL-terminated NAME=value */
    const char *const *parent_env; /* the parent's, NULL: could not be read */
    struct dotenv *dotenv;         /* NULL: none */
    const char *cwd;               /* real */
    /* The terminal among the standard streams, NULL: none. path: its name on the host. The rest:
     * the file that must be there when it is shown. */
    const char *terminal;
    uint64_t terminal_dev, terminal_ino;
    struct host_view host;
};

/* First variant whose patterns fit; its plan may not be loaded yet. */
struct plan_variant *plan_choose(struct arena *arena, const struct plan_file *file,
                                 const struct start *start);

/* Copies the variant's plan to *out and adds what this start brings: the project when it is granted
 * (PLAN_PROJECT operations are dropped otherwise), paths of arguments and variables by the rule
 * table (read-only unless the rule says rw; never $HOME, "/", or a directory that holds
 * credentials), the working directory (bind, or an empty directory at its path), symlinks on the
 * way to it and to the entry point as it was called, the terminal at /dev/console, where ttyname(3)
 * finds it. Mount points for new binds: PLAN_DIR/PLAN_FILE
 * operations in our own root, nodes in the private home. Return: 0 or negative errno with *err. */
int plan_start(struct arena *arena, const struct plan_file *file,
               const struct plan_variant *variant, const struct start *start, struct plan *out,
               struct err *err);

/* The program's environment: rules, what was set for this command, policy's values, .env, which
 * replaces no variable of the caller's that goes in. Values of the caller are never changed, those
 * of .env have ${NAME} expanded; start->dotenv counts those left out. Result is NULL-terminated and
 * lives in the arena. */
const char **plan_environment(struct arena *arena, const struct plan *plan,
                              const struct start *start);

#endif
