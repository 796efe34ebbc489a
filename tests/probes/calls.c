#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    USAGE = 2
};

static const struct call *const tables[] = {namespace_calls, process_calls, kernel_calls,
                                            file_calls, socket_calls};

int result_of(long value)
{
    return value < 0 ? -errno : 0;
}

long number_of(const char *word)
{
    char *end = NULL;
    long value = word ? strtol(word, &end, 0) : 0;

    if (!word || end == word || *end) {
        fprintf(stderr, "not a number: '%s'\n", word ? word : "");
        exit(USAGE);
    }
    return value;
}

int start_child(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

void end_child(int pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return done;
}

/* All namespaces that matter are private from here on; the rest of the program is their pid 1. */
static bool enter_private(void)
{
    char uid_map[64], gid_map[64];
    pid_t pid;
    int status = 0;

    snprintf(uid_map, sizeof(uid_map), "0 %u 1", (unsigned)geteuid());
    snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                CLONE_NEWNET | CLONE_NEWCGROUP) < 0 ||
        !put("/proc/self/setgroups", "deny") || !put("/proc/self/uid_map", uid_map) ||
        !put("/proc/self/gid_map", gid_map))
        return false;
    pid = fork();
    if (pid < 0)
        return false;
    if (pid > 0) {
        waitpid(pid, &status, 0);
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    return true;
}

static const struct call *find(const char *name)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        for (const struct call *call = tables[i]; call->name; call++) {
            if (strcmp(call->name, name) == 0)
                return call;
        }
    }
    return NULL;
}

static int say(int result)
{
    const char *name = result == 0 ? "ok" : strerrorname_np(-result);

    printf("%s\n", name ? name : "unknown");
    return 0;
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    int first = control ? 2 : 1;
    const struct call *call = first < argc ? find(argv[first]) : NULL;

    if (!call) {
        fprintf(stderr, "usage: probe-calls [--control] NAME [WORD...]\n");
        return USAGE;
    }
    if (control && call->caps && !enter_private()) {
        fprintf(stderr, "no namespaces for the control: %s\n", strerror(errno));
        return USAGE;
    }
    return say(call->make(argv + first + 1));
}
