/* Runs a command as on a kernel that lacks some system calls: without NAME... -- CMD...
 * They answer ENOSYS in it and in all that it starts. `without --names` lists what there is. */
#include <errno.h>
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

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int at = 1;

    if (argc == 2 && strcmp(argv[1], "--names") == 0)
        return list_names();
    for (; filter && at < argc && strcmp(argv[at], "--") != 0; at++) {
        int number = seccomp_syscall_resolve_name(argv[at]);

        if (number == __NR_SCMP_ERROR ||
            seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0) < 0) {
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
