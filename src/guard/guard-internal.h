/* Shared by the files that look after the project. */
#ifndef SVENV_GUARD_GUARD_INTERNAL_H
#define SVENV_GUARD_GUARD_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

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

/* Has it been made, or come, since the guard began? */
bool guard_is_new(const struct guard *guard, const struct stat *st);

/* --- links.c ------------------------------------------------------------------------------------
 */

/* Is the name in the directory a new link that leads around the names that are taken away: to one
 * of them under another name, or to a directory that is private to programs inside? */
bool link_leads_around(const struct guard *guard, int dir, const char *name);

/* --- quarantine.c -----------------------------------------------------------------------------
 */

/* Disarms the name below the project `top` at once, and moves its files to the quarantine.
 * Directories are made anew there and only files moved: a process inside that has a directory as
 * its working directory would come with it, by "..", to the place where the sandbox is decided
 * about. Return: 0 (also when the name is gone already), or negative errno. */
int quarantine_take(struct quarantine *q, int top, const char *rel);

/* --- take.c ------------------------------------------------------------------------------------
 */

/* Takes the name. Of a repository only the parts that make it one and that name programs: git finds
 * none there any more, and the rest, which may be large and somebody's, stays. Return: as
 * quarantine_take(). */
int guard_take(struct guard *guard, const char *rel);

/* --- cover.c ----------------------------------------------------------------------------------
 */

void inside_open(struct inside *inside, int pid);

/* Protects (read-only), or hides, what is at the absolute path `dest` inside, as a mount, with
 * every directory between it and `top` a mount point, too. Done by a child that enters the
 * namespaces. Return: 0 when it is so, also when there is nothing at dest; else negative errno. */
int inside_cover(const struct inside *inside, const char *top, const char *dest, bool hide);

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
    WATCHES_MAX = 20480 /* directories at a time */
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

#endif
