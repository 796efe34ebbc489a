/* Which rights an ABI has and which of them rules give, apart from the calls, for tests of kernels
 * that are not this one. */
#ifndef SVENV_SYS_LANDLOCK_INTERNAL_H
#define SVENV_SYS_LANDLOCK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct landlock_ruleset_v6;

/* Every file system right of the ABI. */
uint64_t landlock_handled(unsigned abi);
/* Those that a rule gives. grants: enum landlock_grant. */
uint64_t landlock_rights(unsigned abi, unsigned grants, bool directory);
/* The attributes that the ruleset is made of. Return: how much of *out a kernel of that ABI knows.
 */
size_t landlock_attr(unsigned abi, struct landlock_ruleset_v6 *out);

#endif
