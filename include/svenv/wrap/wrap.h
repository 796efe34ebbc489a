/* Changing a venv: wrapping it, bringing its two sides in step, undoing it, and what goes with it.
 */
#ifndef SVENV_WRAP_WRAP_H
#define SVENV_WRAP_WRAP_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct strv;
struct venv;

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
 * per entry, and the manifest. Idempotent; mends the traces of an interrupted wrap, sync or unwrap.
 * Each step leaves every entry either untouched or wholly wrapped. Holds the lock itself. *venv is
 * what venv_inspect() found; entries are filled in. */
int venv_wrap(struct venv *venv, const struct wrap_options *options, struct sync_result *result,
              struct err *err);

/* Brings bin and sandbox/bin together for an already wrapped venv, and writes the manifest when
 * anything changed. Hostile names and file types are left alone, never followed. Takes the lock
 * itself and reads the manifest again under it: only venv->path need be set, and *venv holds the
 * manifest's content afterwards. options->stub NULL: the stub kept in the venv. */
int venv_sync(struct venv *venv, const struct wrap_options *options, struct sync_result *result,
              struct err *err);

/* Gives back bin byte for byte (modes, links, times) and removes what wrapping added. Home, cache
 * and the quarantine go only when `purge` is given or they are empty. Finishes an interrupted wrap
 * or unwrap. -ENOENT: not wrapped. Takes the lock itself. */
int venv_unwrap(const char *venv_path, bool purge, struct err *err);
/* The same. told (may be NULL): the names of interpreters that are not those that were wrapped, but
 * what an installer put in their place. Those are in the quarantine; links are as they were. */
int venv_unwrap_telling(const char *venv_path, bool purge, struct strv *told, struct err *err);

/* Gives each file in the venv that has a second name elsewhere an inode of its own
 * (docs/SECURITY.md, C27): installers link from their caches, and a program inside that wrote into
 * such a file would change every other venv. Must have run since the last change from the host
 * before the venv is shown writable. One that is not wrapped must be closed to programs that run
 * (running_close()). sandbox, home and cache are left out. Killed half-way, each
 * file is old or new. Takes the lock itself. *copied_out (may be NULL): how many files were copied.
 * Return: 0 or negative errno with *err. */
int venv_break_links(const char *venv_path, size_t *copied_out, struct err *err);

/* --- private temporary directories (temporary.c) -------------------------------------------- */

/* Removes those of the venv with that id, if they are this user's. */
void venv_remove_temporary(const char *id);
/* Does something stand there that is no directory of this user? Others may write there, too. */
bool venv_temporary_is_taken(const char *id);
/* Gives the venv another id, and by it other private directories: a wrapped one. Takes the lock
 * itself. Those of the old id are removed when no program has them.
 * Return: 0 or negative errno with *err. */
int venv_rename_temporary(const char *venv_path, struct err *err);
/* Notes beside them whose they are. They must be there; a failure does no harm. */
void venv_mark_temporary(const char *id, const char *venv_path);
/* Removes those whose venv is gone, as far as no running program has them. */
void venv_sweep_temporary(void);
/* Has a process these directories as its own? True when nobody can say; one that is just ending is
 * waited for, for a second. */
bool venv_is_running(const char *id);

#endif
