/* Criterion's worker has a second thread, and namespaces, credentials and limits outlive a test: so
 * code that changes its process runs in a child of its own. */
#ifndef SVENV_TESTS_UNIT_CHILD_H
#define SVENV_TESTS_UNIT_CHILD_H

#include <sys/wait.h>
#include <unistd.h>

/* Runs fn(arg) in a forked child. Return: what it returned (0..255), or 256 + the signal. */
static inline int in_child(int (*fn)(void *arg), void *arg)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fn(arg));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 512;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

#endif
