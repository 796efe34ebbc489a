/* The kernel's share of a start, and nothing else: what no sandbox of this kind can do without.
 *
 * `bench-floor namespaces COMMAND...` opens the namespaces of a start with a network of its own,
 * forks twice, and executes in the innermost process. `bench-floor landlock DIR COMMAND...` makes a
 * Landlock rule that allows everything below DIR, one for the system's files, and executes.
 *
 * Static, so that no dynamic linker counts. Its exit status is the command's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                 CLONE_NEWPID | CLONE_NEWNET
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench-floor: %s: %s\n", what, strerror(errno));
    exit(125);
}

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        die(path);
    close(fd);
}

static int wait_for(pid_t child)
{
    int status = 0;

    if (child < 0)
        die("fork");
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            die("waitpid");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

static void open_namespaces(void)
{
    char uids[64], gids[64];
    pid_t child;

    snprintf(uids, sizeof(uids), "%u %u 1", getuid(), getuid());
    snprintf(gids, sizeof(gids), "%u %u 1", getgid(), getgid());
    child = fork();
    if (child != 0)
        exit(wait_for(child));
    if (unshare(NAMESPACES) < 0)
        die("unshare");
    put("/proc/self/setgroups", "deny");
    put("/proc/self/uid_map", uids);
    put("/proc/self/gid_map", gids);
    child = fork();
    if (child != 0)
        exit(wait_for(child));
}

static void allow(int ruleset, uint64_t rights, const char *path)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights,
                                              .parent_fd = open(path, O_PATH | O_CLOEXEC)};

    if (rule.parent_fd < 0 ||
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        die(path);
    close(rule.parent_fd);
}

/* The rights of Landlock's first ABI: every later one asks at the same places. */
static void restrict_to(const char *dir)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs =
                                                   (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

    if (ruleset < 0)
        die("landlock_create_ruleset");
    allow(ruleset, attr.handled_access_fs, dir);
    allow(ruleset, attr.handled_access_fs, "/usr");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        die("landlock_restrict_self");
    close(ruleset);
}

int main(int argc, char **argv)
{
    char **command = NULL;

    if (argc >= 3 && strcmp(argv[1], "namespaces") == 0) {
        open_namespaces();
        command = argv + 2;
    } else if (argc >= 4 && strcmp(argv[1], "landlock") == 0) {
        restrict_to(argv[2]);
        command = argv + 3;
    } else {
        fprintf(stderr, "usage: bench-floor namespaces COMMAND... | landlock DIR COMMAND...\n");
        return 2;
    }
    execv(command[0], command);
    die(command[0]);
}
