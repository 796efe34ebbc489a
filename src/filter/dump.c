/* A compiled filter as text, one instruction a line. */
#include "svenv/filter/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/sys/seccomp.h"

/* The accumulator's content when an instruction is reached; jumps go forward, so one pass over the
 * program finds it. */
enum held {
    HELD_UNSET,
    HELD_NUMBER,
    HELD_OTHER
};

static const struct {
    uint32_t action;
    const char *text;
} action_names[] = {
    {SECCOMP_RET_ALLOW, "allow"},
    {SECCOMP_RET_KILL_PROCESS, "kill the process"},
    {SECCOMP_RET_ERRNO | 0, "pretend success"},
    {SECCOMP_RET_ERRNO | EPERM, "EPERM"},
    {SECCOMP_RET_ERRNO | ENOSYS, "ENOSYS"},
    {SECCOMP_RET_ERRNO | ENOTTY, "ENOTTY"},
    {SECCOMP_RET_ERRNO | EINVAL, "EINVAL"},
    {SECCOMP_RET_ERRNO | EOPNOTSUPP, "EOPNOTSUPP"},
    {SECCOMP_RET_ERRNO | EAFNOSUPPORT, "EAFNOSUPPORT"},
    {SECCOMP_RET_ERRNO | EPROTONOSUPPORT, "EPROTONOSUPPORT"},
};

void filter_action(uint32_t action, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(action_names); i++) {
        if (action_names[i].action == action) {
            buf_add_str(out, action_names[i].text);
            return;
        }
    }
    buf_printf(out, "0x%08x", action);
}

static void dump_return(struct buf *out, uint32_t action)
{
    buf_add_str(out, "return ");
    filter_action(action, out);
}

static void dump_load(struct buf *out, uint32_t offset)
{
    const uint32_t args = (uint32_t)offsetof(struct seccomp_data, args);

    if (offset == offsetof(struct seccomp_data, nr))
        buf_add_str(out, "load nr");
    else if (offset == offsetof(struct seccomp_data, arch))
        buf_add_str(out, "load architecture");
    else if (offset >= args && offset < sizeof(struct seccomp_data) && offset % 4 == 0)
        buf_printf(out, "load %s half of argument %u", (offset - args) % 8 == 0 ? "low" : "high",
                   (offset - args) / 8);
    else
        buf_printf(out, "load offset %u", offset);
}

static const char *comparison(uint16_t code)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return "==";
    case BPF_JGE:
        return ">=";
    case BPF_JGT:
        return ">";
    case BPF_JSET:
        return "&";
    default:
        return NULL;
    }
}

static void dump_jump(struct buf *out, const struct sock_filter *insn, size_t at, enum held held)
{
    if (BPF_OP(insn->code) == BPF_JA) {
        buf_printf(out, "goto %zu", at + 1 + insn->k);
        return;
    }
    if (!comparison(insn->code)) {
        buf_printf(out, "jump 0x%02x", insn->code);
        return;
    }

    auto_free char *name = held == HELD_NUMBER ? syscall_name(insn->k) : NULL;

    if (held == HELD_NUMBER && insn->k < SYSCALL_LIMIT)
        buf_printf(out, "if nr %s %u", comparison(insn->code), insn->k);
    else
        buf_printf(out, "if %s %s 0x%x", held == HELD_NUMBER ? "nr" : "it", comparison(insn->code),
                   insn->k);
    if (name)
        buf_printf(out, " (%s)", name);
    buf_printf(out, " goto %zu else %zu", at + 1 + insn->jt, at + 1 + insn->jf);
}

static void dump_insn(struct buf *out, const struct sock_filter *insn, size_t at, enum held held)
{
    buf_printf(out, "%4zu  ", at);
    switch (BPF_CLASS(insn->code)) {
    case BPF_LD:
        dump_load(out, insn->k);
        break;
    case BPF_RET:
        dump_return(out, insn->k);
        break;
    case BPF_JMP:
        dump_jump(out, insn, at, held);
        break;
    case BPF_ALU:
        if (insn->code == (BPF_ALU | BPF_AND | BPF_K)) {
            buf_printf(out, "keep bits 0x%x", insn->k);
            break;
        }
        /* fall through */
    default:
        buf_printf(out, "code 0x%02x k 0x%x", insn->code, insn->k);
    }
    buf_add_char(out, '\n');
}

static void reach(enum held *held, size_t count, size_t target, enum held now)
{
    if (target < count)
        held[target] = held[target] == HELD_UNSET || held[target] == now ? now : HELD_OTHER;
}

/* Records for the instructions that follow this one what the accumulator then holds. */
static void dump_follow(const struct sock_filter *insn, size_t at, enum held *held, size_t count)
{
    enum held now = held[at];

    if (BPF_CLASS(insn->code) == BPF_RET)
        return;
    if (BPF_CLASS(insn->code) == BPF_LD)
        now = insn->k == offsetof(struct seccomp_data, nr) ? HELD_NUMBER : HELD_OTHER;
    else if (BPF_CLASS(insn->code) != BPF_JMP)
        now = HELD_OTHER;
    if (insn->code == (BPF_JMP | BPF_JA)) {
        reach(held, count, at + 1 + insn->k, now);
    } else if (BPF_CLASS(insn->code) == BPF_JMP) {
        reach(held, count, at + 1 + insn->jt, now);
        reach(held, count, at + 1 + insn->jf, now);
    } else {
        reach(held, count, at + 1, now);
    }
}

void filter_dump(const void *program, size_t count, struct buf *out)
{
    const struct sock_filter *insns = program;
    auto_free enum held *held = xcalloc(count + 1, sizeof(*held));

    for (size_t i = 0; i < count; i++) {
        dump_insn(out, &insns[i], i, held[i]);
        dump_follow(&insns[i], i, held, count);
    }
}
