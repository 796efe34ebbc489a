/* `internal-scope`: asks systemd for a control group, for the launcher, which speaks no D-Bus. */
#include "scope-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args-internal.h"
#include "command-internal.h"
#include "svenv/base/err.h"
#include "svenv/base/fd.h"
#include "svenv/base/num.h"
#include "svenv/sys/group.h"
#include "svenv/sys/scope.h"

enum {
    WORD_PID,
    WORD_STEM,
    WORD_MEMORY,
    WORD_CPUS,
    WORD_PROCESSES,
    WORD__COUNT
};

int scope_ask_systemd(const void *unused, const struct cgroup_limits *limits, const char *stem,
                      pid_t pid, struct err *err)
{
    const struct scope_bus bus = {.address = getenv("DBUS_SESSION_BUS_ADDRESS"),
                                  .runtime_dir = getenv("XDG_RUNTIME_DIR"),
                                  .patience_ms = GROUP_PATIENCE_MS};

    (void)unused;
    return scope_ask(&bus, limits, stem, pid, err);
}

static bool read_words(const struct strv *words, pid_t *pid_out, struct cgroup_limits *limits_out)
{
    int64_t pid;

    if (words->count != WORD__COUNT ||
        num_parse_i64(words->items[WORD_PID], 1, INT32_MAX, &pid) < 0 ||
        num_parse_u64(words->items[WORD_MEMORY], UINT64_MAX, &limits_out->memory) < 0 ||
        num_parse_u64(words->items[WORD_CPUS], UINT64_MAX, &limits_out->cpus) < 0 ||
        num_parse_u64(words->items[WORD_PROCESSES], UINT64_MAX, &limits_out->processes) < 0)
        return false;
    *pid_out = (pid_t)pid;
    return true;
}

/* Standard output is the answer: nothing, or why not. */
int command_scope(const struct args *args)
{
    struct cgroup_limits limits;
    char text[sizeof(struct err)];
    struct err err = {0};
    pid_t pid;
    int r;

    if (!read_words(&args->extra, &pid, &limits))
        return command_misused("internal-scope", "a process, a name and three limits are needed");
    r = scope_check(getppid(), pid, args->extra.items[WORD_STEM], &err);
    if (r == 0)
        r = scope_ask_systemd(NULL, &limits, args->extra.items[WORD_STEM], pid, &err);
    if (r == 0)
        return EXIT_DONE;
    err_text(&err, text, sizeof(text));
    (void)fd_write_all(STDOUT_FILENO, text, strlen(text));
    (void)fd_write_all(STDOUT_FILENO, "\n", 1);
    return EXIT_FAILED;
}
