/* A start inside a sandbox executes the real entry point there. */
#include <criterion/criterion.h>
#include <errno.h>

#include "../base/scratch.h"
#include "../child.h"

#include "session-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/layout.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"

#define SAYS_ITS_NAME "printf '%s' \"$0 $1 $2\" >\"$OUT\""

struct nested {
    struct scratch s; /* the venv */
    char out[96];
    char text[512]; /* what was executed said */
};

static void nested_new(struct nested *n)
{
    *n = (struct nested){.s = scratch_new()};
    snprintf(n->out, sizeof(n->out), "%s/out", n->s.path);
    cr_assert_eq(mkdirat(n->s.fd, VENV_SANDBOX, 0700), 0);
    cr_assert_eq(mkdirat(n->s.fd, IN_SANDBOX(SANDBOX_BIN), 0700), 0);
    cr_assert_eq(symlinkat("/bin/sh", n->s.fd, IN_SANDBOX(SANDBOX_BIN) "/python3"), 0);
    scratch_write(&n->s, IN_SANDBOX(SANDBOX_BIN) "/tool", "#!/bin/sh\n" SAYS_ITS_NAME "\n");
    cr_assert_eq(fchmodat(n->s.fd, IN_SANDBOX(SANDBOX_BIN) "/tool", 0755, 0), 0);
    setenv("OUT", n->out, 1);
}

struct start_inside {
    struct request request;
    const char *part; /* of the message; NULL: it must not come to that */
};

/* Return: the program's status, or 99 for the failure that was expected. */
static int run(void *arg)
{
    const struct start_inside *inside = arg;
    struct err err = {0};
    int rc = session_run_nested(&inside->request, &err);

    if (inside->part == NULL || strstr(err.msg, inside->part) == NULL)
        return 98;
    return rc < 0 ? 99 : 97;
}

static int run_in(struct nested *n, const struct request *request, const char *part)
{
    struct start_inside inside = {.request = *request, .part = part};
    int status = 0, fd = -1;

    n->text[0] = '\0';
    unlink(n->out);
    inside.request.venv = n->s.path;
    while (inside.request.argv[inside.request.argc])
        inside.request.argc++;
    status = in_child(run, &inside);
    fd = open(n->out, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t len = read(fd, n->text, sizeof(n->text) - 1);

        n->text[len < 0 ? 0 : len] = '\0';
        close(fd);
    }
    return status;
}

Test(nested, the_entry_point_itself_is_executed)
{
    static const char *const words[] = {"tool", "a", "b c", NULL};
    struct nested n;
    char want[160];

    nested_new(&n);
    cr_expect_eq(run_in(&n, &(struct request){.entry = "tool", .argv = words}, NULL), 0);
    snprintf(want, sizeof(want), "%s/" IN_SANDBOX(SANDBOX_BIN) "/tool a b c", n.s.path);
    cr_expect_str_eq(n.text, want);
    scratch_drop(&n.s);
}

/* An interpreter finds its venv by its own name, and that is the one on PATH; a name with a
 * directory is the caller's choice. */
Test(nested, an_interpreter_is_called_by_its_path)
{
    static const char *const bare[] = {"python3", "-c", SAYS_ITS_NAME, NULL};
    static const char *const path[] = {"./python3", "-c", SAYS_ITS_NAME, NULL};
    struct nested n;
    char want[160];

    nested_new(&n);
    cr_expect_eq(run_in(&n, &(struct request){.entry = "python3", .argv = bare}, NULL), 0);
    snprintf(want, sizeof(want), "%s/bin/python3  ", n.s.path);
    cr_expect_str_eq(n.text, want);
    cr_expect_eq(run_in(&n, &(struct request){.entry = "python3", .argv = path}, NULL), 0);
    cr_expect_str_eq(n.text, "./python3  ");
    scratch_drop(&n.s);
}

Test(nested, a_program_is_found_on_path)
{
    static const char *const words[] = {"sh", "-c", SAYS_ITS_NAME, NULL};
    static const char *const none[] = {"x", NULL};
    struct nested n;

    nested_new(&n);
    cr_expect_eq(run_in(&n, &(struct request){.program = "sh", .argv = words}, NULL), 0);
    cr_expect_str_eq(n.text, "sh  ");
    cr_expect_eq(run_in(&n, &(struct request){.program = "no-such-program", .argv = none},
                        "cannot run 'no-such-program'"),
                 99);
    scratch_drop(&n.s);
}

/* An entry that is not visible inside is not looked for on PATH. */
Test(nested, an_entry_of_another_venv_is_refused)
{
    static const char *const words[] = {"sh", "-c", SAYS_ITS_NAME, NULL};
    struct nested n;

    nested_new(&n);
    cr_expect_eq(run_in(&n, &(struct request){.entry = "sh", .program = "sh", .argv = words},
                        "belongs to another sandbox"),
                 99);
    cr_expect_str_eq(n.text, "");
    scratch_drop(&n.s);
}
