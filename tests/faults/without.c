/* Runs a command as on a kernel that lacks some system calls: without NAME=ERROR... -- CMD...
 * They answer ENOSYS or EPERM in it and in all that it starts. `without --names` lists what there
 * is. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <seccomp.h>

enum {
    STATUS_BROKEN = 99,
    NUMBERS_MAX = 1024
};

static int list_names(void)
{
    for (int number = 0; number < NUMBERS_MAX; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

        if (name)
            printf("%d %s\n", number, name);
        free(name);
    }
    return 0;
}

/* Return: could it be taken away? */
static bool take_away(scmp_filter_ctx filter, char *name)
{
    char *equals = strchr(name, '=');
    unsigned error = equals && strcmp(equals + 1, "EPERM") == 0 ? EPERM : ENOSYS;
    int number;

    if (equals)
        *equals = '\0';
    number = seccomp_syscall_resolve_name(name);
    return number != __NR_SCMP_ERROR &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(error), number, 0) == 0;
}

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int at = 1;

    if (argc == 2 && strcmp(argv[1], "--names") == 0)
        return list_names();
    for (; filter && at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (!take_away(filter, argv[at])) {
            fprintf(stderr, "without: no system call '%s'\n", argv[at]);
            return STATUS_BROKEN;
        }
    }
    if (!filter || at + 1 >= argc || seccomp_load(filter) < 0) {
        fprintf(stderr, "without: cannot load a filter\n");
        return STATUS_BROKEN;
    }
    execv(argv[at + 1], argv + at + 1);
    perror("without");
    return STATUS_BROKEN;
}
