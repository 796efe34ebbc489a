/* The system call filter as data. sets.c: names and their actions; args.c: rules over arguments;
 * filter.c: policy -> spec; compile.c: spec -> program. */
#ifndef SVENV_FILTER_FILTER_INTERNAL_H
#define SVENV_FILTER_FILTER_INTERNAL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svenv/policy/policy.h"
#include "svenv/sys/seccomp.h"

/* An action is what a seccomp program returns. */
#define FILTER_ALLOW SECCOMP_RET_ALLOW
#define FILTER_KILL SECCOMP_RET_KILL_PROCESS
#define FILTER_ERRNO(code) (SECCOMP_RET_ERRNO | (uint32_t)(code))

/* --- argument rules (args.c) ---------------------------------------------------------- */

/* Which half of an argument is looked at. The kernel takes most arguments as 32 bits and ignores
 * the upper half, so looking at all 64 would let a program hide a value there. */
#define FILTER_LOW(arg) ((uint8_t)(2 * (arg)))
#define FILTER_HIGH(arg) ((uint8_t)(2 * (arg) + 1))

enum filter_test {
    FILTER_NONE,    /* ends the conditions of a clause */
    FILTER_ANY_OF,  /* (word & mask) is one of values[0..count) */
    FILTER_BETWEEN, /* values[0] <= word <= values[1] */
    FILTER_BITS,    /* one of the bits of mask is set */
    FILTER_TEST__COUNT
};

#define FILTER_VALUES_MAX 8
struct filter_cond {
    enum filter_test test;
    uint8_t word;
    uint32_t mask;
    uint8_t count;
    uint32_t values[FILTER_VALUES_MAX];
};

/* All conditions hold -> action. */
#define FILTER_CONDS_MAX 3
struct filter_clause {
    struct filter_cond conds[FILTER_CONDS_MAX + 1];
    uint32_t action;
};

/* The first clause that holds decides. */
struct filter_rule {
    const struct filter_clause *clauses;
    size_t count;
    uint32_t otherwise;
};

/* The settings that the rules depend on. */
struct filter_setting {
    enum policy_syscalls profile;
    bool user_namespaces; /* allowed to the program */
    bool signals_scoped;  /* Landlock keeps them inside (ABI 6) */
    bool contents_kept;   /* Landlock decides who may truncate (ABI 3), or nobody can (0) */
};

/* The rule of a system call that is open, or NULL: every argument may pass. */
const struct filter_rule *filter_rule_for(const char *name, const struct filter_setting *setting);

/* --- named sets (sets.c) -------------------------------------------------------------- */

struct filter_set {
    const char *name;
    uint32_t actions[SYSCALLS__COUNT]; /* per profile; those of SYSCALLS_OFF are not used */
    const char *const *calls;          /* NULL-terminated */
};
extern const struct filter_set filter_sets[];
extern const size_t filter_set_count;

/* --- the spec (filter.c) --------------------------------------------------------------------- */

struct filter_entry {
    uint32_t action;
    uint32_t closed;                /* the action when the policy closes it */
    const struct filter_rule *rule; /* decides instead of action where it is not NULL */
};

struct filter_spec {
    struct filter_entry entries[SYSCALL_LIMIT];
    uint32_t beyond; /* numbers from SYSCALL_LIMIT on */
};

int filter_spec_make(struct filter_spec *spec, const struct policy_values *values,
                     unsigned landlock_abi, struct err *err);

/* --- compiling (compile.c) and assembling (assemble.c) ------------------------------ */

/* Gives back a program in the arena. */
const struct sock_filter *filter_compile(struct arena *arena, const struct filter_spec *spec,
                                         size_t *count_out);

/* A program under construction: jumps name labels, and go forward only. */
#define FILTER_CODE_MAX 2048
#define FILTER_NEXT (-1) /* the label of the following instruction */

struct filter_insn {
    uint16_t code;
    uint32_t k;
    int yes, no; /* labels */
};
struct filter_code {
    struct filter_insn insns[FILTER_CODE_MAX];
    size_t count;
    size_t labels[FILTER_CODE_MAX]; /* the instruction that a label stands before */
    size_t label_count;
};

int filter_label(struct filter_code *code);
void filter_place(struct filter_code *code, int label);
void filter_emit(struct filter_code *code, uint16_t op, uint32_t k);
void filter_jump(struct filter_code *code, uint16_t op, uint32_t k, int yes, int no);
const struct sock_filter *filter_assemble(struct arena *arena, const struct filter_code *code,
                                          size_t *count_out);

#endif
