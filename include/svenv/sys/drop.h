/* Giving up privileges: capabilities, Landlock, the system call filter. Each is verified. */
#ifndef SVENV_SYS_DROP_H
#define SVENV_SYS_DROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Drops every capability that is not in the mask (bit = number) from the caller's bounding set, for
 * it and its later children (capabilities(7)). Return: 0 or negative errno with *err. */
int caps_bound(uint64_t mask, struct err *err);

/* Keeps only the capabilities in the mask in every other set, ambient included, so that they
 * survive exec, and locks the securebits. caps_bound() must have come before. Return: 0 or negative
 * errno with *err. */
int caps_keep(uint64_t mask, struct err *err);

/* Empties the caller's own sets, for a process that will never execute anything: the bounding set
 * stays. */
int caps_clear(struct err *err);

/* The running kernel's Landlock ABI, 0 when there is none (landlock(7)). */
unsigned landlock_abi(void);

/* The same for a caller who decides by it: negative errno when the kernel did not say. */
int landlock_probe(void);

/* Rights that a rule gives below a path, beside reading and executing. */
enum landlock_grant {
    LANDLOCK_WRITE = 1u << 0,  /* changing it in every way */
    LANDLOCK_CONNECT = 1u << 1 /* connecting to sockets that other sandboxes or the host made */
};

/* A ruleset that handles every right of `abi`. Without a rule everything is denied; so are signals
 * and abstract sockets to processes outside (ABI 6). Return: descriptor or negative. */
int landlock_open(unsigned abi, struct err *err);
/* Lets the tree at `path` be read and executed, and what `grants` (enum landlock_grant) say. root:
 * what "/" means in the path, an O_PATH descriptor; -1: the caller's own root. */
int landlock_allow(int ruleset, unsigned abi, int root, const char *path, unsigned grants,
                   struct err *err);
/* Lets regular files that the program inherits be opened again by /dev/stdout and the like, with
 * the rights that their descriptors have already: reading, writing, and truncating unless they
 * append. Looks at the descriptors that a shell can redirect by number. */
int landlock_allow_inherited(int ruleset, unsigned abi, struct err *err);
/* Puts the ruleset in force for the caller, for good. Needs no_new_privs. */
int landlock_enforce(int ruleset, struct err *err);

int no_new_privs(struct err *err);

/* Loads a classic BPF program (struct sock_filter[count]) as seccomp filter. */
int filter_load(const void *program, size_t count, struct err *err);

#endif
