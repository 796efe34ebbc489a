/* Shared by the files that look after the project. */
#ifndef SVENV_GUARD_GUARD_INTERNAL_H
#define SVENV_GUARD_GUARD_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;

#include "svenv/guard/guard.h"

/* --- scan.c: the names of a directory ------------------------------------------------------ */

/* Adds a component. Return: the length before, for scan_path_cut(), or -ENAMETOOLONG. */
int scan_path_add(struct scan_path *path, const char *name);
void scan_path_cut(struct scan_path *path, int len);

/* Would Python take the directory for a venv? Return: 1, 0, or negative errno. */
int scan_venv(int dir);

/* Opens a directory to list it. Its owner, when that is the caller, gets the permissions `mode`:
 * programs take them away. Return: descriptor or negative errno. */
int scan_open_forcibly(int parent, const char *name, unsigned mode);

/* The directory below `top` that the name at the path is in, O_PATH, or negative errno. */
int scan_open_parent(int top, const char *rel);

/* directory: by its entry; a name that vanishes meanwhile is none. Return: not 0 to stop. */
typedef int scan_fn(void *context, int dir, const char *name, bool directory);

/* Calls `fn` for the names of `dir`, an O_RDONLY descriptor, from its beginning. Return: 0, what fn
 * returned, -EOVERFLOW when there are more names than are looked at, or negative errno. */
int scan_names(int dir, scan_fn *fn, void *context);

/* --- seen.c -----------------------------------------------------------------------------------
 */

/* Writes the record for the next start, where the plan is kept, too. */
void seen_write(const struct seen *seen);

/* --- gather.c -----------------------------------------------------------------------------------
 */

/* Is the directory at the entry's path the one that the plan knows? *ctime_ns_out (may be NULL):
 * its change time when it is, else 0. */
enum seen_state {
    SEEN_SAME,
    SEEN_OTHER,
    SEEN_GONE,
    SEEN_UNKNOWN /* it could not be looked at */
};
enum seen_state seen_look(const struct seen *seen, const struct plan_seen *entry,
                          int64_t *ctime_ns_out);

enum {
    GATHER_HELPERS_MAX = 7
};
struct gather_shared;
struct gather {
    const struct seen *seen;
    struct gather_shared *shared; /* NULL: each is looked at when it is asked for */
    pid_t helpers[GATHER_HELPERS_MAX];
    size_t helper_count;
};

/* Looks at all directories of seen->file whose names are compared, with seen_look(). */
void gather_begin(struct gather *gather, const struct seen *seen);
/* seen_look() of one of them; of one that could not be looked at before, now. */
enum seen_state gather_look(const struct gather *gather, size_t index, int64_t *ctime_ns_out);
void gather_end(struct gather *gather);

/* Has it been made, or come, since the guard began? */
bool guard_is_new(const struct guard *guard, const struct stat *st);

/* --- links.c ------------------------------------------------------------------------------------
 */

/* Is the name in the directory a new link that leads around the names that are taken away: to one
 * of them under another name, or to a directory that is private to programs inside? */
bool link_leads_around(const struct guard *guard, int dir, const char *name);

/* --- top.c --------------------------------------------------------------------------------------
 */

/* When the program has ended: the project's directory is opened for its owner when the program has
 * closed it, and closed for others when the program has opened it to them. */
void top_open(const struct guard *guard);
void top_close(struct guard *guard);

/* --- quarantine.c -----------------------------------------------------------------------------
 */

/* Disarms the name below the project `top` at once, and moves its files to the quarantine.
 * Directories are made anew there and only files moved: a process inside that has a directory as
 * its working directory would come with it, by "..", to the place where the sandbox is decided
 * about. Return: 0 (also when the name is gone already), or negative errno. */
int quarantine_take(struct quarantine *q, int top, const char *rel);

/* --- own.c ------------------------------------------------------------------------------------
 */

void own_init(struct guard_own *own);
/* Stops the guard when the venv, its bin or its `sandbox` is not the directory that it was. */
void own_check(struct guard *guard);
/* Has inotify wake the guard when that may be so. */
void own_watch(const struct guard *guard);

/* --- venvs.c ----------------------------------------------------------------------------------
 */

/* Of the directory `dir`, which is a virtualenv and whose path is the guard's: notes it in
 * $venv/sandbox/made-inside, when its mark is new, and in the report. */
void venvs_record(struct guard *guard, int dir);
/* A wrapped one is the user's: protects it in the running sandbox, or stops the guard. Return: it
 * is protected. */
bool venvs_cover(struct guard *guard, int dir);

/* Of a new directory `dir` whose path is the guard's, when it stands in the place of a protected
 * virtualenv, or is a `.venv`: closes it to the running programs, before something is in it when
 * that succeeds. It is the user's then. known: the plan protects what was there. Return: it is the
 * user's. */
bool venvs_close(struct guard *guard, int dir, bool known);
/* Is the path a mark in a usual virtualenv that a command of the host closed to programs inside? */
bool venvs_is_users(struct guard *guard, const char *rel);
/* --- take.c ------------------------------------------------------------------------------------
 */

/* Takes the name. Of a repository only the parts that make it one and that name programs: git finds
 * none there any more, and the rest, which may be large and somebody's, stays. Return: as
 * quarantine_take(). */
int guard_take(struct guard *guard, const char *rel);

/* --- cover.c ----------------------------------------------------------------------------------
 */

enum {
    COVER_HIDE = 1 << 0, /* empty, else read-only */
    COVER_PIN = 1 << 1,  /* each directory between it and the project becomes a mount point, too */
    COVER_SEARCH = 1 << 2, /* mounts nothing, see held.c */
    COVER_LOOK = 1 << 3    /* likewise, see inside_look() */
};

/* Does a program that runs in a sandbox hold the path, as it is called inside, or something below
 * it, open? A process that cannot be looked at counts, too. */
bool running_holds(const char *path);

/* How does the directory at the absolute path look inside? */
enum inside_view {
    INSIDE_UNKNOWN,
    INSIDE_OTHER, /* it is not the one of `st`, or not there */
    INSIDE_READ_ONLY,
    INSIDE_WRITABLE
};
enum inside_view inside_look(struct inside *inside, const char *path, const struct stat *st);

void inside_open(struct inside *inside, int pid);
void inside_close(struct inside *inside);
#define auto_inside __attribute__((cleanup(inside_close)))
/* Has a process wait in the sandbox for names to be covered. Return: 0, or negative errno. */
int inside_begin(struct inside *inside);

/* Protects (read-only), or hides, what is at the absolute path `dest` inside, as a mount. top: the
 * project's path, which it begins with. how: COVER_* bits. Return: 0 when it is so, also when there
 * is nothing at dest; else negative errno. With COVER_SEARCH as held_inside(). */
int inside_cover(struct inside *inside, const char *top, const char *dest, unsigned how);

/* --- held.c ------------------------------------------------------------------------------------
 */

/* Return: 1 when a process of the sandbox has a descriptor for the path, or is in a directory at or
 * below it, that does not lead through the mount on it; 0: none; negative errno: unknown. */
int held_inside(const char *dest);

/* --- turn.c ------------------------------------------------------------------------------------
 */

/* Asks for the lock, and never waits for it. */
void turn_try(struct guard *guard);
/* A name is to be taken: is it for another program's guard to do? Then turn_look() is to be called
 * by guard->watch.waits_until_ms. */
bool turn_is_anothers(struct guard *guard);
/* Asks again. Return: it is time for a look that takes what was left to another guard, which has
 * ended, or has not done it; turn_looked() comes after that. */
bool turn_is_due(struct guard *guard);
void turn_looked(struct guard *guard);

/* --- touch.c -----------------------------------------------------------------------------------
 */

/* Return: 0, or -ENOMEM. */
int touch_open(struct watch *watch);
/* A name was covered again that somebody outside had replaced. */
void touch_begin(struct guard *guard, const char *rel, bool hide);
/* Takes the event at hand about a name in the directory, when that is such a one. */
void touch_event(struct guard *guard, const char *dir, const char *name);
/* Events were lost. */
void touch_lost(struct guard *guard);
/* Return: of some names it is not known yet. Call it again when something was reported, and in
 * WATCH_STEP_MS. */
bool touch_settle(struct guard *guard);

/* --- judge.c, judge_content.c, judge_repository.c: whose is a name that appeared?
 * -----------------
 */

enum verdict {
    VERDICT_KEEP, /* the user's: in the index, known by its inode, or a repository that runs nothing
                   */
    VERDICT_WAIT, /* the user's git is at work, and will say */
    VERDICT_TAKE
};

/* Does the name that appeared stay? It is covered inside first, and looked at again and again while
 * the guard lives, because a program can have kept a descriptor of it. ended: nobody inside is left
 * to write. */
bool guard_keeps(struct guard *guard, const char *rel, bool ended);
/* Looks at the names that stay. Those that are no more what they were are taken. */
void guard_judge_again(struct guard *guard, bool ended);
/* In how many milliseconds guard_judge_again() is to be called; 0: not at all. */
int guard_judge_next_ms(const struct guard *guard);

/* A repository that is the user's word about the files in its worktree. */
struct judge_repository {
    int dir;              /* O_PATH; -1: none */
    char below[PATH_MAX]; /* the name's path, from the worktree's top */
    bool at_work;         /* the user's git changes it just now */
};
/* The repository that git finds for the name, if no program can have made it. */
void judge_find(const struct guard *guard, const char *rel, struct judge_repository *out);
/* A .git that is no directory. */
bool judge_git_file(const struct guard *guard, const char *rel);
/* A .git, or a repository without: is there nothing in it that git would run? depth: of the
 * directory below that which it is the repository of. */
bool judge_is_harmless(int dir, unsigned depth);
/* A mark that says so in later runs: what it has as its index is nobody's word. Return: it has it.
 */
bool judge_mark_made(int dir);
/* Is it a .git by its name? */
bool judge_is_git(const char *rel);

/* Compares what is at the path with the repository's index, and takes what does not belong to a
 * directory that does. */
enum verdict judge_content(struct guard *guard, const char *rel,
                           const struct judge_repository *repository, bool ended);

/* --- sweep.c ----------------------------------------------------------------------------------
 */

/* Looks through the directories that have changed. ended: the program, or all of the sandbox, has
 * ended; only then byte code is removed. */
void guard_sweep(struct guard *guard, bool ended);
/* One name that appeared in the directory `rel` ("": the project). */
void guard_see(struct guard *guard, const char *rel, const char *name, bool directory);
/* Opens a directory of the project to list it. git and others need only pass through a directory,
 * so a program could close one to hide from us what they find in it: such a directory is opened for
 * its owner, and stays open. Return: descriptor or negative errno. */
int guard_open(struct guard *guard, int parent, const char *name);

/* --- watched.c, watch.c -----------------------------------------------------------------------
 */

enum {
    WATCHES_MAX = 20480, /* directories at a time */
    WATCH_STEP_MS = 10
};
struct watched {
    int number; /* of inotify(7), which gives none twice */
    char *rel;
};

/* A directory that was found to be new. */
void watch_add(struct guard *guard, int dir, const char *rel);
/* The directory of that number; NULL: it is not watched (any more). */
struct watched *watch_of(const struct watch *watch, int number);
/* The kernel has given up the watch: the directory is gone. */
void watch_drop(struct watch *watch, int number);

/* Begins to watch: beside the program `pid`, or what pid 1 has adopted, or pid 1. */
void watch_begin(struct guard *guard, int pid);
/* Without inotify: gives names that lose their protection it back, and does no more. */
void watch_begin_looks(struct guard *guard, int pid);
/* Takes what was reported. */
void watch_take(struct guard *guard);
/* Likewise, all of it, when the sandbox has ended. */
void watch_end(struct guard *guard);

#endif
