/* The inputs that a plan was made from. Each function adds to file->inputs; a start looks at all of
 * them, so none is listed twice. */
#ifndef SVENV_COMPILE_INPUTS_INTERNAL_H
#define SVENV_COMPILE_INPUTS_INTERNAL_H

#include <stdbool.h>

struct err;
struct host_facts;
struct layers;
struct plan_file;
struct user;
struct venv;
struct venv_sides;

/* The policies and our own programs. Before anything is read: what changes between the look and the
 * reading is then noticed. */
void inputs_add_files(struct plan_file *file, const char *venv_path, const struct user *user,
                      const struct layers *layers);
/* The site's profiles. Return: 0, or negative errno with *err. */
int inputs_add_templates(struct plan_file *file, struct err *err);
/* Both directories of entries as they were when they were in step: what changes there later is
 * wrapped. */
void inputs_add_sides(struct plan_file *file, const char *venv_path,
                      const struct venv_sides *sides);
/* After the sync, which may have written it. */
void inputs_add_manifest(struct plan_file *file, const char *venv_path);
void inputs_add_stubs(struct plan_file *file, const struct venv *venv);
/* $venv/sandbox/etc, which is bound: it is made again when somebody removed it. */
void inputs_add_etc(struct plan_file *file, const char *venv_path);
/* The private directories in /tmp and /dev/shm, when they are made: another account may take their
 * names when somebody removes them. */
void inputs_add_temporary(struct plan_file *file);
/* A file of the host that went into it, as etc_make() tells. context: the struct plan_file. */
void inputs_note_etc(void *context, const char *host_path, bool edited);
/* The project's directory, where there is a project. */
void inputs_add_project(struct plan_file *file, const struct venv *venv);
/* Every path that the planner asked about, there or not: this is how a protected name is noticed
 * that appears in the project. The plan depends on which file it is, not on its content; of a
 * symlink it depends on the text. Call it after the plan is made: paths that the plan's directories
 * seen tell of are left out. */
void inputs_add_asked(struct plan_file *file, const struct host_facts *host);

#endif
