/* The command line program: one row per command. A first word that is no command is the virtual
 * environment to wrap. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/log.h"
#include "svenv/base/mem.h"
#include "svenv/base/path.h"
#include "svenv/base/str.h"
#include "term-internal.h"

#define QUIET_TEXT "  -q, --quiet          say nothing when all is well\n"
#define GRANT_TEXT                                                                                 \
    "  --network MODE       none or host, for this one start\n"                                    \
    "  --read PATH          show PATH read-only, for this one start\n"                             \
    "  --write PATH         show PATH writable, for this one start\n"                              \
    "  --policy FILE|NAME   instead of the policy of the virtual environment\n"                    \
    "  BWRAP_OPTIONS        bubblewrap's options, on top of the policy\n"
#define WRAP_TEXT                                                                                  \
    "  --policy FILE|NAME   take this policy file, or the profile of that name\n"                  \
    "  --project DIR        the directory that programs work in\n"

static const struct command commands[] = {
    {"wrap", "wrap a virtual environment, or wrap it again",
     ACCEPT_VENV | ACCEPT_POLICY | ACCEPT_PROJECT | ACCEPT_BWRAP | ACCEPT_BWRAP_REST, command_wrap,
     "[VENV] [--policy FILE|NAME] [--project DIR] [-- BWRAP_OPTIONS...]\n\n"
     "Every program in VENV/bin (VENV: .venv) starts in a sandbox from then on. The policy that "
     "is\n"
     "found is kept; bubblewrap options become policy.\n\n" WRAP_TEXT QUIET_TEXT},
    {"create", "make a virtual environment and wrap it",
     ACCEPT_VENV | ACCEPT_POLICY | ACCEPT_PROJECT | ACCEPT_PYTHON | ACCEPT_EXTRA, command_create,
     "VENV [--python EXE] [options of 'python -m venv']\n\n"
     "  --python EXE         the interpreter to take (python3)\n" WRAP_TEXT QUIET_TEXT},
    {"unwrap", "undo the wrapping", ACCEPT_VENV | ACCEPT_PURGE, command_unwrap,
     "[VENV] [--purge]\n\n"
     "VENV/bin is as it was before.\n\n"
     "  --purge              also remove the private home and cache of its programs\n" QUIET_TEXT},
    {"status", "say how a virtual environment stands", ACCEPT_VENV | ACCEPT_JSON | ACCEPT_CHECK,
     command_status,
     "[VENV] [--json] [--check]\n\n"
     "  --json               for programs\n"
     "  --check              end with status 1 when an entry bypasses the sandbox, or anything is\n"
     "                       stale or tampered with\n"
     "  -q, --quiet          say nothing when all is well\n"},
    {"list", "list the virtual environments that you have wrapped", ACCEPT_JSON, command_list,
     "[--json]\n\n"
     "  --json               for programs\n"},
    {"run", "run any command in the sandbox",
     ACCEPT_VENV | ACCEPT_POLICY | ACCEPT_GRANT | ACCEPT_BWRAP | ACCEPT_REST, command_run,
     "[VENV] [options] -- COMMAND...\n\n" GRANT_TEXT},
    {"shell", "start a shell in the sandbox",
     ACCEPT_VENV | ACCEPT_POLICY | ACCEPT_GRANT | ACCEPT_BWRAP, command_shell,
     "[VENV] [options]\n\n" GRANT_TEXT},
    {"policy show", "print the policy in force", ACCEPT_VENV | ACCEPT_SHOW, command_policy_show,
     "[VENV] [--origins | --diff | --filter]\n\n"
     "  --origins            say where each line comes from\n"
     "  --diff               only what differs from the default\n"
     "  --filter             the system call filter: what each call gets, then the program\n"},
    {"policy check", "check a policy", ACCEPT_VENV, command_policy_check,
     "[VENV | FILE]\n\n"
     "The first mistake is printed with file, line and column.\n\n" QUIET_TEXT},
    {"policy log", "show how the policy has changed", ACCEPT_VENV | ACCEPT_JSON, command_policy_log,
     "[VENV] [--json]\n\n"
     "Every policy that was in force, oldest first: when, its hash, what differs from the one "
     "before.\n\n"
     "  --json               the lines of the history as they are\n"},
    {"quarantine list", "list what appeared in the project and was taken away",
     ACCEPT_VENV | ACCEPT_JSON, command_quarantine_list,
     "[VENV] [--json]\n\n"
     "Newest first: the ID of each start that took something, when, and the paths.\n\n"
     "  --json               for programs\n"},
    {"quarantine restore", "move it back", ACCEPT_VENV | ACCEPT_EXTRA, command_quarantine_restore,
     "[VENV] NAME...\n\n"
     "NAME is a path as 'quarantine list' shows it, a directory above such paths, or an ID, alone\n"
     "or as ID/NAME. Nothing that is there is replaced. It belongs to you from then on: programs\n"
     "can read it and not write it.\n\n" QUIET_TEXT},
    {"log", "show what was denied, started and installed", ACCEPT_VENV | ACCEPT_JSON | ACCEPT_LOG,
     command_log,
     "[VENV] [-f] [--denied] [--json]\n\n"
     "The audit log, oldest first: of VENV; without it, of '.venv' when that is wrapped, else of\n"
     "every virtual environment. The policy's audit.level decides what is recorded.\n\n"
     "  -f, --follow         go on with new lines, until interrupted\n"
     "  --denied             only denials\n"
     "  --json               the lines of the log as they are\n"},
    {"internal-refresh", NULL, ACCEPT_VENV, command_refresh, "VENV\n"},
    {"internal-plan", NULL, ACCEPT_VENV, command_plan, "VENV\n"},
    {"internal-scope", NULL, ACCEPT_EXTRA, command_scope, "PID NAME MEMORY CPUS PROCESSES\n"},
    {"internal-before-install", NULL, ACCEPT_VENV, command_before_install, "VENV\n"},
    {"internal-late-install", NULL, ACCEPT_VENV, command_late_install, "VENV\n"},
    {"internal-after-install", NULL, ACCEPT_VENV, command_after_install, "VENV\n"},
};

static void add_overview(struct buf *out)
{
    buf_add_str(out,
                "usage: sandbox-venv [VENV] [BWRAP_OPTIONS...]\n"
                "       sandbox-venv COMMAND [...]\n\n"
                "Without a command: wrap VENV (.venv), so that every program in VENV/bin starts "
                "in a sandbox.\n\ncommands:\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].summary)
            buf_printf(out, "  %-18s %s\n", commands[i].name, commands[i].summary);
    }
    buf_add_str(out,
                "\n'sandbox-venv COMMAND --help' says more; 'sandbox-venv --version' prints the "
                "version.\n");
}

static int print_overview(void)
{
    auto_buf struct buf out = {0};

    add_overview(&out);
    term_flush(&out);
    return EXIT_DONE;
}

static int print_usage(const struct command *command)
{
    auto_buf struct buf out = {0};

    buf_printf(&out, "usage: sandbox-venv %s %s", command->name, command->usage);
    term_flush(&out);
    return EXIT_DONE;
}

static bool is_venv_dir(const char *word)
{
    auto_free char *config = path_join(word, "pyvenv.cfg");

    return access(config, F_OK) == 0;
}

/* Number of words that name the command: 1 or 2; 0 when they name another. */
static size_t name_words(const struct command *command, size_t count, const char *const *words)
{
    const char *blank = strchr(command->name, ' ');
    size_t len = blank ? (size_t)(blank - command->name) : 0;

    if (!blank)
        return count > 0 && str_eq(words[0], command->name);
    if (count < 2 || strlen(words[0]) != len || strncmp(words[0], command->name, len) != 0)
        return 0;
    return str_eq(words[1], blank + 1) ? 2 : 0;
}

static const struct command *cli_find_command(size_t count, const char *const *words,
                                              size_t *used_out)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        *used_out = name_words(&commands[i], count, words);
        if (*used_out > 0)
            return &commands[i];
    }
    return NULL;
}

static int run_command(const struct command *command, bool is_bare, const char *const *words,
                       size_t count)
{
    auto_args struct args args = {0};
    struct err err = {0};

    if (args_parse(command->accepts, words, count, &args, &err) < 0)
        return command_misused(is_bare ? "" : command->name, "%s", err.msg);
    if (args.help)
        return is_bare ? print_overview() : print_usage(command);
    return command->run(&args);
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return str_eq(word, a) || str_eq(word, b);
}

static int dispatch(size_t count, const char *const *words)
{
    const struct command *command;
    size_t used = 0;

    if (count > 0 && is_one_of(words[0], "--version", "-V")) {
        (void)printf("sandbox-venv %s\n", SVENV_VERSION);
        return EXIT_DONE;
    }
    if (count > 0 && is_venv_dir(words[0]))
        return run_command(&commands[0], true, words, count);
    command = cli_find_command(count, words, &used);
    if (command)
        return run_command(command, false, words + used, count - used);
    if (count == 1 && is_one_of(words[0], "help", "--help"))
        return print_overview();
    if (count > 1 && str_eq(words[0], "help")) {
        command = cli_find_command(count - 1, words + 1, &used);
        return command ? print_usage(command) : print_overview();
    }
    if (count > 0 && str_eq(words[0], "policy"))
        return command_misused("", "say 'policy show', 'policy check' or 'policy log'");
    if (count > 0 && str_eq(words[0], "quarantine"))
        return command_misused("", "say 'quarantine list' or 'quarantine restore'");
    return run_command(&commands[0], true, words, count);
}

/* A plan that was opened as descriptor 2 would have our messages written into it. */
static bool open_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    }
    return true;
}

/* A list that was cut by a full disk is no list. */
static int close_output(int status)
{
    struct err err = {0};
    int rc = term_close();

    if (rc == 0)
        return status;
    err_set(&err, -rc, "cannot write to the standard output");
    return command_failed(&err);
}

int main(int argc, char **argv)
{
    if (!open_standard_streams()) {
        log_line("cannot open /dev/null for a closed standard stream");
        return EXIT_FAILED;
    }
    return close_output(dispatch((size_t)(argc > 0 ? argc - 1 : 0), (const char *const *)argv + 1));
}
