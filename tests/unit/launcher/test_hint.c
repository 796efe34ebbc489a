/* The line that tells what the policy would have to say for an installer's work. */
#include <criterion/criterion.h>

#include "../base/scratch.h"

#include "session-internal.h"
#include "svenv/base/mem.h"

static char said[4096];

static void hint(const struct scratch *s, const struct plan *plan, const struct request *request,
                 bool succeeded)
{
    int file = openat(s->fd, "said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    ssize_t len = 0;

    cr_assert(file >= 0 && own >= 0);
    cr_assert_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
    close(file);
    hint_installer(plan, request, succeeded);
    len = pread(STDERR_FILENO, said, sizeof(said) - 1, 0);
    dup2(own, STDERR_FILENO);
    close(own);
    cr_assert_geq(len, 0);
    said[len] = '\0';
}

static const struct {
    const char *file; /* in the directory that is named; NULL: none */
    const char *argv[4];
    bool succeeded;
    const char *says; /* NULL: nothing */
} hints[] = {
    {"pyproject.toml", {"pip", "install", "./lib"}, false, "filesystem: {write: ['"},
    {"setup.py", {"pip", "install", "./lib"}, false, "filesystem: {write: ['"},
    {"setup.py", {"pip", "install", "-e", "./lib"}, false, "filesystem: {write: ['"},
    {"setup.py", {"pip", "install", "-e", "./lib"}, true, "filesystem: {read: ['"},
    {"setup.py", {"pip", "install", "--editable=./lib"}, true, "filesystem: {read: ['"},
    {"setup.py", {"pip", "install", "./lib"}, true, NULL}, /* it was copied into the venv */
    {"setup.py", {"-e", "install", "./lib"}, true, NULL},  /* the program's own name */
    {NULL, {"pip", "install", "-e", "./lib"}, true, NULL},
    {NULL, {"pip", "install", "./lib"}, false, NULL},
    {"README", {"pip", "install", "./lib"}, false, NULL},
};

static struct request request_of(const char *const *argv)
{
    struct request request = {.venv = "/p/.venv", .argv = argv};

    while (request.argc < 4 && argv[request.argc])
        request.argc++;
    return request;
}

Test(hint, names_the_line)
{
    for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
        struct scratch s = scratch_new();
        struct request request = request_of(hints[i].argv);
        struct plan_op op = {
            .kind = PLAN_BIND, .src = s.path, .dest = s.path, .origin = "argument './lib'"};
        const struct plan plan = {.ops = &op, .op_count = 1};

        if (hints[i].file)
            scratch_write(&s, hints[i].file, "");
        hint(&s, &plan, &request, hints[i].succeeded);
        if (hints[i].says == NULL) {
            cr_expect_str_eq(said, "", "row %zu", i);
        } else {
            cr_expect_not_null(strstr(said, hints[i].says), "row %zu: %s", i, said);
            cr_expect_not_null(strstr(said, s.path), "row %zu: %s", i, said);
            cr_expect_not_null(strstr(said, "in '/p/.venv/sandbox/policy.yaml'"), "%s", said);
            cr_expect_eq(strchr(said, '\n'), said + strlen(said) - 1, "one line: %s", said);
        }
        scratch_drop(&s);
    }
}

/* The hint is for directories that the command line names and that are read-only. */
Test(hint, tells_of_nothing_else)
{
    static const char *const argv[4] = {"pip", "install", "-e", "./lib"};
    struct scratch s = scratch_new();
    const struct plan_op ops[] = {
        {.kind = PLAN_BIND, .src = s.path, .dest = s.path, .origin = "policy.yaml:3:4"},
        {.kind = PLAN_BIND, .src = s.path, .dest = s.path},
        {.kind = PLAN_BIND,
         .src = s.path,
         .dest = s.path,
         .flags = PLAN_RW,
         .origin = "argument 'x'"},
        {.kind = PLAN_DIR, .src = s.path, .dest = s.path, .origin = "argument 'x'"},
    };
    struct request request = request_of(argv);

    scratch_write(&s, "setup.py", "");
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        struct plan_op op = ops[i];
        const struct plan plan = {.ops = &op, .op_count = 1};

        hint(&s, &plan, &request, true);
        cr_expect_str_eq(said, "", "operation %zu", i);
        hint(&s, &plan, &request, false);
        cr_expect_str_eq(said, "", "operation %zu", i);
    }
    scratch_drop(&s);
}
