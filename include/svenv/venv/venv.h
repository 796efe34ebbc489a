/* A virtualenv as found on disk, and the manifest that wrapping leaves in it. */
#ifndef SVENV_VENV_VENV_H
#define SVENV_VENV_VENV_H

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

/* What `sandbox-venv status`, the planner and the launcher need to know about one venv. Found by
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

/* --- discovery (venv/discover.c) ----------------------------------------------------------- */

/* Looks at the venv at `path` (as the user gave it, against the current directory) without changing
 * anything: pyvenv.cfg, interpreter, link chain, project. `project`: what the user named, NULL for
 * the default rule (DESIGN.md section 3). `home`: the user's home. Works on wrapped and unwrapped.
 * Return: 0, or negative errno with one clear line in *err: no such directory, not a virtualenv
 * (no pyvenv.cfg), no interpreter, a dangling one, a malformed pyvenv.cfg. */
int venv_inspect(struct venv *venv, const char *path, const char *project, const char *home,
                 struct err *err);

/* Is $venv/sandbox/manifest.json there? (regular file; nothing is parsed) Return: 1, 0, or negative
 * errno with *err when that could not be found out. */
int venv_is_wrapped(const char *path, struct err *err);

/* --- manifest (venv/manifest.c; format: docs/formats.md) ------------------------------------ */

int manifest_read(struct venv *venv, const char *venv_path, struct err *err);
int manifest_write(const struct venv *venv, int sandbox_dir, struct err *err);

/* --- wrap, sync, unwrap (venv/wrap.c, sync.c, unwrap.c) ------------------------------------- */

struct wrap_options {
    const char *stub; /* path of the installed stub: its bytes go into every entry */
    /* called after each entry when there are many; may be NULL */
    void (*progress)(void *context, size_t done, size_t total);
    /* Names that get a stub although they are commands of the system: what the policy says. */
    const char *const *publish;
    size_t publish_count;
    /* Called once in the life of a venv for each other one: it stays inside. NULL: some other time.
     */
    void (*withheld)(void *context, const char *name);
    void *context;
};

struct sync_result {
    size_t added;    /* new real entries that got a stub */
    size_t adopted;  /* entries found raw in the host's bin, moved inside */
    size_t removed;  /* gone on one side, removed on the other */
    size_t repaired; /* stubs rewritten: wrong bytes or mode */
    size_t skipped;  /* names or file types that are left alone (FIFOs, directories, bad names) */
};

/* Takes the venv's lock ($venv/sandbox/lock, or $venv/pyvenv.cfg before there is one): every
 * command that changes the venv holds it. Waits for others. Return: descriptor to close, or
 * negative. */
int venv_lock(const char *venv_path, struct err *err);

/* Makes $venv/sandbox (0700), sandbox/bin with the real entries, $venv/home, $venv/cache, a stub
 * per entry, and the manifest. Idempotent; heals whatever an interrupted wrap, sync or unwrap left.
 * Each step leaves every entry either untouched or wholly wrapped. Holds the lock itself. *venv is
 * what venv_inspect() found; entries are filled in. */
int venv_wrap(struct venv *venv, const struct wrap_options *options, struct sync_result *result,
              struct err *err);

/* Brings bin and sandbox/bin together (DESIGN.md section 9), for an already wrapped venv, and
 * writes the manifest when anything changed. Hostile names and file types are left alone, never
 * followed. Takes the lock itself and reads the manifest again under it: only venv->path need be
 * set, and *venv is what the manifest says afterwards. options->stub NULL: the stub kept in the
 * venv. */
int venv_sync(struct venv *venv, const struct wrap_options *options, struct sync_result *result,
              struct err *err);

/* Gives back bin byte for byte (modes, links, times) and removes what wrapping added: home, cache
 * and what was quarantined only when `purge` or empty. Finishes what an interrupted wrap or unwrap
 * left. -ENOENT: not wrapped. Takes the lock itself. */
int venv_unwrap(const char *venv_path, bool purge, struct err *err);

/* Gives each file in the venv that has a second name elsewhere an inode of its own (C27):
 * installers link from their caches, and what a program inside wrote into such a file would be in
 * every other venv. Must have run since the last change from the host before the venv is shown
 * writable. sandbox, home and cache are left out. Killed half-way, each file is old or new. Takes
 * the lock itself. *copied_out (may be NULL): how many files were copied. Return: 0 or negative
 * errno with *err. */
int venv_break_links(const char *venv_path, size_t *copied_out, struct err *err);

/* --- private temporary directories (venv/temporary.c) --------------------------------------- */

/* Removes those of the venv with that id, if they are this user's. */
void venv_remove_temporary(const char *id);
/* Notes beside them whose they are. They must be there; that it fails does no harm. */
void venv_mark_temporary(const char *id, const char *venv_path);
/* Removes those whose venv is gone, as far as no running program has them. */
void venv_sweep_temporary(void);

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

/* --- the made /etc (venv/etc.c) -------------------------------------------------------------- */

/* Fills $venv/sandbox/etc: passwd, group, nsswitch.conf, machine-id, ... and copies of the small
 * files that programs need (CONTAINMENT.md, Mounts). Each file is replaced atomically and only when
 * it differs, so running sandboxes see a changed resolv.conf. `id`: the venv's; machine-id is made
 * from it in a way that does not give it away.
 * Host files that went in are reported through `note` (for the staleness check). */
struct etc_identity {
    const char *user;
    const char *home;
    const char *shell;
    uint32_t uid, gid;
};
typedef void etc_note_fn(void *context, const char *host_path, bool edited);
int venv_make_etc(const char *venv_path, const char *id, const struct etc_identity *identity,
                  etc_note_fn *note, void *context, struct err *err);

#endif
