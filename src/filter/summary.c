/* A compiled filter as text, by its answers. */
#include "svenv/filter/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/sys/seccomp.h"

#define LINE_WIDTH 96
#define INDENT "    "

static bool summarise_holds(const struct sock_filter *insn, uint32_t number)
{
    switch (BPF_OP(insn->code)) {
    case BPF_JEQ:
        return number == insn->k;
    case BPF_JGE:
        return number >= insn->k;
    case BPF_JGT:
        return number > insn->k;
    default:
        return (number & insn->k) != 0;
    }
}

/* Follows `number` through the program, up to the answer or to the instruction that asks for an
 * argument. Jumps only go forward, so it ends. */
static struct filter_answer follow_number(const struct sock_filter *insns, size_t count,
                                          uint32_t number)
{
    uint32_t held = 0;

    for (size_t at = 0; at < count; at++) {
        const struct sock_filter *insn = &insns[at];

        if (insn->code == (BPF_RET | BPF_K))
            return (struct filter_answer){.action = insn->k, .at = at};
        if (insn->code == (BPF_LD | BPF_W | BPF_ABS) &&
            insn->k == offsetof(struct seccomp_data, nr))
            held = number;
        else if (insn->code == (BPF_LD | BPF_W | BPF_ABS) &&
                 insn->k == offsetof(struct seccomp_data, arch))
            held = SYSCALL_ARCH;
        else if (insn->code == (BPF_JMP | BPF_JA))
            at += insn->k;
        else if (BPF_CLASS(insn->code) == BPF_JMP)
            at += summarise_holds(insn, held) ? insn->jt : insn->jf;
        else
            return (struct filter_answer){.by_argument = true, .at = at};
    }
    return (struct filter_answer){.by_argument = true, .at = count};
}

struct filter_answer filter_answer(const void *program, size_t count, uint32_t number)
{
    return follow_number(program, count, number);
}

static bool same_answer(const struct filter_answer *a, const struct filter_answer *b)
{
    return a->by_argument == b->by_argument && (a->by_argument || a->action == b->action);
}

/* One word of a list that is broken into lines; *column is where the line stands. */
static void summarise_add_word(struct buf *out, size_t *column, const char *word)
{
    size_t len = strlen(word);

    if (*column > 0 && *column + 1 + len <= LINE_WIDTH) {
        buf_add_char(out, ' ');
        *column += 1 + len;
    } else {
        if (*column > 0)
            buf_add_char(out, '\n');
        buf_add_str(out, INDENT);
        *column = strlen(INDENT) + len;
    }
    buf_add_str(out, word);
}

static void add_call(struct buf *out, size_t *column, unsigned number,
                     const struct filter_answer *answer)
{
    auto_free char *name = syscall_name(number);
    auto_free char *word = NULL;

    if (!name)
        return;
    if (answer->by_argument)
        word = xasprintf("%s(%zu)", name, answer->at);
    summarise_add_word(out, column, word ? word : name);
}

static void summarise_add_heading(struct buf *out, const struct filter_answer *answer)
{
    if (answer->by_argument) {
        buf_add_str(out, "by their arguments, from the instruction in brackets on:\n");
        return;
    }
    filter_action(answer->action, out);
    buf_add_str(out, ":\n");
}

void filter_summary(const void *program, size_t count, struct buf *out)
{
    auto_free struct filter_answer *answers = xcalloc(SYSCALL_LIMIT, sizeof(*answers));

    for (unsigned number = 0; number < SYSCALL_LIMIT; number++)
        answers[number] = filter_answer(program, count, number);
    for (unsigned first = 0; first < SYSCALL_LIMIT; first++) {
        size_t column = 0;
        bool is_first = true;

        for (unsigned number = 0; number < first && is_first; number++)
            is_first = !same_answer(&answers[number], &answers[first]);
        if (!is_first)
            continue;
        summarise_add_heading(out, &answers[first]);
        for (unsigned number = first; number < SYSCALL_LIMIT; number++) {
            if (same_answer(&answers[number], &answers[first]))
                add_call(out, &column, number, &answers[number]);
        }
        if (column > 0)
            buf_add_char(out, '\n');
    }
    if (SYSCALL_SECOND_TABLE != 0) {
        buf_printf(out, "from 0x%x on (x32): ", SYSCALL_SECOND_TABLE);
        filter_action(filter_answer(program, count, SYSCALL_SECOND_TABLE).action, out);
        buf_add_char(out, '\n');
    }
    buf_add_str(out, "every other number: ");
    filter_action(filter_answer(program, count, SYSCALL_LIMIT).action, out);
    buf_add_char(out, '\n');
}
