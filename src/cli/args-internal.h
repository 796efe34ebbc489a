/* Command lines: one table of options for all commands, each command says which it accepts. */
#ifndef SVENV_CLI_ARGS_INTERNAL_H
#define SVENV_CLI_ARGS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/base/str.h"

struct err;

/* The options that a command accepts; every command accepts --help and --quiet. */
enum args_accept {
    ACCEPT_VENV = 1u << 0,    /* one word: VENV */
    ACCEPT_POLICY = 1u << 1,  /* --policy FILE|PROFILE */
    ACCEPT_PROJECT = 1u << 2, /* --project DIR */
    ACCEPT_PYTHON = 1u << 3,  /* --python EXE */
    ACCEPT_PURGE = 1u << 4,
    ACCEPT_JSON = 1u << 5,
    ACCEPT_CHECK = 1u << 6,
    ACCEPT_SHOW = 1u << 7,        /* --origins, --diff, --filter */
    ACCEPT_GRANT = 1u << 8,       /* --network, --read, --write */
    ACCEPT_BWRAP = 1u << 9,       /* bubblewrap's options, anywhere */
    ACCEPT_REST = 1u << 10,       /* words after "--" */
    ACCEPT_BWRAP_REST = 1u << 11, /* the same, and they are bubblewrap's options */
    ACCEPT_EXTRA = 1u << 12,      /* what is not known is kept in `extra` */
    ACCEPT_LOG = 1u << 13         /* --follow, --denied */
};

struct args {
    const char *venv; /* NULL: not given */
    bool help;
    bool quiet;
    bool purge;
    bool json;
    bool check;
    bool follow;
    bool denied;
    bool origins;
    bool diff;
    bool filter;
    const char *policy;
    const char *project;
    const char *python;
    const char *network;
    struct strv read;
    struct strv write;
    struct strv bwrap; /* bubblewrap options with their operands, in order */
    struct strv extra;
    const char *const *rest; /* words after "--"; NULL: there was none */
    size_t rest_count;
};

/* Sorts `words` into *out; strings are borrowed or owned by the vectors.
 * Return: 0, or negative errno with *err in words for a person. args_finish() in both cases. */
int args_parse(uint32_t accepts, const char *const *words, size_t count, struct args *out,
               struct err *err);
void args_finish(struct args *args);
#define auto_args __attribute__((cleanup(args_finish)))

#endif
