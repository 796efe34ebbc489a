#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "launch-internal.h"

#define OPS_MAX 100

/* The operations' destinations, and what becomes of them: parts in their order, each with the
 * numbers of its operations. */
static const struct {
    const char *dests[8];
    const char *want;
} divisions[] = {
    {{NULL}, ""},
    {{"/usr", NULL}, "0;"},
    {{"/usr", "/etc", "/usr/lib", NULL}, "0,2;1;"},
    {{"/etc", "/usr", "/usr/lib", "/etc/ssl", "/usr/bin", NULL}, "1,2,4;0,3;"},
    {{"/dev", "/dev2", "/dev/null", NULL}, "0,2;1;"},
    {{"/a", "/b", "/", "/a/c", NULL}, "0,1,2,3;"},
};

static struct plan make_plan(struct plan_op *ops, const char *const *dests)
{
    size_t count = 0;

    for (; dests[count]; count++)
        ops[count] = (struct plan_op){.dest = dests[count]};
    return (struct plan){.ops = ops, .op_count = count};
}

static void print_parts(struct parts *parts, char *out, size_t size)
{
    const struct part *part;
    size_t used = 0;

    *out = '\0';
    while ((part = parts_take(parts))) {
        size_t at = part->first;

        for (size_t i = 0; i < part->size; i++, at = parts->next[at])
            used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? "," : "", at);
        used += (size_t)snprintf(out + used, size - used, ";");
    }
}

Test(parts, divisions)
{
    for (size_t i = 0; i < sizeof(divisions) / sizeof(divisions[0]); i++) {
        struct plan_op ops[8];
        struct plan plan = make_plan(ops, divisions[i].dests);
        struct parts parts = {.count = 0};
        char text[64];

        parts_make(&plan, &parts);
        print_parts(&parts, text, sizeof(text));
        cr_expect_str_eq(text, divisions[i].want, "%zu: %s", i, text);
        cr_expect_null(parts_take(&parts));
        free(parts.next);
    }
}

/* More names than the table has: each operation once, those below one name in their order. */
Test(parts, many_names)
{
    static char names[OPS_MAX][16];
    const char *dests[OPS_MAX + 1] = {NULL};
    struct plan_op ops[OPS_MAX];
    struct plan plan;
    struct parts parts = {.count = 0};
    const struct part *part;
    size_t seen[OPS_MAX] = {0}, total = 0;

    for (size_t i = 0; i < OPS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), i % 2 ? "/n%zu/x" : "/n%zu", i / 2);
        dests[i] = names[i];
    }
    plan = make_plan(ops, dests);
    parts_make(&plan, &parts);
    while ((part = parts_take(&parts))) {
        size_t at = part->first, before = 0;

        for (size_t i = 0; i < part->size; i++, at = parts.next[at]) {
            cr_assert(i == 0 || at > before, "%zu behind %zu", at, before);
            before = at;
            seen[at]++;
            total++;
        }
    }
    cr_expect_eq(total, OPS_MAX);
    for (size_t i = 0; i < OPS_MAX; i++)
        cr_expect_eq(seen[i], 1, "%zu", i);
    free(parts.next);
}
