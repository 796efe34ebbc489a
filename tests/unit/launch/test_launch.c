#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/launch/launch.h"

#include "../child.h"
#include "launch-internal.h"

static void prepare(struct launch *launch)
{
    const struct plan plan = {.variant = "default"};

    (void)launch_prepare(&plan, NULL, launch, NULL);
}

static void go(struct launch *launch)
{
    const struct plan plan = {.variant = "default"};
    const struct launch_program program = {.path = "/bin/true"};

    (void)launch_go(launch, &plan, &program, NULL);
}

static void end_by_itself(struct launch *launch)
{
    launch_ended(launch, false);
}

/* Moves that enum launch_state does not have. */
static const struct illegal {
    const char *what;
    enum launch_state from;
    void (*move)(struct launch *launch);
} illegal[] = {
    {"two at once", LAUNCH_PREPARED, prepare},
    {"another beside a running one", LAUNCH_RUNNING, prepare},
    {"go on with nothing", LAUNCH_NONE, go},
    {"go twice", LAUNCH_RUNNING, go},
    {"the end of nothing", LAUNCH_NONE, end_by_itself},
    {"the end of what never ran", LAUNCH_PREPARED, end_by_itself},
    {"two ends", LAUNCH_ENDED, end_by_itself},
    {"take back a running one", LAUNCH_RUNNING, launch_abandon},
    {"take back an ended one", LAUNCH_ENDED, launch_abandon},
    {"leave a begun one", LAUNCH_PREPARED, launch_end_group},
};

static int make_move(void *arg)
{
    const struct illegal *row = arg;
    struct rlimit none = {0, 0};
    struct shared shared = {.gates = 0};
    struct launch launch = {.state = row->from,
                            .control = -1,
                            .group = GROUP_INIT,
                            .shared = &shared,
                            .failure = &shared.failure};

    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    row->move(&launch);
    return 0;
}

Test(launch, other_moves_end_the_launcher)
{
    for (size_t i = 0; i < ARRAY_SIZE(illegal); i++) {
        struct illegal row = illegal[i];

        cr_expect_eq(in_child(make_move, &row), 256 + SIGABRT, "%s", row.what);
    }
}

/* For a start that failed before it began anything. */
Test(launch, nothing_is_taken_back_where_nothing_is)
{
    struct launch launch = {.state = LAUNCH_NONE};

    launch_abandon(&launch);
    launch_end_group(&launch);
    cr_expect_eq(launch.state, LAUNCH_NONE);
}

static const struct end_case {
    const char *what;
    uint32_t gates;
    int failed; /* a child has said why */
    bool by_caller;
    int code;
} end_cases[] = {
    {"it ran", GATES_BEFORE_EXEC, 0, false, 0},
    {"ended from outside, before the root stood", GATE_PLAN_READY, 0, false, EIO},
    {"the same, after the root", GATE_ROOT_STANDS, 0, false, EIO},
    {"a child failed", GATE_PLAN_READY, EPERM, false, EPERM},
    {"its own end, as it ran", GATES_BEFORE_EXEC, ENOENT, false, ENOENT},
    {"by the time limit", GATE_PLAN_READY, 0, true, 0},
};

Test(launch, an_end_tells_whether_it_ran)
{
    for (size_t i = 0; i < ARRAY_SIZE(end_cases); i++) {
        const struct end_case *row = &end_cases[i];
        struct shared shared = {.gates = row->gates, .failure = {.err = {.code = row->failed}}};
        struct launch launch = {
            .state = LAUNCH_RUNNING, .shared = &shared, .failure = &shared.failure};

        launch_ended(&launch, row->by_caller);
        cr_expect_eq(launch.state, LAUNCH_ENDED, "%s", row->what);
        cr_expect_eq(launch.failure->err.code, row->code, "%s: %d", row->what,
                     launch.failure->err.code);
    }
}

/* They are numbered in the order in which they open. */
Test(launch, gates_are_distinct)
{
    static const uint32_t gates[] = {
        GATE_OPENER_MOVED,   GATE_IN_GROUP,       GATE_PLAN_READY, GATE_NODES_MADE,
        GATE_PROGRAM_EXISTS, GATE_NESTING_CLOSED, GATE_PARTS_MADE, GATE_ROOT_BUILT,
        GATE_ROOT_STANDS,    GATE_INIT_READY,
    };

    for (size_t i = 0; i < ARRAY_SIZE(gates); i++)
        cr_expect_eq(gates[i], 1u << i);
}
