/* A machine for classic seccomp programs, as far as they go: the kernel's semantics, without it. */
#ifndef SVENV_TESTS_UNIT_COMPUTE_BPF_H
#define SVENV_TESTS_UNIT_COMPUTE_BPF_H

#include <criterion/criterion.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/filter/filter.h"
#include "svenv/policy/policy.h"
#include "svenv/sys/seccomp.h"

struct program {
    const struct sock_filter *insns;
    size_t count;
};

static inline bool bpf_jumps(const struct sock_filter *insn, uint32_t a)
{
    switch (BPF_OP(insn->code)) {
    case BPF_JEQ:
        return a == insn->k;
    case BPF_JGE:
        return a >= insn->k;
    case BPF_JGT:
        return a > insn->k;
    case BPF_JSET:
        return (a & insn->k) != 0;
    default:
        cr_assert_fail("jump 0x%x", insn->code);
        return false;
    }
}

static inline uint32_t bpf_run(struct program program, const struct seccomp_data *data)
{
    uint32_t a = 0;

    for (size_t pc = 0; pc < program.count; pc++) {
        const struct sock_filter *insn = &program.insns[pc];

        switch (insn->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            cr_assert(insn->k % 4 == 0 && insn->k + 4 <= sizeof(*data));
            memcpy(&a, (const char *)data + insn->k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= insn->k;
            break;
        case BPF_RET | BPF_K:
            return insn->k;
        case BPF_JMP | BPF_JA:
            pc += insn->k;
            break;
        default:
            cr_assert_eq(BPF_CLASS(insn->code), BPF_JMP, "code 0x%x", insn->code);
            pc += bpf_jumps(insn, a) ? insn->jt : insn->jf;
        }
    }
    cr_assert_fail("the program ran off its end");
    return 0;
}

static inline struct policy_values filter_values(enum policy_syscalls profile)
{
    struct policy_values values = {0};

    values.v[POLICY_SYSCALLS_PROFILE].number = profile;
    return values;
}

static inline struct program filter_program(struct arena *arena, const struct policy_values *values)
{
    struct err err = {0};
    const void *program = NULL;
    const char *note = NULL;
    size_t count = 0;

    cr_assert_eq(filter_make(arena, values, 0, &program, &count, &note, &err), 0, "%s", err.msg);
    return (struct program){program, count};
}

static inline unsigned call_number(const char *name)
{
    unsigned number = 0;

    cr_assert_eq(syscall_number(name, &number), 0, "%s", name);
    return number;
}

#endif
