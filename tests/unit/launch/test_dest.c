#include <criterion/criterion.h>

#include "root-internal.h"

/* The operations before a destination, and whether the destination may then be used by its path. */
static const struct {
    struct plan_op before;
    const char *dest;
    bool ours;
} rows[] = {
    {{.kind = PLAN_BIND, .dest = "/usr"}, "/etc", true},
    {{.kind = PLAN_BIND, .dest = "/usr"}, "/usr2", true},
    {{.kind = PLAN_BIND, .dest = "/usr"}, "/usr", false},
    {{.kind = PLAN_BIND, .dest = "/usr"}, "/usr/keys", false},
    {{.kind = PLAN_SYMLINK, .dest = "/bin"}, "/bin", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/keys", true},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/sys", true},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/1", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/self", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/thread-self", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/mounts", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/net", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/sys/kernel", false},
    {{.kind = PLAN_PROC, .dest = "/proc"}, "/proc/self/root", false},
};

Test(dest, is_ours_until_something_foreign_lies_on_the_way)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct builder b = {.root = -1};

        cr_expect(dest_is_ours(&b, rows[i].dest));
        dest_note_foreign(&b, &rows[i].before);
        cr_expect_eq(dest_is_ours(&b, rows[i].dest), rows[i].ours, "%s", rows[i].dest);
    }
}

/* A file of /proc with a bind over it is foreign again. */
Test(dest, a_bind_over_a_kernel_file_counts)
{
    const struct plan_op proc = {.kind = PLAN_PROC, .dest = "/proc"};
    const struct plan_op bind = {.kind = PLAN_BIND, .dest = "/proc/sys"};
    struct builder b = {.root = -1};

    dest_note_foreign(&b, &proc);
    cr_expect(dest_is_ours(&b, "/proc/sys"));
    dest_note_foreign(&b, &bind);
    cr_expect_not(dest_is_ours(&b, "/proc/sys"));
    cr_expect(dest_is_ours(&b, "/proc/keys"));
}

/* More than can be remembered: everything counts as foreign. */
Test(dest, none_is_ours_when_there_are_too_many)
{
    const struct plan_op op = {.kind = PLAN_BIND, .dest = "/usr"};
    struct builder b = {.root = -1};

    for (int i = 0; i < FOREIGN_MAX; i++)
        dest_note_foreign(&b, &op);
    cr_expect(dest_is_ours(&b, "/etc"));
    dest_note_foreign(&b, &op);
    cr_expect_not(dest_is_ours(&b, "/etc"));
}
