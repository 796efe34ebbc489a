/* Puts the instructions of a filter in order, and resolves their labels. */
#include "filter-internal.h"

#include <assert.h>
#include <string.h>

#define SHORT_JUMP_MAX 255 /* conditional jumps have 8 bits of offset */

int filter_label(struct filter_code *code)
{
    assert(code->label_count < FILTER_CODE_MAX);
    code->labels[code->label_count] = SIZE_MAX;
    return (int)code->label_count++;
}

void filter_place(struct filter_code *code, int label)
{
    code->labels[label] = code->count;
}

void filter_emit(struct filter_code *code, uint16_t op, uint32_t k)
{
    filter_jump(code, op, k, FILTER_NEXT, FILTER_NEXT);
}

void filter_jump(struct filter_code *code, uint16_t op, uint32_t k, int yes, int no)
{
    assert(code->count < FILTER_CODE_MAX);
    code->insns[code->count++] = (struct filter_insn){op, k, yes, no};
}

static bool is_always(const struct filter_insn *insn)
{
    return insn->code == (BPF_JMP | BPF_JA);
}

static bool is_conditional(const struct filter_insn *insn)
{
    return BPF_CLASS(insn->code) == BPF_JMP && !is_always(insn);
}

static size_t target_of(const struct filter_code *code, size_t from, int label)
{
    if (label == FILTER_NEXT)
        return from + 1;
    assert(code->labels[label] > from && code->labels[label] < code->count);
    return code->labels[label];
}

/* Where each instruction ends up, and which of a conditional jump's two ways need an instruction of
 * their own behind it because the target is too far. */
struct layout {
    size_t at[FILTER_CODE_MAX + 1];
    bool far_yes[FILTER_CODE_MAX];
    bool far_no[FILTER_CODE_MAX];
};

static void place_all(const struct filter_code *code, struct layout *layout)
{
    layout->at[0] = 0;
    for (size_t i = 0; i < code->count; i++)
        layout->at[i + 1] =
            layout->at[i] + 1 + (size_t)layout->far_yes[i] + (size_t)layout->far_no[i];
}

static bool mark_far(const struct filter_code *code, const struct layout *layout, size_t from,
                     int label, bool *far)
{
    size_t distance = layout->at[target_of(code, from, label)] - layout->at[from] - 1;

    if (*far || distance <= SHORT_JUMP_MAX)
        return false;
    *far = true;
    return true;
}

/* Every extra instruction can push other targets out of reach, so this repeats until nothing
 * changes. */
static void settle(const struct filter_code *code, struct layout *layout)
{
    for (bool changed = true; changed;) {
        changed = false;
        place_all(code, layout);
        for (size_t i = 0; i < code->count; i++) {
            const struct filter_insn *insn = &code->insns[i];

            if (!is_conditional(insn))
                continue;
            changed |= mark_far(code, layout, i, insn->yes, &layout->far_yes[i]);
            changed |= mark_far(code, layout, i, insn->no, &layout->far_no[i]);
        }
    }
}

/* The instruction that stands in for a far target: a copy of a return, or an unconditional jump. */
static struct sock_filter stand_in(const struct filter_code *code, const struct layout *layout,
                                   size_t target, size_t here)
{
    const struct filter_insn *insn = &code->insns[target];

    if (BPF_CLASS(insn->code) == BPF_RET)
        return (struct sock_filter){insn->code, 0, 0, insn->k};
    return (struct sock_filter){BPF_JMP | BPF_JA, 0, 0, (uint32_t)(layout->at[target] - here - 1)};
}

static void write_conditional(const struct filter_code *code, const struct layout *layout, size_t i,
                              struct sock_filter *out)
{
    const struct filter_insn *insn = &code->insns[i];
    size_t yes = target_of(code, i, insn->yes);
    size_t no = target_of(code, i, insn->no);
    size_t here = layout->at[i];
    size_t next = here + 1;
    uint8_t yes_offset = 0;
    uint8_t no_offset = 0;

    if (layout->far_yes[i]) {
        yes_offset = (uint8_t)(next - here - 1);
        out[next] = stand_in(code, layout, yes, next);
        next++;
    } else {
        yes_offset = (uint8_t)(layout->at[yes] - here - 1);
    }
    if (layout->far_no[i]) {
        no_offset = (uint8_t)(next - here - 1);
        out[next] = stand_in(code, layout, no, next);
    } else {
        no_offset = (uint8_t)(layout->at[no] - here - 1);
    }
    out[here] = (struct sock_filter){insn->code, yes_offset, no_offset, insn->k};
}

const struct sock_filter *filter_assemble(struct arena *arena, const struct filter_code *code,
                                          size_t *count_out)
{
    auto_free struct layout *layout = xcalloc(1, sizeof(*layout));

    settle(code, layout);

    size_t count = layout->at[code->count];
    struct sock_filter *out = arena_alloc(arena, count * sizeof(*out));

    assert(count <= BPF_MAXINSNS);
    for (size_t i = 0; i < code->count; i++) {
        const struct filter_insn *insn = &code->insns[i];
        size_t here = layout->at[i];

        if (is_conditional(insn))
            write_conditional(code, layout, i, out);
        else if (is_always(insn))
            out[here] = stand_in(code, layout, target_of(code, i, insn->yes), here);
        else
            out[here] = (struct sock_filter){insn->code, 0, 0, insn->k};
    }
    *count_out = count;
    return out;
}
