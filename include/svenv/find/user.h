/* The person who calls, as passwd knows them, and the venv that they name. */
#ifndef SVENV_FIND_USER_H
#define SVENV_FIND_USER_H

#include <sys/types.h>

struct err;

struct user {
    uid_t uid;
    gid_t gid;
    char *name;
    char *home;      /* as passwd says */
    char *home_real; /* without symlinks */
    char *shell;
    char *policy; /* path of the user's own policy file, which need not exist */
};

/* Reads passwd; an account without an entry (containers) has $HOME and the number as its name.
 * Return: 0, or negative errno with *err. user_finish() frees. */
int user_load(struct user *user, struct err *err);
void user_finish(struct user *user);
#define auto_user __attribute__((cleanup(user_finish)))

/* mkdir -p with mode 0700. Return: 0 or negative errno with *err. */
int user_make_dirs(const char *path, struct err *err);

/* Real path of the venv that the command line names (NULL: .venv). Caller frees.
 * Return: 0, or negative errno with *err in one clear line. */
int venv_named(const char *word, char **path_out, struct err *err);
/* The same, and it must be wrapped. */
int venv_named_wrapped(const char *word, char **path_out, struct err *err);

#endif
