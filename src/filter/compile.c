/* The program: check of the architecture, a search tree over the number, one block per argument
 * rule. The kernel runs it for every number when it is loaded, so each start pays for its depth. */
#include "filter-internal.h"

#include <assert.h>
#include <stddef.h>

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define AND (BPF_ALU | BPF_AND | BPF_K)
#define RETURN (BPF_RET | BPF_K)
#define IF_EQUAL (BPF_JMP | BPF_JEQ | BPF_K)
#define IF_AT_LEAST (BPF_JMP | BPF_JGE | BPF_K)
#define IF_ABOVE (BPF_JMP | BPF_JGT | BPF_K)
#define IF_BITS (BPF_JMP | BPF_JSET | BPF_K)

/* A return per action, shared by all that jump to it. Placed twice: behind the tree and at the end,
 * so that most jumps are near. */
#define EXITS_MAX 32
struct exits {
    uint32_t actions[EXITS_MAX];
    int labels[EXITS_MAX];
    size_t count;
};

static int exit_label(struct filter_code *code, struct exits *exits, uint32_t action)
{
    for (size_t i = 0; i < exits->count; i++) {
        if (exits->actions[i] == action)
            return exits->labels[i];
    }
    assert(exits->count < EXITS_MAX);
    exits->actions[exits->count] = action;
    exits->labels[exits->count] = filter_label(code);
    return exits->labels[exits->count++];
}

static void place_exits(struct filter_code *code, const struct exits *exits)
{
    for (size_t i = 0; i < exits->count; i++) {
        filter_place(code, exits->labels[i]);
        filter_emit(code, RETURN, exits->actions[i]);
    }
}

/* --- argument rules ------------------------------------------------------------------------- */

#define RULES_MAX 64
struct blocks {
    const struct filter_rule *rules[RULES_MAX];
    int labels[RULES_MAX];
    size_t count;
};

static int block_label(struct filter_code *code, struct blocks *blocks,
                       const struct filter_rule *rule)
{
    for (size_t i = 0; i < blocks->count; i++) {
        if (blocks->rules[i] == rule)
            return blocks->labels[i];
    }
    assert(blocks->count < RULES_MAX);
    blocks->rules[blocks->count] = rule;
    blocks->labels[blocks->count] = filter_label(code);
    return blocks->labels[blocks->count++];
}

/* The word that the accumulator holds, so that it is not loaded again. */
struct loaded {
    bool known;
    uint8_t word;
    uint32_t mask;
};

static uint32_t load_mask(const struct filter_cond *cond)
{
    return cond->test == FILTER_ANY_OF ? cond->mask : UINT32_MAX;
}

static void load_word(struct filter_code *code, const struct filter_cond *cond,
                      struct loaded *loaded)
{
    uint32_t mask = load_mask(cond);

    if (loaded->known && loaded->word == cond->word && loaded->mask == mask)
        return;
    /* Both architectures are little-endian: the low half of an argument comes first. */
    filter_emit(code, LOAD, (uint32_t)offsetof(struct seccomp_data, args) + 4u * cond->word);
    if (mask != UINT32_MAX)
        filter_emit(code, AND, mask);
    *loaded = (struct loaded){true, cond->word, mask};
}

static void emit_cond(struct filter_code *code, const struct filter_cond *cond, int yes, int no)
{
    switch (cond->test) {
    case FILTER_ANY_OF:
        for (size_t i = 0; i + 1 < cond->count; i++)
            filter_jump(code, IF_EQUAL, cond->values[i], yes, FILTER_NEXT);
        filter_jump(code, IF_EQUAL, cond->values[cond->count - 1], yes, no);
        break;
    case FILTER_BETWEEN:
        if (cond->values[0] > 0)
            filter_jump(code, IF_AT_LEAST, cond->values[0], FILTER_NEXT, no);
        filter_jump(code, IF_ABOVE, cond->values[1], no, yes);
        break;
    case FILTER_BITS:
        filter_jump(code, IF_BITS, cond->mask, yes, no);
        break;
    case FILTER_NONE:
    case FILTER_TEST__COUNT:
        assert(false);
    }
}

/* A clause that does not hold goes on at `next`; the accumulator is known there when all conditions
 * looked at the same word. */
static void emit_clause(struct filter_code *code, struct exits *exits,
                        const struct filter_clause *clause, int next, struct loaded *loaded)
{
    bool same_word = true;

    for (const struct filter_cond *cond = clause->conds; cond->test != FILTER_NONE; cond++) {
        bool last = cond[1].test == FILTER_NONE;
        int yes = last ? exit_label(code, exits, clause->action) : filter_label(code);

        same_word = same_word && cond->word == clause->conds[0].word &&
                    load_mask(cond) == load_mask(clause->conds);
        load_word(code, cond, loaded);
        emit_cond(code, cond, yes, next);
        if (!last)
            filter_place(code, yes);
    }
    loaded->known = loaded->known && same_word;
}

static void emit_rule(struct filter_code *code, struct exits *exits, const struct filter_rule *rule)
{
    struct loaded loaded = {0};

    for (size_t i = 0; i < rule->count; i++) {
        bool last = i + 1 == rule->count;
        int next = last ? exit_label(code, exits, rule->otherwise) : filter_label(code);

        emit_clause(code, exits, &rule->clauses[i], next, &loaded);
        if (!last)
            filter_place(code, next);
    }
}

/* --- the tree over the number ---------------------------------------------------------------- */

/* Numbers from `first` up to the next range's first have the same fate. */
struct range {
    uint32_t first;
    uint32_t action;
    const struct filter_rule *rule;
};
#define RANGES_MAX (SYSCALL_LIMIT + 4)

static void add_range(struct range *ranges, size_t *count, uint32_t first, uint32_t action,
                      const struct filter_rule *rule)
{
    const struct range *last = *count > 0 ? &ranges[*count - 1] : NULL;

    if (last && last->action == action && last->rule == rule)
        return;
    ranges[(*count)++] = (struct range){first, action, rule};
}

static size_t make_ranges(const struct filter_spec *spec, struct range *ranges)
{
    size_t count = 0;

    for (uint32_t number = 0; number < SYSCALL_LIMIT; number++)
        add_range(ranges, &count, number, spec->entries[number].action, spec->entries[number].rule);
    add_range(ranges, &count, SYSCALL_LIMIT, spec->beyond, NULL);
    if (SYSCALL_SECOND_TABLE != 0) {
        add_range(ranges, &count, SYSCALL_SECOND_TABLE, FILTER_KILL, NULL);
        /* -1 is not of the second table: a tracer uses it for "skip this call". */
        add_range(ranges, &count, UINT32_MAX, spec->beyond, NULL);
    }
    return count;
}

/* A leaf of the tree: a range with up to two single numbers in it that have another fate. Testing
 * those for equality takes half the instructions that two more ranges each would. */
#define HOLES_MAX 2
struct leaf {
    uint32_t first;
    const struct range *outer;
    const struct range *holes[HOLES_MAX];
    size_t hole_count;
};

static bool same_fate(const struct range *a, const struct range *b)
{
    return a->action == b->action && a->rule == b->rule;
}

static size_t make_leaves(const struct range *ranges, size_t count, struct leaf *leaves)
{
    size_t made = 0;

    for (size_t i = 0; i < count; i++) {
        struct leaf *leaf = &leaves[made++];

        *leaf = (struct leaf){.first = ranges[i].first, .outer = &ranges[i]};
        while (leaf->hole_count < HOLES_MAX && i + 2 < count &&
               ranges[i + 2].first == ranges[i + 1].first + 1 &&
               same_fate(&ranges[i + 2], leaf->outer)) {
            leaf->holes[leaf->hole_count++] = &ranges[i + 1];
            i += 2;
        }
    }
    return made;
}

struct tree {
    struct filter_code *code;
    struct exits exits;
    struct blocks blocks;
};

static int fate_label(struct tree *tree, const struct range *range)
{
    return range->rule ? block_label(tree->code, &tree->blocks, range->rule)
                       : exit_label(tree->code, &tree->exits, range->action);
}

/* Where a subtree begins: a leaf without holes needs no instruction of its own. */
static int subtree_label(struct tree *tree, const struct leaf *leaves, size_t count)
{
    return count == 1 && leaves->hole_count == 0 ? fate_label(tree, leaves->outer)
                                                 : filter_label(tree->code);
}

static void emit_leaf(struct tree *tree, const struct leaf *leaf)
{
    for (size_t i = 0; i < leaf->hole_count; i++) {
        bool last = i + 1 == leaf->hole_count;

        filter_jump(tree->code, IF_EQUAL, leaf->holes[i]->first, fate_label(tree, leaf->holes[i]),
                    last ? fate_label(tree, leaf->outer) : FILTER_NEXT);
    }
}

/* Recursion as deep as the tree: log2 of at most a thousand leaves. */
static void emit_subtree(struct tree *tree, const struct leaf *leaves, size_t count, int label)
{
    if (count == 1 && leaves->hole_count == 0)
        return;
    filter_place(tree->code, label);
    if (count == 1) {
        emit_leaf(tree, leaves);
        return;
    }

    size_t half = count / 2;
    int low = subtree_label(tree, leaves, half);
    int high = subtree_label(tree, leaves + half, count - half);

    filter_jump(tree->code, IF_AT_LEAST, leaves[half].first, high, low);
    emit_subtree(tree, leaves, half, low);
    emit_subtree(tree, leaves + half, count - half, high);
}

static void emit_tree(struct tree *tree, const struct filter_spec *spec)
{
    auto_free struct range *ranges = xcalloc(RANGES_MAX, sizeof(*ranges));
    auto_free struct leaf *leaves = xcalloc(RANGES_MAX, sizeof(*leaves));
    size_t count = make_leaves(ranges, make_ranges(spec, ranges), leaves);
    int root = subtree_label(tree, leaves, count);

    if (count == 1 && leaves->hole_count == 0)
        filter_jump(tree->code, BPF_JMP | BPF_JA, 0, root, root);
    emit_subtree(tree, leaves, count, root);
}

const struct sock_filter *filter_compile(struct arena *arena, const struct filter_spec *spec,
                                         size_t *count_out)
{
    auto_free struct filter_code *code = xcalloc(1, sizeof(*code));
    struct tree tree = {.code = code};
    struct exits rule_exits = {0};
    int native = filter_label(code);

    filter_emit(code, LOAD, offsetof(struct seccomp_data, arch));
    filter_jump(code, IF_EQUAL, SYSCALL_ARCH, native, FILTER_NEXT);
    filter_emit(code, RETURN, FILTER_KILL);
    filter_place(code, native);
    filter_emit(code, LOAD, offsetof(struct seccomp_data, nr));
    emit_tree(&tree, spec);
    place_exits(code, &tree.exits);
    for (size_t i = 0; i < tree.blocks.count; i++) {
        filter_place(code, tree.blocks.labels[i]);
        emit_rule(code, &rule_exits, tree.blocks.rules[i]);
    }
    place_exits(code, &rule_exits);
    return filter_assemble(arena, code, count_out);
}
