/* Runs a command, counts the system calls of all its processes, and makes one of them fail.
 *
 *   faults-inject -o LOG [-w FILE] [-p PROCESS -g GENERATION -s NUMBER -n NTH -e ERROR] -- CMD...
 *
 * A process is named by its birth: "0" is the command, "0.2" the second that it made, whatever the
 * order in which processes are scheduled. Its generation counts its execs. ERROR is an errno, or
 * "kill" for SIGKILL at that place. A process that executes FILE is let go: its calls don't count.
 *
 * The log has one line for what happened: "call PROCESS GENERATION NUMBER NTH" without -p, in which
 * NTH is the number of such calls; "injected", with "late" when the program ran already; "witness
 * PROCESS" for who was let go; "hung PID PROCESS" for what was still there at the end of the time.
 *
 * A call is not made, but getpid() in its place, whose result is replaced: the filter of a sandbox
 * lets that pass. Calls that give back what they name even when they fail are made. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace.h"

enum {
    COUNTS_MAX = 4096,
    SECONDS_MAX = 30,
    STATUS_BROKEN = 99
};

static struct {
    const char *process, *error, *witness;
    int generation, nth;
    long number;
    FILE *log;
} options = {.generation = -1, .number = -1};

/* How often a process of a generation made a call. */
static struct count {
    char process[NAME_SIZE];
    int generation, count;
    long number;
} counts[COUNTS_MAX];
static size_t count_count;
static bool program_runs;

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "faults-inject: %s: %s\n", what, strerror(errno));
    exit(STATUS_BROKEN);
}

static int count_call(const struct tracee *t, long number)
{
    struct count *c = counts;

    for (; c < counts + count_count; c++) {
        if (c->number == number && c->generation == t->generation &&
            strcmp(c->process, t->name) == 0)
            return ++c->count;
    }
    if (count_count == COUNTS_MAX)
        broken("too many different calls");
    count_count++;
    *c = (struct count){.generation = t->generation, .count = 1, .number = number};
    memcpy(c->process, t->name, NAME_SIZE);
    return 1;
}

static bool is_made_anyway(long number)
{
    return number == SYS_close || number == SYS_munmap;
}

static bool is_chosen(const struct tracee *t, long number, int nth)
{
    return options.process && number == options.number && nth == options.nth &&
           t->generation == options.generation && strcmp(t->name, options.process) == 0;
}

/* A child that nobody waits for is named when its parent's stop arrives: until then its calls are
 * not counted. */
static void enter_call(struct tracee *t, long number)
{
    if (t->generation < 0 || t->name[0] == '\0' || !is_chosen(t, number, count_call(t, number)))
        return;
    fprintf(options.log, "injected%s\n", program_runs ? " late" : "");
    if (strcmp(options.error, "kill") == 0) {
        kill(t->pid, SIGKILL);
        return;
    }
    t->fails_with = atoi(options.error);
    if (!is_made_anyway(number))
        trace_replace(t->pid, SYS_getpid);
}

static void leave_call(struct tracee *t)
{
    if (t->fails_with != 0)
        trace_fail(t->pid, t->fails_with);
    t->fails_with = 0;
}

/* Return: is it the program, which is let go? */
static bool exec_done(struct tracee *t)
{
    char path[64];
    struct stat is, wanted;

    t->generation++;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)t->pid);
    if (!options.witness || stat(path, &is) < 0 || stat(options.witness, &wanted) < 0 ||
        is.st_dev != wanted.st_dev || is.st_ino != wanted.st_ino)
        return false;
    program_runs = true;
    fprintf(options.log, "witness %s\n", t->name);
    return true;
}

/* One stop of one process; the signal that it is to get, if any, comes back. */
static void handle_stop(struct tracee *t, int status)
{
    int event = status >> 16;
    int number = WSTOPSIG(status);

    if (event == PTRACE_EVENT_STOP) {
        trace_go_on_or_stop(t, number);
        return;
    }
    if (event == PTRACE_EVENT_EXEC && exec_done(t)) {
        trace_let_go(t);
        return;
    }
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE)
        trace_name_child(t);
    if (event == 0 && number == (SIGTRAP | 0x80)) {
        long call = trace_entry(t->pid);

        if (call >= 0)
            enter_call(t, call);
        else
            leave_call(t);
    }
    trace_go_on(t, event != 0 || (number & 0x80) ? 0 : number);
}

/* A signal's handler that prints: the process is in waitpid() then, never in the log. */
static void out_of_time(int number)
{
    (void)number;
    for (size_t i = 0; i < TRACEES_MAX; i++) {
        if (tracees[i].pid <= 0 || kill(tracees[i].pid, SIGKILL) < 0)
            continue;
        fprintf(options.log, "hung %d %s\n", (int)tracees[i].pid, tracees[i].name);
    }
    fflush(options.log);
    _exit(STATUS_BROKEN);
}

/* Return: the command's status, as from waitpid(2). */
static int follow(pid_t command)
{
    int result = 0;

    for (;;) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, __WALL);

        if (pid < 0 && errno == ECHILD)
            return result;
        if (pid < 0)
            continue;
        if (WIFSTOPPED(status)) {
            handle_stop(trace_find(pid), status);
            continue;
        }
        trace_forget(pid);
        if (WIFSIGNALED(status))
            trace_release_unnamed();
        if (pid == command) {
            result = status;
            alarm(SECONDS_MAX); /* for the rest to end by itself */
        }
    }
}

static void write_counts(void)
{
    for (size_t i = 0; i < count_count && !options.process; i++)
        fprintf(options.log, "call %s %d %ld %d\n", counts[i].process, counts[i].generation,
                counts[i].number, counts[i].count);
}

static void parse(int argc, char **argv)
{
    int letter;

    while ((letter = getopt(argc, argv, "+o:w:p:g:s:n:e:")) != -1) {
        switch (letter) {
        case 'o':
            options.log = fopen(optarg, "we");
            break;
        case 'w':
            options.witness = optarg;
            break;
        case 'p':
            options.process = optarg;
            break;
        case 'g':
            options.generation = atoi(optarg);
            break;
        case 's':
            options.number = atol(optarg);
            break;
        case 'n':
            options.nth = atoi(optarg);
            break;
        case 'e':
            options.error = optarg;
            break;
        default:
            exit(STATUS_BROKEN);
        }
    }
    if (!options.log || optind == argc || !options.process != !options.error)
        broken("usage");
}

int main(int argc, char **argv)
{
    pid_t command;
    int status;

    parse(argc, argv);
    /* Orphans come here and are waited for, like everything else. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        broken("subreaper");
    command = trace_start(argv + optind);
    if (command < 0)
        broken("cannot trace");
    signal(SIGALRM, out_of_time);
    alarm(SECONDS_MAX);
    status = follow(command);
    write_counts();
    fclose(options.log);
    if (WIFSIGNALED(status))
        return 128 + WTERMSIG(status);
    return WEXITSTATUS(status);
}
