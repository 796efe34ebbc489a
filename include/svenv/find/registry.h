/* Which venvs this user has wrapped: ${XDG_STATE_HOME:-~/.local/state}/sandbox-venv/venvs, a line
 * each: "PATH<TAB>IDENTITY", the latter of the directory `sandbox` in it. Nothing inside a sandbox
 * can write there, so it tells what the user wrapped from what only looks wrapped. */
#ifndef SVENV_FIND_REGISTRY_H
#define SVENV_FIND_REGISTRY_H

struct err;
struct strv;
struct user;

/* All paths, those of venvs that are gone included. No registry is an empty one. */
int registry_read(const struct user *user, struct strv *out, struct err *err);

/* Has this user wrapped the venv that lies there now, and no other that lay there before?
 * Return: 1, 0, or negative errno with *err. */
int registry_knows(const struct user *user, const char *path, struct err *err);

/* Adds `path`, or takes it out; paths of venvs that are gone go with it. Return: 0 or negative
 * errno. */
int registry_add(const struct user *user, const char *path, struct err *err);
int registry_remove(const struct user *user, const char *path, struct err *err);

#endif
