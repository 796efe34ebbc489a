/* The policy in force: files, then what the environment and the command line lay over them. */
#ifndef SVENV_COMPILE_LAYERS_H
#define SVENV_COMPILE_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "svenv/policy/policy.h"

struct err;
struct strv;
struct user;

/* The grants on the command line of one start. */
struct layers_grants {
    const char *network; /* NULL: not given */
    const struct strv *read;
    const struct strv *write;
    const struct strv *bwrap; /* bubblewrap's options with their operands, in order */
};

struct layers {
    const char *venv_file; /* the venv's policy file; NULL: none */
    const char *profile;   /* instead of a venv_file: this profile and nothing else */
    bool history;          /* what comes of it is the venv's policy: see history.h */
    bool environment;      /* BWRAP_ARGS, SANDBOX_SECCOMP_ALLOW, SANDBOX_USE_PIP_CACHE count */
    const struct layers_grants *grants; /* NULL: none */
};

/* Loads, layers and checks. Return: 0, or negative errno with *err naming file and line, variable
 * or option. *policy is finished by the caller in both cases. */
int layers_load(struct policy *policy, const struct user *user, const struct layers *layers,
                struct err *err);

/* Reads `--policy WORD`: a profile by its name, or a file. One of *file_out and *profile_out is
 * set. Caller frees. */
int layers_named(const char *word, char **file_out, char **profile_out, struct err *err);

/* Lays bubblewrap options over the policy; `source` names them in errors and origins. */
int layers_bwrap(struct policy *policy, const char *source, const char *const *words, size_t count,
                 struct err *err);

/* $venv/sandbox/policy.yaml. Caller frees. */
char *layers_venv_file(const char *venv_path);

#endif
