/* Which venvs this user has wrapped: ${XDG_STATE_HOME:-~/.local/state}/sandbox-venv/venvs, one path
 * a line. A convenience for `list`; nothing decides by it. */
#ifndef SVENV_CLI_REGISTRY_INTERNAL_H
#define SVENV_CLI_REGISTRY_INTERNAL_H

struct err;
struct strv;
struct user;

/* All paths, those of venvs that are gone included. No registry is an empty one. */
int registry_read(const struct user *user, struct strv *out, struct err *err);

/* Adds `path`, or takes it out; paths of venvs that are gone go with it. Return: 0 or negative
 * errno. */
int registry_add(const struct user *user, const char *path, struct err *err);
int registry_remove(const struct user *user, const char *path, struct err *err);

#endif
