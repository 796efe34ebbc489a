/* The steps of venv_inspect(), one file each. None changes anything, none runs the interpreter. */
#ifndef SVENV_FIND_DISCOVER_INTERNAL_H
#define SVENV_FIND_DISCOVER_INTERNAL_H

#include <stdbool.h>

struct err;
struct venv;

/* pyvenv.cfg (config.c): sets home and version. *line_out: the line of `home`, for later errors. */
int config_read(struct venv *venv, int root, unsigned *line_out, struct err *err);

/* The interpreter (interpreter.c): sets python, base_python and adds the links on the way to it as
 * needs. The venv's own link is believed only while bin/python is not a stub: code in the sandbox
 * could have put a file into sandbox/bin, so a wrapped venv keeps the interpreter that `old` (NULL
 * when not wrapped) recorded. */
int interpreter_find(struct venv *venv, int root, const struct venv *old, unsigned home_line,
                     struct err *err);

/* The base prefix (prefix.c): sets base_prefix by the landmark of the standard library, adds the
 * parts that must be shown, and refuses a prefix that would show the user's home. */
int prefix_find(struct venv *venv, const char *user_home, struct err *err);

/* Walks an absolute path one component at a time, as the kernel does, adding each link as a need.
 * *real_out: the path without links, in the venv's arena. On -ENOENT *real_out is the path that is
 * missing. */
int chain_walk(struct venv *venv, const char *path, const char **real_out);

/* needs.c */
void needs_add_dir(struct venv *venv, const char *path);
void needs_add_file(struct venv *venv, const char *path);
void needs_add_link(struct venv *venv, const char *path, const char *target);
/* Sorts, and removes duplicates and paths below a directory that is shown anyway. */
void needs_settle(struct venv *venv);

/* The project (project.c): sets project, project_named, project_reason. `named` NULL: the rule. */
int project_find(struct venv *venv, const char *named, const char *user_home, struct err *err);

/* The default package index (index.c): sets index_url and index_files when pip's source says. The
 * venv's own pip is asked only when `trusted`: not once code inside could have changed it. */
int index_find(struct venv *venv, int root, bool trusted, struct err *err);

/* The parser alone: looks for the first package index in the text of pip's own module. */
bool index_parse(struct venv *venv, const char *text);

#endif
