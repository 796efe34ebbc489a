#include <errno.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "svenv/base/err.h"

#include "host.h"

#define EXT HOME "/.vscode/extensions/ms-python-1"
#define HELPERS "/opt/pycharm/plugins/python/helpers"

static const struct host_file files[] = {
    {PROJECT "/main.py", PATH_FILE, NULL, false},
    {PROJECT "/evil", PATH_DIR, HOME "/documents", true},
    {VENV "/bin/python", PATH_FILE, NULL, false},
    {VENV "/sandbox/policy.yaml", PATH_FILE, NULL, false},
    {HOME "/documents/report.csv", PATH_FILE, NULL, false},
    {HOME "/documents/tool.py", PATH_FILE, NULL, false},
    {HOME "/script.py", PATH_FILE, NULL, false},
    {HOME "/.ssh/id_rsa", PATH_FILE, NULL, false},
    {HOME "/.ssh/run.py", PATH_FILE, NULL, false},
    {HOME "/.config/app/x.toml", PATH_FILE, NULL, false},
    {HOME "/.config/gcloud/token", PATH_FILE, NULL, false},
    {HOME "/.netrc", PATH_FILE, NULL, false},
    {HOME "/.cache/uv/.tmpAb/python/get_interpreter_info.py", PATH_FILE, NULL, false},
    {HOME "/.cache/JetBrains/P/python_stubs/1", PATH_DIR, NULL, false},
    {HOME "/.cache/JetBrains/P/coverage/old", PATH_FILE, NULL, false},
    {EXT "/python_files/info.py", PATH_FILE, NULL, false},
    {EXT "/.noConfigDebugAdapterEndpoints/old.txt", PATH_FILE, NULL, false},
    {HELPERS "/pydev/pydevd.py", PATH_FILE, NULL, false},
    {HELPERS "/generator3/__main__.py", PATH_FILE, NULL, false},
    {"/opt/lib/pip/__pip-runner__.py", PATH_FILE, NULL, false},
    {"/opt/lib/pip/__init__.py", PATH_FILE, NULL, false},
    {"/opt/lib/jedi/__init__.py", PATH_FILE, NULL, false},
    {"/opt/lib/jedi/sub/__init__.py", PATH_FILE, NULL, false},
    {"/opt/lib/jedi/sub/__main__.py", PATH_FILE, NULL, false},
    {"/opt/wheels/pip-24.whl", PATH_FILE, NULL, false},
    {"/opt/models/m.bin", PATH_FILE, NULL, false},
    {"/data/set/a.csv", PATH_FILE, NULL, false},
    {"/data/sock", PATH_OTHER, NULL, false},
    {"/data/fifo", PATH_FIFO, NULL, false},
    {"/data/socket", PATH_SOCKET, NULL, false},
    {"/mnt/link", PATH_DIR, "/data/set", true},
    {"/mnt/project", PATH_DIR, PROJECT, true},
    {"/mnt/hop", PATH_DIR, PROJECT "/evil", true},
    {"/mnt/chain", PATH_DIR, "link", true},
    {VENV "/bin/python", PATH_FILE, NULL, false},
    {"/certs/ca.pem", PATH_FILE, NULL, false},
    {"/scratch/x.csv", PATH_FILE, NULL, false},
    {"/tmp/job.py", PATH_FILE, NULL, false},
    {"/tmp/work/in.csv", PATH_FILE, NULL, false},
    {TEMP "/tmp/x", PATH_FILE, NULL, false},
    {"/run/user/1000/pipe", PATH_FIFO, NULL, false},
    {"/run/user/1000/jupyter/kernel-1.json", PATH_FILE, NULL, false},
    {"/run/secret", PATH_FILE, NULL, false},
    {"/proc/1/environ", PATH_FILE, NULL, false},
    {"/dev/null", PATH_OTHER, NULL, false},
    {"/usr/bin/python3", PATH_FILE, NULL, false},
    {"/etc/shadow", PATH_FILE, NULL, false},
    {NULL, PATH_ABSENT, NULL, false},
};

struct fixture {
    struct arena arena;
    struct host host;
    struct plan_file file;
    struct plan_variant variant;
    struct start start;
    struct plan plan;
    struct err err;
};

static const char *const no_env[] = {NULL};

static void setup(struct fixture *f, uint32_t flags)
{
    *f = (struct fixture){.host = {.files = files}};
    host_plan(&f->file, &f->variant.plan, flags);
    f->start = (struct start){.entry = "python",
                              .env = no_env,
                              .cwd = PROJECT,
                              .host = {&f->host, host_kind, host_link, host_text}};
}

static void teardown(struct fixture *f)
{
    arena_finish(&f->arena);
    plan_file_finish(&f->file);
}

static void run(struct fixture *f, const char *const *argv)
{
    size_t argc = 0;

    while (argv[argc] != NULL)
        argc++;
    f->start.argv = argv;
    f->start.argc = argc;
    cr_assert_eq(plan_start(&f->arena, &f->file, &f->variant, &f->start, &f->plan, &f->err), 0,
                 "%s", f->err.msg);
}

/* Binds beyond those of the compiled plan. */
static size_t added_binds(const struct fixture *f)
{
    size_t count = 0;

    for (size_t i = 0; i < f->plan.op_count; i++)
        count += f->plan.ops[i].kind == PLAN_BIND;
    for (size_t i = 0; i < f->variant.plan.op_count; i++)
        count -= f->variant.plan.ops[i].kind == PLAN_BIND;
    return count;
}

struct exposure_case {
    const char *argv[9];
    const char *path; /* the one path that is shown, NULL: none */
    bool rw;
    const char *cwd; /* NULL: the project */
};

static const struct exposure_case cases[] = {
    /* visible anyway */
    {{"python", "main.py"}, NULL, false, NULL},
    {{"python", PROJECT "/main.py"}, NULL, false, NULL},
    {{"python", "/usr/bin/python3"}, NULL, false, NULL},
    {{"python", "main.py", "/opt/models/m.bin"}, NULL, false, NULL},
    {{"python", "main.py", VENV "/sandbox/policy.yaml"}, NULL, false, NULL},
    {{"python", "main.py", "/etc/shadow"}, NULL, false, NULL},
    /* data */
    {{"python", "main.py", "/data/set/a.csv"}, "/data/set/a.csv", false, NULL},
    {{"python", "main.py", "--in=/data/set/a.csv"}, "/data/set/a.csv", false, NULL},
    {{"python", "main.py", "--in", "/data/set/a.csv"}, "/data/set/a.csv", false, NULL},
    {{"python", "main.py", "-f/data/set/a.csv"}, "/data/set/a.csv", false, NULL},
    {{"python", "main.py", "--", "/data/set/a.csv"}, "/data/set/a.csv", false, NULL},
    {{"python", "-m", "tool", "/data/set"}, "/data/set", false, NULL},
    {{"python", "main.py", "/data/fifo"}, "/data/fifo", false, NULL},
    {{"python", "main.py", "../documents/report.csv"}, HOME "/documents/report.csv", false, NULL},
    {{"python", "main.py", "a.csv"}, "/data/set/a.csv", false, "/data/set"},
    {{"python", "main.py", "/scratch/x.csv"}, "/scratch/x.csv", false, NULL},
    {{"python", "main.py", "/run/user/1000/jupyter/kernel-1.json"},
     "/run/user/1000/jupyter/kernel-1.json",
     false,
     NULL},
    /* never */
    {{"python", "main.py", "/"}, NULL, false, NULL},
    {{"python", "main.py", "/home"}, NULL, false, NULL},
    {{"python", "main.py", HOME}, NULL, false, NULL},
    {{"python", "main.py", HOME "/.ssh"}, NULL, false, NULL},
    {{"python", "main.py", HOME "/.ssh/id_rsa"}, NULL, false, NULL},
    {{"python", HOME "/.ssh/run.py"}, NULL, false, NULL},
    {{"python", "main.py", HOME "/.netrc"}, NULL, false, NULL},
    {{"python", "main.py", HOME "/.config"}, NULL, false, NULL},
    {{"python", "main.py", HOME "/.config/gcloud/token"}, NULL, false, NULL},
    {{"python", "main.py", "/opt"}, NULL, false, NULL}, /* holds a mount */
    {{"python", "main.py", "/data/sock"}, NULL, false, NULL},
    {{"python", "main.py", "/data/absent"}, NULL, false, NULL},
    {{"python", "main.py", "/proc/1/environ"}, NULL, false, NULL},
    {{"python", "main.py", "/dev/null"}, NULL, false, NULL},
    {{"python", "main.py", "/run/secret"}, NULL, false, NULL},
    {{"python", "main.py", "/run/user/1000/jupyter"}, NULL, false, NULL},
    {{"python", "main.py", "/tmp"}, NULL, false, NULL},
    {{"python", "main.py", TEMP "/tmp/x"}, NULL, false, NULL},
    {{"python", "main.py", "https://h/data/set/a.csv"}, NULL, false, NULL},
    /* a symlink that lies where the sandbox writes chooses nothing */
    {{"python", "main.py", PROJECT "/evil/report.csv"}, NULL, false, NULL},
    {{"python", "main.py", "/data/../home/u/proj/evil/../documents/report.csv"}, NULL, false, NULL},
    /* nor one that a link of the user's leads to; links of the user's alone do */
    {{"python", "main.py", "/mnt/hop/report.csv"}, NULL, false, NULL},
    {{"python", "main.py", "/mnt/project/evil/report.csv"}, NULL, false, NULL},
    {{"python", "main.py", "/mnt/chain/a.csv"}, "/data/set/a.csv", false, NULL},
    /* -c shows nothing but uv's directory */
    {{"python", "-c", "open('/data/set/a.csv')"}, NULL, false, NULL},
    {{"python", "-I", "-B", "-c",
      "import sys; sys.path = [\"" HOME "/.cache/uv/.tmpAb\"] + sys.path; from "
      "python.get_interpreter_info import main; main()"},
     HOME "/.cache/uv/.tmpAb",
     false,
     NULL},
    {{"python", "-I", "-B", "-c",
      "import sys; sys.path = [__import__(\"os\").fsdecode(b\"" HOME "/.cache/uv/.tmpAb\")] + "
      "sys.path; from python.get_interpreter_info import main; main()"},
     HOME "/.cache/uv/.tmpAb",
     false,
     NULL},
    {{"python", "-c", "import sys; sys.path = [\"/data/set\"]; import os"}, NULL, false, NULL},
    {{"python", "-c", "import sys; sys.path = [\"/\"] + sys.path; from python.x"},
     NULL,
     false,
     NULL},
    /* scripts */
    {{"python", "/data/set/a.csv"}, "/data/set", false, NULL},
    {{"python", HOME "/documents/tool.py"}, HOME "/documents", false, NULL},
    {{"python", HOME "/script.py"}, HOME "/script.py", false, NULL},
    {{"python", "/tmp/job.py"}, "/tmp/job.py", false, NULL},
    {{"python", "/opt/lib/pip/__pip-runner__.py"}, "/opt/lib/pip", false, NULL},
    {{"python", "/opt/lib/jedi/sub/__main__.py"}, "/opt/lib/jedi", false, NULL},
    {{"python", "/opt/wheels/pip-24.whl/pip"}, "/opt/wheels/pip-24.whl", false, NULL},
    {{"python", EXT "/python_files/info.py"}, EXT, false, NULL},
    {{"python", HELPERS "/pydev/pydevd.py"}, HELPERS, false, NULL},
    {{"python", "-m", "pdb", HOME "/documents/tool.py"}, HOME "/documents", false, NULL},
    {{"python", "main.py", HOME "/documents/tool.py"}, HOME "/documents/tool.py", false, NULL},
    /* to be written */
    {{"python", "-m", "ipykernel_launcher", "--f=/run/user/1000/jupyter/kernel-1.json"},
     "/run/user/1000/jupyter/kernel-1.json",
     true,
     NULL},
    {{"python", "-m", "ipykernel_launcher", "-f", "/run/user/1000/jupyter/kernel-1.json"},
     "/run/user/1000/jupyter/kernel-1.json",
     true,
     NULL},
    {{"python", "main.py", HOME "/.cache/JetBrains/P/coverage/new"},
     HOME "/.cache/JetBrains/P/coverage",
     true,
     NULL},
};

Test(start, arguments)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct exposure_case *one = &cases[i];
        const struct plan_op *op = NULL;
        struct fixture f;

        setup(&f, 0);
        if (one->cwd != NULL)
            f.start.cwd = one->cwd;
        run(&f, one->argv);
        cr_expect_eq(added_binds(&f), one->path != NULL ? 1 : 0, "case %zu (%s): %zu binds", i,
                     one->argv[2], added_binds(&f));
        if (one->path == NULL) {
            teardown(&f);
            continue;
        }
        op = host_op(&f.plan, PLAN_BIND, one->path);
        cr_expect_not_null(op, "case %zu: %s", i, one->path);
        if (op != NULL) {
            cr_expect_str_eq(op->src, op->dest);
            cr_expect_eq((op->flags & PLAN_RW) != 0, one->rw, "case %zu", i);
        }
        teardown(&f);
    }
}

Test(start, generator_writes_its_stubs)
{
    static const char *const argv[] = {"python", HELPERS "/generator3/__main__.py", "-d",
                                       HOME "/.cache/JetBrains/P/python_stubs/1", NULL};
    const struct plan_op *op = NULL;
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    cr_expect_not_null(host_op(&f.plan, PLAN_BIND, HELPERS));
    op = host_op(&f.plan, PLAN_BIND, HOME "/.cache/JetBrains/P/python_stubs/1");
    cr_assert_not_null(op);
    cr_expect(op->flags & PLAN_RW);
    cr_expect_not_null(host_node(&f.plan, VENV "/cache", "JetBrains/P/python_stubs/1"));
    teardown(&f);
}

static size_t index_of(const struct plan *plan, const struct plan_op *op)
{
    return (size_t)(op - plan->ops);
}

Test(start, mount_points_in_the_root_come_before_any_bind)
{
    static const char *const argv[] = {"python", "main.py", "/data/set/a.csv", NULL};
    const struct plan_op *point = NULL;
    const struct plan_op *bind = NULL;
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    point = host_op(&f.plan, PLAN_FILE, "/data/set/a.csv");
    bind = host_op(&f.plan, PLAN_BIND, "/usr");
    cr_assert(point != NULL && bind != NULL);
    cr_expect_lt(index_of(&f.plan, point), index_of(&f.plan, bind));
    cr_expect_not_null(host_op(&f.plan, PLAN_DIR, "/data"));
    cr_expect_not_null(host_op(&f.plan, PLAN_DIR, "/data/set"));
    cr_expect_eq(f.plan.node_count, 0);
    cr_expect_eq(f.plan.landlock_count, 2);
    teardown(&f);
}

Test(start, mount_points_below_private_directories_are_nodes)
{
    static const char *const argv[] = {"python", HOME "/documents/tool.py", "/tmp/work/in.csv",
                                       NULL};
    const struct plan_op *bind = NULL;
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    cr_expect_not_null(host_node(&f.plan, VENV "/home", "documents"));
    cr_expect_not_null(host_node(&f.plan, "/tmp", "sandbox-venv-0123/tmp/work/in.csv"));
    cr_expect_null(host_op(&f.plan, PLAN_DIR, HOME "/documents"));
    /* Other users write there, too. */
    bind = host_op(&f.plan, PLAN_BIND, "/tmp/work/in.csv");
    cr_assert_not_null(bind);
    cr_expect(bind->flags & PLAN_HOSTILE);
    teardown(&f);
}

Test(start, mount_points_in_a_tmpfs_follow_it)
{
    static const char *const argv[] = {"python", "main.py", "/scratch/x.csv", NULL};
    const struct plan_op *tmpfs = NULL;
    const struct plan_op *point = NULL;
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    tmpfs = host_op(&f.plan, PLAN_TMPFS, "/scratch");
    point = host_op(&f.plan, PLAN_FILE, "/scratch/x.csv");
    cr_assert(tmpfs != NULL && point != NULL);
    cr_expect_eq(index_of(&f.plan, point), index_of(&f.plan, tmpfs) + 1);
    teardown(&f);
}

Test(start, symlinks_on_the_way_are_made_again)
{
    static const char *const argv[] = {"python", "main.py", "/mnt/link/a.csv", NULL};
    const struct plan_op *link = NULL;
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    cr_expect_not_null(host_op(&f.plan, PLAN_BIND, "/data/set/a.csv"));
    link = host_op(&f.plan, PLAN_SYMLINK, "/mnt/link");
    cr_assert_not_null(link);
    cr_expect_str_eq(link->src, "/data/set");
    cr_expect_not_null(host_op(&f.plan, PLAN_DIR, "/mnt"));
    teardown(&f);
}

/* Each link as the host has it, so that the path leads where it leads there. */
Test(start, chains_of_symlinks_are_made_again)
{
    static const char *const argv[] = {"python", "main.py", "/mnt/chain/a.csv", NULL};
    static const char *const made[][2] = {{"/mnt/chain", "link"}, {"/mnt/link", "/data/set"}};
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        const struct plan_op *link = host_op(&f.plan, PLAN_SYMLINK, made[i][0]);

        cr_assert_not_null(link, "%s", made[i][0]);
        cr_expect_str_eq(link->src, made[i][1]);
    }
    teardown(&f);
}

Test(start, what_a_shown_directory_holds_is_not_shown_twice)
{
    static const char *const argv[] = {"python",    "main.py",         "/data/set/a.csv",
                                       "/data/set", "/data/set/a.csv", NULL};
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    cr_expect_eq(added_binds(&f), 1);
    cr_expect_not_null(host_op(&f.plan, PLAN_BIND, "/data/set"));
    cr_expect_null(host_op(&f.plan, PLAN_FILE, "/data/set/a.csv"));
    teardown(&f);
}

/* --- working directory --------------------------------------------------------------------------
 */

struct cwd_case {
    const char *cwd;
    uint32_t flags;
    const char *bind; /* NULL: none */
    const char *dir;  /* made in the root */
    const char *node; /* made in the private home */
};
static const struct cwd_case cwds[] = {
    {PROJECT, 0, NULL, NULL, NULL},
    {HOME, PLAN_CWD_RW, NULL, NULL, NULL},
    {"/", PLAN_CWD_RW, NULL, NULL, NULL},
    {"/home", PLAN_CWD_RO, NULL, NULL, NULL},
    {HOME "/documents", 0, NULL, NULL, "documents"},
    {HOME "/documents", PLAN_CWD_RO, HOME "/documents", NULL, "documents"},
    {HOME "/.ssh", PLAN_CWD_RO, NULL, NULL, ".ssh"},
    {"/data/set", 0, NULL, "/data/set", NULL},
    {"/data/set", PLAN_CWD_RW, "/data/set", "/data/set", NULL},
    {"/opt", PLAN_CWD_RW, NULL, NULL, NULL}, /* exists: it holds a mount */
};

Test(start, working_directory)
{
    static const char *const argv[] = {"python", NULL};

    for (size_t i = 0; i < ARRAY_SIZE(cwds); i++) {
        const struct cwd_case *one = &cwds[i];
        const struct plan_op *bind = NULL;
        struct fixture f;

        setup(&f, one->flags);
        f.start.cwd = one->cwd;
        run(&f, argv);
        cr_expect_eq(added_binds(&f), one->bind != NULL ? 1 : 0, "case %zu", i);
        if (one->bind != NULL && (bind = host_op(&f.plan, PLAN_BIND, one->bind)) != NULL)
            cr_expect_eq((bind->flags & PLAN_RW) != 0, (one->flags & PLAN_CWD_RW) != 0);
        if (one->dir != NULL)
            cr_expect_not_null(host_op(&f.plan, PLAN_DIR, one->dir), "case %zu", i);
        if (one->node != NULL)
            cr_expect_not_null(host_node(&f.plan, VENV "/home", one->node), "case %zu", i);
        cr_expect_eq(f.plan.node_count, one->node != NULL ? 1 : 0, "case %zu", i);
        teardown(&f);
    }
}

Test(start, logical_working_directory_keeps_its_symlink)
{
    static const char *const argv[] = {"python", NULL};
    static const char *const env[] = {"PWD=/mnt/link", NULL};
    struct fixture f;

    setup(&f, PLAN_CWD_RO);
    f.start.cwd = "/data/set";
    f.start.env = env;
    run(&f, argv);
    cr_expect_not_null(host_op(&f.plan, PLAN_SYMLINK, "/mnt/link"));
    teardown(&f);
}

Test(start, entry_point_called_through_a_symlink_keeps_it)
{
    static const char *const argv[] = {"/mnt/project/.venv/bin/python", NULL};
    struct fixture f;

    setup(&f, 0);
    f.start.called_as = argv[0];
    run(&f, argv);
    cr_expect_not_null(host_op(&f.plan, PLAN_SYMLINK, "/mnt/project"));
    teardown(&f);
}

Test(start, entry_point_called_by_its_own_path_asks_nothing)
{
    static const char *const argv[] = {".venv/bin/python", NULL};
    struct fixture f;

    setup(&f, 0);
    f.start.called_as = argv[0];
    f.start.cwd = PROJECT;
    run(&f, argv);
    cr_expect_eq(f.host.questions, 0);
    teardown(&f);
}

/* --- variables ----------------------------------------------------------------------------------
 */

struct variable_case {
    const char *assignment;
    const char *path; /* NULL: none */
    bool rw;
};
static const struct variable_case variables[] = {
    {"SSL_CERT_FILE=/certs/ca.pem", "/certs/ca.pem", false},
    {"SSL_CERT_DIR=/absent:/certs", "/certs", false},
    {"PYTHONPATH=" PROJECT ":" EXT "/python_files", EXT, false},
    {"PYTHONPATH=" HELPERS "/pydev", HELPERS, false},
    {"PYTHONPATH=" HOME, NULL, false},
    {"TEST_RUN_PIPE=/run/user/1000/pipe", "/run/user/1000/pipe", true},
    {"TEST_RUN_PIPE=/data/socket", "/data/socket", true},
    {"TEST_RUN_PIPE=/data/set/a.csv", NULL, false},
    {"RUN_TEST_IDS_PIPE=/data/set", NULL, false},
    {"RUN_TEST_IDS_PIPE=/dev/null", NULL, false},
    {"TEST_RUN_PIPE=" HOME "/.bashrc", NULL, false},
    {"MAKEFLAGS=--jobserver-auth=fifo:/data/socket", "/data/socket", true},
    {"DEBUGPY_ADAPTER_ENDPOINTS=" EXT "/.noConfigDebugAdapterEndpoints/new.txt",
     EXT "/.noConfigDebugAdapterEndpoints", true},
    {"DEBUGPY_ADAPTER_ENDPOINTS=/data/set/new.txt", NULL, false},
    {"MAKEFLAGS=-j4 --jobserver-auth=fifo:/data/fifo -k", "/data/fifo", true},
    {"MAKEFLAGS=--jobserver-auth=fifo:/data/set/a.csv", NULL, false},
    {"COVERAGE_FILE=" HOME "/.cache/JetBrains/P/coverage/new", HOME "/.cache/JetBrains/P/coverage",
     true},
    {"PIP_FIND_LINKS=https://h/x /data/set", "/data/set", false},
    {"REQUESTS_CA_BUNDLE=" HOME "/.ssh/id_rsa", NULL, false},
    {"OTHER=/data/set", NULL, false},
    {"DROPPED_SSL=/data/set", NULL, false},
};

Test(start, variables)
{
    static const char *const argv[] = {"python", NULL};
    static struct plan_env_rule rules[] = {{"*", PLAN_ENV_PASS, "default", false, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        const char *const env[] = {variables[i].assignment, NULL};
        const struct plan_op *op = NULL;
        struct fixture f;

        setup(&f, 0);
        f.variant.plan.env_rules = rules;
        f.variant.plan.env_rule_count = 1;
        f.start.env = env;
        run(&f, argv);
        cr_expect_eq(added_binds(&f), variables[i].path != NULL ? 1 : 0, "case %zu", i);
        if (variables[i].path != NULL) {
            op = host_op(&f.plan, PLAN_BIND, variables[i].path);
            cr_expect(op != NULL && ((op->flags & PLAN_RW) != 0) == variables[i].rw, "case %zu", i);
        }
        teardown(&f);
    }
}

static const char *loaded(void *context, struct arena *a, const char *variable)
{
    (void)context;
    (void)a;
    return str_eq(variable, "SSL_CERT_FILE") || str_eq(variable, "PYTHONPATH") ? PROJECT "/.env"
                                                                               : NULL;
}

/* One that the program sees anyway needs no trust; neither does the same path on the command
 * line. */
Test(start, variables_that_a_dotenv_names_show_nothing)
{
    static const char *const argv[] = {"python", "/data/set/a.csv", NULL};
    static const char *const env[] = {"SSL_CERT_FILE=/certs/ca.pem", "PYTHONPATH=" PROJECT,
                                      "PIP_CERT=/scratch/x.csv", "CURL_CA_BUNDLE=/data/set/a.csv",
                                      NULL};
    static struct plan_env_rule rules[] = {{"*", PLAN_ENV_PASS, "default", false, 0}};
    struct fixture f;

    setup(&f, 0);
    f.variant.plan.env_rules = rules;
    f.variant.plan.env_rule_count = 1;
    f.start.env = env;
    f.start.host.loaded = loaded;
    run(&f, argv);
    cr_expect_eq(added_binds(&f), 2);
    cr_expect_null(host_op(&f.plan, PLAN_BIND, "/certs/ca.pem"));
    cr_assert_eq(f.plan.refusal_count, 1);
    cr_expect(f.plan.refusals[0].told);
    cr_expect_str_eq(f.plan.refusals[0].path, "/certs/ca.pem");
    cr_expect_not_null(strstr(f.plan.refusals[0].why, PROJECT "/.env"));
    teardown(&f);
}

Test(start, variables_that_stay_out_show_nothing)
{
    static const char *const argv[] = {"python", NULL};
    static const char *const env[] = {"SSL_CERT_FILE=/certs/ca.pem", NULL};
    struct fixture f;

    setup(&f, 0);
    f.start.env = env;
    run(&f, argv);
    cr_expect_eq(added_binds(&f), 0);
    teardown(&f);
}

/* --- the rest -----------------------------------------------------------------------------------
 */

Test(start, compiled_plan_stays_untouched)
{
    static const char *const argv[] = {"python", "/data/set/a.csv", NULL};
    struct fixture f;
    size_t ops = 0;

    setup(&f, 0);
    ops = f.variant.plan.op_count;
    run(&f, argv);
    cr_expect_eq(f.variant.plan.op_count, ops);
    cr_expect_eq(f.variant.plan.landlock_count, 1);
    cr_expect_neq(f.plan.ops, f.variant.plan.ops);
    teardown(&f);
}

Test(start, long_command_lines_ask_little)
{
    static const char *argv[100001];
    struct fixture f;

    setup(&f, 0);
    for (size_t i = 0; i < 100000; i++)
        argv[i] = i % 2 ? "word" : "/nowhere";
    argv[0] = "python";
    argv[1] = "main.py";
    run(&f, argv);
    cr_expect_leq(f.host.questions, 4000);
    cr_expect_eq(added_binds(&f), 0);
    teardown(&f);
}

Test(start, too_many_paths_are_an_error)
{
    static struct host_file many[402];
    static char names[400][32];
    static const char *argv[403] = {"python", "main.py"};
    struct fixture f;

    setup(&f, 0);
    for (size_t i = 0; i < 400; i++) {
        snprintf(names[i], sizeof(names[i]), "/data/%zu", i);
        many[i] = (struct host_file){names[i], PATH_FILE, NULL, false};
        argv[i + 2] = names[i];
    }
    f.host.files = many;
    f.start.argv = argv;
    f.start.argc = 402;
    cr_expect_eq(plan_start(&f.arena, &f.file, &f.variant, &f.start, &f.plan, &f.err), -E2BIG);
    cr_expect_null(f.plan.ops);
    teardown(&f);
}

Test(start, chooses_the_first_variant_that_fits)
{
    static const char *install[] = {"pip install", "uv"};
    static const char *test[] = {"python -m pytest"};
    struct plan_variant variants[] = {
        {.match = install, .match_count = 2, .plan = {.variant = "installer"}},
        {.match = test, .match_count = 1, .plan = {.variant = "test"}},
        {.plan = {.variant = "default"}}};
    const struct plan_file file = {.variants = variants, .variant_count = 3};
    static const struct {
        const char *entry;
        const char *argv[6];
        const char *variant;
    } starts[] = {
        {"pip", {"pip", "install", "x"}, "installer"},
        {"python", {"python", "-Im", "pip", "install"}, "installer"},
        {"uv", {"uv", "sync"}, "installer"},
        {"pip", {"pip", "list"}, "default"},
        {"python3.11", {"python", "-m", "pytest", "-x"}, "test"},
        {"pytest", {"pytest"}, "default"},
        {NULL, {"/usr/bin/env"}, "default"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        struct arena arena = {NULL};
        struct start start = {.entry = starts[i].entry, .argv = starts[i].argv};

        while (starts[i].argv[start.argc] != NULL)
            start.argc++;
        cr_expect_str_eq(plan_choose(&arena, &file, &start)->plan.variant, starts[i].variant,
                         "case %zu", i);
        arena_finish(&arena);
    }
}

/* The terminal is bound under the name that look-ups by device find, and must be that very one. */
Test(start, terminal)
{
    static const char *const argv[] = {"python", NULL};
    const struct plan_op *bind = NULL;
    struct fixture f;

    setup(&f, 0);
    run(&f, argv);
    cr_assert_null(host_op(&f.plan, PLAN_FILE, "/dev/console"));
    f.start.terminal = "/dev/pts/7";
    f.start.terminal_dev = 23;
    f.start.terminal_ino = 10;
    run(&f, argv);
    cr_assert_not_null(host_op(&f.plan, PLAN_FILE, "/dev/console"));
    bind = host_op(&f.plan, PLAN_BIND, "/dev/console");
    cr_assert_not_null(bind);
    cr_assert_str_eq(bind->src, "/dev/pts/7");
    cr_assert_eq(bind->flags, PLAN_RW | PLAN_DEVICES | PLAN_IDENTITY | PLAN_TRY);
    cr_assert_eq(bind->dev, 23);
    cr_assert_eq(bind->ino, 10);
    teardown(&f);
}

/* A file that the policy puts there stays. */
Test(start, terminal_where_the_policy_has_one)
{
    static const char *const argv[] = {"python", NULL};
    struct fixture f;

    setup(&f, 0);
    plan_add(&f.file.arena, &f.variant.plan, PLAN_BIND, "/dev/zero", "/dev/console", "policy");
    f.start.terminal = "/dev/pts/7";
    run(&f, argv);
    cr_assert_eq(added_binds(&f), 0);
    teardown(&f);
}
