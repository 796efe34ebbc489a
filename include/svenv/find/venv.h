/* A virtualenv as found on disk, and the manifest that wrapping leaves in it. */
#ifndef SVENV_FIND_VENV_H
#define SVENV_FIND_VENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/fd.h"
#include "svenv/base/mem.h"

struct err;

/* A path that a base interpreter needs inside: its prefix or a link of its chain. */
enum venv_need_kind {
    VENV_NEED_DIR,     /* bind this directory read-only */
    VENV_NEED_FILE,    /* bind this file read-only */
    VENV_NEED_SYMLINK, /* recreate this symlink */
};
struct venv_need {
    enum venv_need_kind kind;
    const char *path;
    const char *target; /* SYMLINK: its text */
};

struct venv_entry {
    const char *name;
    bool known; /* scratch mark for sync */
};

/* As wrapping found it: a link with its text, or a file with the SHA-256 of its content. */
struct venv_interpreter {
    const char *name;
    const char *target; /* NULL: a file */
    const char *sum;
};

/* The facts about one venv that `sandbox-venv status`, the planner and the launcher need. Found by
 * venv_inspect() when wrapping, kept in $venv/sandbox/manifest.json, read back by manifest_read().
 */
struct venv {
    struct arena arena;
    const char *path;    /* real, absolute: no symlink in it */
    const char *named;   /* absolute as the user named it; may go through symlinks */
    const char *id;      /* 32 hex digits, random, made at the first wrap, never shown inside */
    const char *project; /* real path of the project, NULL: none is mounted */
    const char *project_named;
    const char *project_reason; /* why there is none ("the venv lies in a directory of venvs") */
    const char *python;         /* name in bin that is the interpreter: "python3", "python" */
    const char *version;        /* "3.11.2" from pyvenv.cfg, NULL when not said */
    const char *home;           /* the directory that pyvenv.cfg names, as written there */
    const char *base_python;    /* real path of the base interpreter */
    const char *base_prefix;
    struct venv_need *needs; /* outermost first, duplicates and what lies below /usr left out */
    size_t need_count;
    struct venv_entry *entries; /* names in sandbox/bin that have a stub, sorted */
    size_t entry_count;
    /* Reserved names that stay inside, of which the user has been told. */
    const char **withheld;
    size_t withheld_count;
    struct venv_interpreter *interpreters;
    size_t interpreter_count;
    bool own_shell;           /* bin/shell is a stub of ours, with nothing inside */
    const char *index_url;    /* default package index of the bundled pip, NULL when unknown */
    const char *index_files;  /* host that the index serves its files from, NULL when unknown */
    const char *tool_version; /* that wrapped it */
    uint32_t bin_mode;        /* of the original bin directory, for unwrap */
    int64_t bin_mtime_ns;
    int64_t root_mtime_ns; /* of the venv directory before the first wrap */
    bool unfinished;       /* the first wrap did not get to its end yet */
};

void venv_init(struct venv *venv);
void venv_finish(struct venv *venv);
#define auto_venv __attribute__((cleanup(venv_finish)))

/* --- discovery (discover.c) ----------------------------------------------------------- */

/* Looks at the venv at `path` (as the user gave it, against the current directory) without changing
 * anything: pyvenv.cfg, interpreter, link chain, project. `project`: what the user named, NULL for
 * the default rule. `home`: the user's home. Works on wrapped and unwrapped.
 * Return: 0, or negative errno with one clear line in *err: no such directory, not a virtualenv
 * (no pyvenv.cfg), no interpreter, a dangling one, a malformed pyvenv.cfg. */
int venv_inspect(struct venv *venv, const char *path, const char *project, const char *home,
                 struct err *err);

/* Is $venv/sandbox/manifest.json there? (regular file; nothing is parsed) Return: 1, 0, or negative
 * errno with *err when that could not be found out. */
int venv_is_wrapped(const char *path, struct err *err);

/* --- manifest (manifest.c; format: docs/formats.md) ------------------------------------ */

int manifest_read(struct venv *venv, const char *venv_path, struct err *err);
int manifest_write(const struct venv *venv, int sandbox_dir, struct err *err);

/* One row per name for `status`: what a person should know about an entry. */
enum entry_state {
    ENTRY_WRAPPED, /* stub outside, real one inside */
    ENTRY_BYPASS,  /* executable in the host's bin that is not our stub */
    ENTRY_MISSING, /* real one inside, no stub outside */
    ENTRY_ORPHAN,  /* stub outside, nothing inside */
    ENTRY_IGNORED, /* not an entry point: activate*, directories, FIFOs */
    ENTRY_STATE__COUNT
};
struct entry_status {
    const char *name;
    enum entry_state state;
};
/* Compares both sides byte for byte. The array lives in venv->arena. */
int venv_entries(struct venv *venv, struct entry_status **out, size_t *count_out, struct err *err);

#endif
