#include <signal.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

#include "../child.h"
#include "session-internal.h"

static int take_plan(void *arg)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    return session_plan(arg) == NULL;
}

/* While nobody knows whether a plan holds, a step gets at it only by asking for any plan. */
Test(session, a_plan_is_had_when_it_is_settled)
{
    struct session session = {.settled = false};

    cr_expect_eq(in_child(take_plan, &session), 256 + SIGABRT);
    cr_expect_eq(session_any_plan(&session), &session.file);
    session.settled = true;
    cr_expect_eq(in_child(take_plan, &session), 0);
}
