#include <string.h>
#include <sys/resource.h>

#include <criterion/criterion.h>

#include "svenv/base/str.h"
#include "svenv/plan/plan.h"

static const char expected[] =
    "variant  default\n"
    "flags    own-net, landlock\n"
    "user     1000:1000\n"
    "hostname box\n"
    "lifetime tree\n"
    "dotenv   /p/.env\n"
    "host     dir      /p/.venv/home : data\n"
    "host     symlink  /p/.venv/home : link -> /x\n"
    "dir           /usr                                              # default\n"
    "symlink       /bin -> usr/bin                                   # default\n"
    "bind     ro   /usr -> /usr                                      # default\n"
    "bind     rw   /p -> /p (hostile, project)                       # policy.yaml:3:5\n"
    "tmpfs         /scratch mode=0700 size=4096                      # default\n"
    "file          /etc/x (2 bytes)\n"
    "mask          /p/\\x1b[0m (try)                                  # default\n"
    "env      pass     LC_*                                          # default\n"
    "env      drop     *TOKEN* (any case)                            # default\n"
    "env      set      A=1                                           # policy.yaml:9:1\n"
    "env      set      API_TOKEN=(hidden)                            # BWRAP_ARGS\n"
    "env      set      GITHUB_PAT=(hidden)                           # policy.yaml:9:3\n"
    "env      set      db_pass=(hidden)                              # policy.yaml:9:4\n"
    "env      set      URL=https://***@h/                            # policy.yaml:9:5\n"
    "env      unset    B                                             # policy.yaml:9:2\n"
    "limit    open-files 4096                                        # default\n"
    "group    memory 1048576                                         # policy.yaml:7:3\n"
    "group    processes 9                                            # default\n"
    "landlock abi 6\n"
    "landlock write    /p\n"
    "landlock read     /q (and sockets)\n"
    "seccomp  2 instructions, 341 of 462\n";

static void add_ops(struct arena *arena, struct plan *plan)
{
    struct plan_op *op = NULL;

    plan_add(arena, plan, PLAN_DIR, NULL, "/usr", "default");
    plan_add(arena, plan, PLAN_SYMLINK, "usr/bin", "/bin", "default");
    plan_add(arena, plan, PLAN_BIND, "/usr", "/usr", "default");
    plan_add(arena, plan, PLAN_BIND, "/p", "/p", "policy.yaml:3:5")->flags =
        PLAN_RW | PLAN_HOSTILE | PLAN_PROJECT;
    op = plan_add(arena, plan, PLAN_TMPFS, NULL, "/scratch", "default");
    op->mode = 0700;
    op->size = 4096;
    plan_add(arena, plan, PLAN_FILE, "hi", "/etc/x", NULL);
    plan_add(arena, plan, PLAN_MASK, NULL, "/p/\033[0m", "default")->flags = PLAN_TRY;
}

Test(print, one_line_each)
{
    struct arena arena = {NULL};
    auto_buf struct buf out = {0};
    struct plan_node nodes[] = {{PLAN_NODE_DIR, "/p/.venv/home", "data", NULL, false},
                                {PLAN_NODE_SYMLINK, "/p/.venv/home", "link", "/x", false}};
    struct plan_env_rule rules[] = {{"LC_*", PLAN_ENV_PASS, "default", false, 0},
                                    {"*TOKEN*", PLAN_ENV_DROP, "default", true, 0}};
    struct plan_env_set set[] = {{"A", "1", "policy.yaml:9:1"},
                                 {"API_TOKEN", "hunter2", "BWRAP_ARGS"},
                                 {"GITHUB_PAT", "hunter2", "policy.yaml:9:3"},
                                 {"db_pass", "hunter2", "policy.yaml:9:4"},
                                 {"URL", "https://u:hunter2@h/", "policy.yaml:9:5"},
                                 {"B", NULL, "policy.yaml:9:2"}};
    struct plan_limit limits[] = {{RLIMIT_NOFILE, 4096, "default"}};
    struct plan_landlock landlock[] = {{"/p", true, false}, {"/q", false, true}};
    struct plan plan = {.variant = "default",
                        .flags = PLAN_OWN_NET | PLAN_USE_LANDLOCK,
                        .uid = 1000,
                        .gid = 1000,
                        .hostname = "box",
                        .group = {{1 << 20, "policy.yaml:7:3"}, {0, NULL}, {9, "default"}},
                        .landlock_abi = 6,
                        .dotenv = "/p/.env",
                        .nodes = nodes,
                        .node_count = ARRAY_SIZE(nodes),
                        .env_rules = rules,
                        .env_rule_count = ARRAY_SIZE(rules),
                        .env_set = set,
                        .env_set_count = ARRAY_SIZE(set),
                        .limits = limits,
                        .limit_count = ARRAY_SIZE(limits),
                        .landlock = landlock,
                        .landlock_count = ARRAY_SIZE(landlock),
                        .filter = "",
                        .filter_count = 2,
                        .filter_note = "341 of 462"};

    add_ops(&arena, &plan);
    plan_print(&plan, &out);
    cr_expect_str_eq(out.data, expected);
    arena_finish(&arena);
}
