/* The compiler against another one: libseccomp builds a program from the same rules, and both run
 * on the simulator. Then the assembler's far jumps. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "bpf.h"
#include "filter/filter-internal.h"

/* Marks in libseccomp's programs: a call with an argument rule, a clause that holds or does not. */
#define HAS_RULE 4000
#define HOLDS 4001
#define FAILS 4002

static struct program export_program(scmp_filter_ctx context, struct arena *arena)
{
    FILE *file = tmpfile();
    struct sock_filter *insns = NULL;
    long size = 0;

    cr_assert(file && seccomp_export_bpf(context, fileno(file)) == 0);
    size = lseek(fileno(file), 0, SEEK_END);
    cr_assert_gt(size, 0);
    insns = arena_alloc(arena, (size_t)size);
    cr_assert_eq(pread(fileno(file), insns, (size_t)size, 0), size);
    fclose(file);
    seccomp_release(context);
    return (struct program){insns, (size_t)size / sizeof(*insns)};
}

static struct program reference_numbers(const struct filter_spec *spec, struct arena *arena)
{
    scmp_filter_ctx context = seccomp_init(spec->beyond);

    cr_assert(context);
    cr_assert_eq(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), 0);
    for (unsigned number = 0; number < SYSCALL_LIMIT; number++) {
        const struct filter_entry *entry = &spec->entries[number];
        uint32_t action = entry->rule ? SCMP_ACT_ERRNO(HAS_RULE) : entry->action;

        if (action != spec->beyond)
            cr_assert_eq(seccomp_rule_add(context, action, (int)number, 0), 0, "%u", number);
    }
    return export_program(context, arena);
}

/* All the values of a word for which a condition holds, as masked comparisons. */
static size_t alternatives(const struct filter_cond *cond, struct scmp_arg_cmp *out)
{
    unsigned shift = cond->word % 2 * 32u;
    unsigned arg = cond->word / 2u;
    size_t count = 0;

    for (uint32_t i = 0; cond->test == FILTER_ANY_OF && i < cond->count; i++)
        out[count++] = SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, (uint64_t)cond->mask << shift,
                                  (uint64_t)cond->values[i] << shift);
    for (uint32_t v = cond->values[0]; cond->test == FILTER_BETWEEN && v <= cond->values[1]; v++)
        out[count++] =
            SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, 0xffffffffULL << shift, (uint64_t)v << shift);
    for (unsigned bit = 0; cond->test == FILTER_BITS && bit < 32; bit++) {
        uint64_t mask = (1ULL << bit) << shift;

        if (cond->mask & (1u << bit))
            out[count++] = SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, mask);
    }
    return count;
}

#define ALTERNATIVES_MAX 256

static void add_combinations(scmp_filter_ctx context, unsigned number,
                             const struct filter_cond *cond, struct scmp_arg_cmp *chosen,
                             unsigned depth)
{
    struct scmp_arg_cmp choices[ALTERNATIVES_MAX];
    size_t count = 0;

    if (cond->test == FILTER_NONE) {
        cr_assert_eq(
            seccomp_rule_add_array(context, SCMP_ACT_ERRNO(HOLDS), (int)number, depth, chosen), 0);
        return;
    }
    count = alternatives(cond, choices);
    for (size_t i = 0; i < count; i++) {
        chosen[depth] = choices[i];
        add_combinations(context, number, cond + 1, chosen, depth + 1);
    }
}

static struct program reference_clause(const struct filter_clause *clause, unsigned number,
                                       struct arena *arena)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(FAILS));
    struct scmp_arg_cmp chosen[FILTER_CONDS_MAX];

    cr_assert(context);
    add_combinations(context, number, clause->conds, chosen, 0);
    return export_program(context, arena);
}

static uint32_t reference_action(const struct filter_rule *rule, const struct program *clauses,
                                 const struct seccomp_data *data)
{
    for (size_t i = 0; i < rule->count; i++) {
        if (bpf_run(clauses[i], data) == SCMP_ACT_ERRNO(HOLDS))
            return rule->clauses[i].action;
    }
    return rule->otherwise;
}

/* Values of one argument that are worth trying: those that the rule names and their neighbours. */
#define TRIES_MAX 160
struct tries {
    uint64_t values[TRIES_MAX];
    size_t count;
};

static void try_value(struct tries *tries, uint64_t value)
{
    for (size_t i = 0; i < tries->count; i++) {
        if (tries->values[i] == value)
            return;
    }
    cr_assert_lt(tries->count, TRIES_MAX);
    tries->values[tries->count++] = value;
}

static void try_around(struct tries *tries, uint32_t value)
{
    try_value(tries, value);
    try_value(tries, value + 1);
    try_value(tries, (uint64_t)value - 1);
    try_value(tries, (1ULL << 32) | value);
    try_value(tries, (uint64_t)value << 32);
}

static void collect_tries(const struct filter_rule *rule, struct tries tries[6])
{
    for (size_t i = 0; i < 6; i++) {
        try_value(&tries[i], 0);
        try_value(&tries[i], UINT64_MAX);
    }
    for (size_t i = 0; i < rule->count; i++) {
        for (const struct filter_cond *cond = rule->clauses[i].conds; cond->test != FILTER_NONE;
             cond++) {
            struct tries *own = &tries[cond->word / 2];
            uint32_t lowest = cond->mask & (~cond->mask + 1);

            for (size_t v = 0; v < cond->count; v++)
                try_around(own, cond->values[v]);
            try_value(own, (uint64_t)cond->values[0] | ~cond->mask);
            if (cond->test == FILTER_BITS) {
                try_around(own, lowest);
                try_value(own, cond->mask);
                try_value(own, ~cond->mask);
            }
        }
    }
}

static void compare_rule(struct program ours, const struct filter_rule *rule, unsigned number,
                         struct arena *arena)
{
    struct program clauses[16];
    struct tries tries[6] = {0};
    struct seccomp_data data = {.nr = (int)number, .arch = SYSCALL_ARCH};
    size_t total = 1;

    cr_assert_leq(rule->count, ARRAY_SIZE(clauses));
    for (size_t i = 0; i < rule->count; i++)
        clauses[i] = reference_clause(&rule->clauses[i], number, arena);
    collect_tries(rule, tries);
    for (size_t i = 0; i < 6; i++)
        total *= tries[i].count;
    for (size_t n = 0; n < total; n++) {
        size_t rest = n;

        for (size_t i = 0; i < 6; i++) {
            data.args[i] = tries[i].values[rest % tries[i].count];
            rest /= tries[i].count;
        }
        if (bpf_run(ours, &data) != reference_action(rule, clauses, &data))
            cr_assert_fail("%u(%llx, %llx, %llx, %llx): %x", number, data.args[0], data.args[1],
                           data.args[2], data.args[3], bpf_run(ours, &data));
    }
}

static void compare_number(const struct filter_spec *spec, struct program ours,
                           struct program theirs, uint32_t arch, uint32_t number)
{
    struct seccomp_data data = {.nr = (int)number, .arch = arch};
    uint32_t expected = bpf_run(theirs, &data);

    if (expected != SCMP_ACT_ERRNO(HAS_RULE))
        cr_expect_eq(bpf_run(ours, &data), expected, "arch %x number %u", arch, number);
    else
        cr_expect(spec->entries[number].rule != NULL);
}

/* Both programs compare the number with constants and do nothing else to it, so between two
 * neighbouring constants nothing changes: their neighbours stand for all numbers there are. */
static void compare_all_numbers(const struct filter_spec *spec, struct program ours,
                                struct program theirs)
{
    static const uint32_t arches[] = {SYSCALL_ARCH, AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0};
    const struct program programs[] = {ours, theirs};

    for (size_t a = 0; a < ARRAY_SIZE(arches); a++) {
        for (uint32_t number = 0; number < SYSCALL_LIMIT; number++)
            compare_number(spec, ours, theirs, arches[a], number);
        for (size_t p = 0; p < ARRAY_SIZE(programs); p++) {
            for (size_t i = 0; i < programs[p].count; i++) {
                uint32_t k = programs[p].insns[i].k;

                if (BPF_CLASS(programs[p].insns[i].code) != BPF_JMP)
                    continue;
                compare_number(spec, ours, theirs, arches[a], k - 1);
                compare_number(spec, ours, theirs, arches[a], k);
                compare_number(spec, ours, theirs, arches[a], k + 1);
            }
        }
    }
}

static void compare_profile(enum policy_syscalls profile, bool user_namespaces)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(profile);
    struct filter_spec *spec = xcalloc(1, sizeof(*spec));

    values.v[POLICY_PROC_USERNS].number = user_namespaces;
    cr_assert_eq(filter_spec_make(spec, &values, 0, NULL), 0);

    struct program ours = filter_program(&arena, &values);
    struct program theirs = reference_numbers(spec, &arena);
    compare_all_numbers(spec, ours, theirs);
    for (unsigned number = 0; number < SYSCALL_LIMIT; number++) {
        if (spec->entries[number].rule)
            compare_rule(ours, spec->entries[number].rule, number, &arena);
    }
    free(spec);
    arena_finish(&arena);
}

Test(filter_program, default_agrees_with_libseccomp)
{
    compare_profile(SYSCALLS_DEFAULT, false);
}

Test(filter_program, strict_agrees_with_libseccomp)
{
    compare_profile(SYSCALLS_STRICT, false);
}

Test(filter_program, debug_agrees_with_libseccomp)
{
    compare_profile(SYSCALLS_DEBUG, false);
}

Test(filter_program, off_agrees_with_libseccomp)
{
    compare_profile(SYSCALLS_OFF, false);
}

Test(filter_program, user_namespaces_agree_with_libseccomp)
{
    compare_profile(SYSCALLS_DEFAULT, true);
}

Test(filter_program, stays_small)
{
    struct arena arena = {0};
    struct policy_values values = filter_values(SYSCALLS_DEFAULT);

    /* 249 when this was written, without Landlock's scopes; the kernel's work at every start grows
     * with it. */
    cr_expect_lt(filter_program(&arena, &values).count, 260);
    arena_finish(&arena);
}

/* A tree of a thousand ranges has targets beyond the eight bits of a jump, in both directions. */
Test(filter_program, finds_its_way_in_a_huge_tree)
{
    static const uint32_t fates[] = {FILTER_ALLOW, FILTER_ERRNO(EPERM), FILTER_ERRNO(ENOSYS),
                                     FILTER_ERRNO(EACCES)};
    const struct filter_setting setting = {.profile = SYSCALLS_DEFAULT};
    struct filter_spec *spec = xcalloc(1, sizeof(*spec));
    struct arena arena = {0};
    struct program program = {0};

    for (unsigned n = 0; n < SYSCALL_LIMIT; n++)
        spec->entries[n].action = fates[n % ARRAY_SIZE(fates)];
    spec->beyond = FILTER_ERRNO(EBADF);
    spec->entries[10].action = FILTER_ALLOW;
    spec->entries[10].rule = filter_rule_for("socket", &setting);
    program.insns = filter_compile(&arena, spec, &program.count);
    cr_expect_gt(program.count, 1000);
    for (unsigned n = 0; n < SYSCALL_LIMIT + 10; n++) {
        struct seccomp_data data = {.nr = (int)n, .arch = SYSCALL_ARCH};
        uint32_t expected = n < SYSCALL_LIMIT ? spec->entries[n].action : spec->beyond;

        data.args[0] = 1;
        data.args[1] = 1;
        cr_expect_eq(bpf_run(program, &data), expected, "number %u", n);
    }
    free(spec);
    arena_finish(&arena);
}

/* A jump whose two ways are both far: one to a return, which is copied, one to something else. */
Test(filter_program, far_jumps_get_an_instruction_of_their_own)
{
    struct filter_code *code = xcalloc(1, sizeof(*code));
    struct arena arena = {0};
    struct program program = {0};
    int to_return = filter_label(code);
    int to_load = filter_label(code);

    filter_emit(code, BPF_LD | BPF_W | BPF_ABS, 0);
    filter_jump(code, BPF_JMP | BPF_JEQ | BPF_K, 5, to_return, to_load);
    for (int i = 0; i < 300; i++)
        filter_emit(code, BPF_LD | BPF_W | BPF_ABS, 4);
    filter_place(code, to_return);
    filter_emit(code, BPF_RET | BPF_K, 111);
    filter_place(code, to_load);
    filter_emit(code, BPF_LD | BPF_W | BPF_ABS, 0);
    filter_emit(code, BPF_RET | BPF_K, 222);
    program.insns = filter_assemble(&arena, code, &program.count);

    struct seccomp_data data = {.nr = 5, .arch = SYSCALL_ARCH};

    cr_expect_eq(program.count, 307);
    cr_expect_eq(bpf_run(program, &data), 111);
    data.nr = 6;
    cr_expect_eq(bpf_run(program, &data), 222);
    free(code);
    arena_finish(&arena);
}

/* The second clause looks at the word that the first one ended with, but not on every way to it. */
Test(filter_program, loads_again_where_ways_meet)
{
    static const struct filter_clause clauses[] = {
        {{{FILTER_ANY_OF, FILTER_LOW(0), UINT32_MAX, 1, {1}},
          {FILTER_ANY_OF, FILTER_LOW(1), UINT32_MAX, 1, {5}}},
         FILTER_ERRNO(EACCES)},
        {{{FILTER_ANY_OF, FILTER_LOW(1), UINT32_MAX, 1, {7}}}, FILTER_ERRNO(EPERM)},
    };
    static const struct filter_rule rule = {clauses, ARRAY_SIZE(clauses), FILTER_ALLOW};
    struct filter_spec *spec = xcalloc(1, sizeof(*spec));
    struct arena arena = {0};
    struct program program = {0};

    spec->entries[3].rule = &rule;
    program.insns = filter_compile(&arena, spec, &program.count);
    compare_rule(program, &rule, 3, &arena);

    struct seccomp_data data = {.nr = 3, .arch = SYSCALL_ARCH, .args = {2, 7}};

    cr_expect_eq(bpf_run(program, &data), FILTER_ERRNO(EPERM));
    free(spec);
    arena_finish(&arena);
}

/* Both architectures that can be built for, whichever this is. */
Test(filter_program, the_sets_cover_every_architecture)
{
    static const uint32_t arches[] = {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64};

    for (size_t a = 0; a < ARRAY_SIZE(arches); a++) {
        for (int number = 0; number < (int)SYSCALL_LIMIT; number++) {
            char *name = seccomp_syscall_resolve_num_arch(arches[a], number);
            bool found = name == NULL;

            for (size_t i = 0; !found && i < filter_set_count; i++) {
                for (const char *const *call = filter_sets[i].calls; !found && *call; call++)
                    found = strcmp(name, *call) == 0;
            }
            cr_expect(found, "%d %s is in no set", number, name ? name : "");
            free(name);
        }
    }
}
