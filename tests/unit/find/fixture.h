/* A made-up virtualenv, its base interpreter, a home and a stub, in a directory of the test's own.
 */
#ifndef SVENV_TESTS_UNIT_VENV_FIXTURE_H
#define SVENV_TESTS_UNIT_VENV_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "svenv/find/venv.h"
#include "svenv/wrap/wrap.h"

struct fixture {
    char root[96];  /* holds all the others */
    char venv[128]; /* root/proj/.venv */
    char home[128]; /* root/home */
    char base[128]; /* root/base: prefix of the interpreter */
    char stub[128]; /* root/stub: the installed stub */
};

/* `where`: an existing directory, NULL for /tmp. */
struct fixture fixture_new(const char *where);
void fixture_drop(struct fixture *f);

/* Paths are relative to the fixture's root. */
void put_file(const struct fixture *f, const char *path, const char *text, mode_t mode);
void put_link(const struct fixture *f, const char *path, const char *target);
void make_dirs(const struct fixture *f, const char *path);
void drop_file(const struct fixture *f, const char *path);
bool is_there(const struct fixture *f, const char *path);
bool is_stub(const struct fixture *f, const char *path);
/* The file's bytes, or "-> target" for a link, NULL when absent. Caller frees. */
char *read_path(const struct fixture *f, const char *path);

/* inspect + wrap, sync, unwrap with the fixture's own paths; they assert success. */
struct sync_result do_wrap(const struct fixture *f);
struct sync_result do_sync(const struct fixture *f);
void do_unwrap(const struct fixture *f);
/* The same without asserting. */
int try_wrap(const struct fixture *f, struct err *err);
int try_sync(const struct fixture *f, struct err *err);

/* One line per file in the venv's bin (name, mode, time, content) and for the venv itself: what
 * unwrap has to give back. Caller frees. */
char *snapshot(const struct fixture *f);

/* Runs `body` in a forked child. Return: its wait status. */
int in_child(int (*body)(const struct fixture *f), const struct fixture *f);

#endif
