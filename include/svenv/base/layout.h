/* Names that are ours: in a wrapped venv, in temporary directories, in the root of a sandbox, and
 * beside files that are being written or were taken away. */
#ifndef SVENV_BASE_LAYOUT_H
#define SVENV_BASE_LAYOUT_H

#include <stdbool.h>

/* In the venv. */
#define VENV_SANDBOX "sandbox" /* decides about the sandbox; empty inside */
#define VENV_HOME "home"       /* private: $HOME inside */
#define VENV_CACHE "cache"     /* private: ~/.cache inside */

/* In every venv, also in those that are not wrapped: its mark. */
#define VENV_CONFIG "pyvenv.cfg"

/* In its directory `sandbox`; with IN_SANDBOX() as a path below the venv. */
#define IN_SANDBOX(name) VENV_SANDBOX "/" name
#define SANDBOX_BIN "bin" /* the real entry points: bin inside */
#define SANDBOX_ETC "etc" /* made: /etc inside */
#define SANDBOX_POLICY "policy.yaml"
#define SANDBOX_POLICY_NEW SANDBOX_POLICY ".new"
#define SANDBOX_POLICY_OLD SANDBOX_POLICY ".old"
#define SANDBOX_MANIFEST "manifest.json"
#define SANDBOX_PLAN "plan"
#define SANDBOX_SEEN "seen"
#define SANDBOX_MADE_INSIDE "made-inside"
#define SANDBOX_WATCHING "watching"
#define SANDBOX_QUARANTINE "quarantine"
#define QUARANTINE_OF_VENV                                                                         \
    "-venv" /* ends the name of a part that an installer left in the venv                          \
             */
#define SANDBOX_STUB "stub"
#define SANDBOX_INSTALLING "installing" /* what the venv held before installers that run */
#define SANDBOX_LOCK "lock"
#define SANDBOX_INSTALLER "installer" /* an installer's private directories */
#define INSTALLER_HOME SANDBOX_INSTALLER "/" VENV_HOME
#define INSTALLER_CACHE SANDBOX_INSTALLER "/" VENV_CACHE

/* The names in a venv that are ours alone, NULL-terminated: no part of it inside. */
extern const char *const layout_private[];
bool layout_is_private(const char *name);

/* Is a directory of this name in a venv a tree of packages? */
bool layout_is_packages(const char *name);

/* Directories at the top of a project that tools of the host take for its virtualenv, and the paths
 * in one (globs) that make it one or that they run. NULL-terminated. */
extern const char *const layout_usual_venvs[];
extern const char *const layout_venv_marks[];
/* The usual virtualenv in which the path, below the project, is such a mark; NULL: it is none. */
const char *layout_mark_of(const char *rel);
/* Is it the path of a usual virtualenv itself? */
bool layout_is_usual_venv(const char *rel);

/* With the venv's id behind it: its private directories in both places of the host. */
#define TEMPORARY_PREFIX "sandbox-venv-"
#define TEMPORARY_TMP "/tmp"
#define TEMPORARY_SHM "/dev/shm"

/* In the root of a sandbox: what is mounted over a name that is hidden. */
#define ROOT_OWN ".sandbox-venv"
#define ROOT_EMPTY_DIR ROOT_OWN "/empty"
#define ROOT_EMPTY_FILE ROOT_OWN "/file"

/* A file on its way to its place, and a name that was disarmed where it lies. */
#define NAME_UNFINISHED ".sandbox-venv-tmp-"
#define NAME_TAKEN ".sandbox-venv-taken-"

#endif
