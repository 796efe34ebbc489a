/* Shared by the files that look after the project. */
#ifndef SVENV_GUARD_GUARD_INTERNAL_H
#define SVENV_GUARD_GUARD_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;

#include "svenv/guard/guard.h"

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

/* --- own.c ------------------------------------------------------------------------------------
 */

void own_init(struct guard_own *own);
/* Stops the guard when the venv, its bin or its `sandbox` is not the directory that it was. */
void own_check(struct guard *guard, bool ended);
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
 * none there any more, and the rest, which may be large and somebody's, stays. */
void guard_take(struct guard *guard, const char *rel, bool ended);
/* Takes it as a whole, a repository too: the other names in it are not looked at. */
void guard_take_all(struct guard *guard, const char *rel);

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

/* --- present.c: names that were there when the plan was made ------------------------------------
 */

/* Return: 0, or -ENOMEM. */
int present_open(struct guard *guard);
/* The first of them that is below the directory, or behind all that are; they are sorted. */
size_t present_below(const struct plan_file *file, const char *dir);
/* Takes the event at hand about a name in the directory, when it says that the name went. */
void present_event(struct guard *guard, const char *dir, const char *name);
/* Looks at each, where events do not tell. lost: they did until now, so that one that was replaced
 * counts as removed and made again. */
void present_look(struct guard *guard, bool lost);
/* The file of a name in the project. A program that closes a directory above it (EACCES) removes
 * nothing, and nobody can say then what is there. born_ns_out (may be NULL): as sys_birth_ns().
 * Return: 1, 0: there is none, or negative errno. */
int guard_find(const struct guard *guard, const char *rel, struct stat *out, int64_t *born_ns_out);
/* Does a name that was there stay the user's, whatever file it has now? Such a file is protected
 * again. One that was removed, and made again, is judged like any name that appears.
 * Return: 1, 0, or negative errno: nobody can say, as a directory above it is closed. */
int present_stays(struct guard *guard, const char *rel);
/* Has the inode number been that of a protected file, which was made at that time? */
bool present_knows(const struct guard *guard, const struct stat *st, int64_t born_ns);
/* Is the name one that was removed, and that can be the user's again? */
bool present_is_gone(const struct guard *guard, const char *rel);
/* It is, from now on. */
void present_adopt(struct guard *guard, const char *rel);
/* The operation that protects or hides the name in this sandbox; NULL: none does. */
const struct plan_op *present_mount(const struct guard *guard, const char *rel);
/* Protects or hides the name, which somebody outside has replaced, or stops the guard. */
void present_cover_again(struct guard *guard, const char *rel, bool hide);
/* May it be the temporary file of an editor that is about to save a name that is there beside it?
 * *hidden_out: that one is hidden. */
bool present_is_temporary(const struct guard *guard, const char *rel, bool *hidden_out);

/* --- touch.c -----------------------------------------------------------------------------------
 */

/* Return: 0, or -ENOMEM. */
int touch_open(struct watch *watch);
/* A name was covered again that somebody outside had replaced. */
void touch_begin(struct guard *guard, const char *rel, bool hide);
/* Takes the event at hand about a name in the directory, when that is such a one. */
void touch_event(struct guard *guard, const char *dir, const char *name);
/* Has a process inside a way to the name past its mount? */
bool touch_is_held(struct guard *guard, const char *rel);
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
/* Judges the repositories that programs made in earlier runs and that changed in this one. */
void guard_judge_made(struct guard *guard, bool ended);
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
/* A mark that says so in later runs: what it has as its index is nobody's word. Return: it has it.
 */
bool judge_mark_made(int dir);
bool judge_is_marked(int dir);
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
/* Names that lose their protection get it back from here on. Not when the process `pid` has ended:
 * then the launcher says soon whether something lives on. */
void watch_arm(struct guard *guard, int pid);
/* Takes what was reported. */
void watch_take(struct guard *guard);
/* Likewise, all of it, when the sandbox has ended. */
void watch_end(struct guard *guard);

#endif
