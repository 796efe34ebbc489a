/* The stub: stands for one entry point and hands over to the installed launcher, with its own path
 * as the kernel knows it (argv[0] and the name it was executed by are the caller's choice). It
 * decides nothing, and without the launcher nothing runs. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "svenv/base/status.h"

/* Up to this many words need no memory to be asked for. */
enum {
    FEW_WORDS = 64
};

static int stub_fail(const char *text)
{
    (void)!write(STDERR_FILENO, text, strlen(text));
    return STATUS_OURS;
}

int main(int argc, char **argv)
{
    static char self[PATH_MAX + 16], *few[FEW_WORDS];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    unsigned long exec_name = getauxval(AT_EXECFN);
    char **words = argc + 6 <= FEW_WORDS ? few : calloc((size_t)argc + 6, sizeof(*words));
    char name[] = "sandbox-venv", mode[] = "stub", empty[] = "";

    if (len <= 0 || !words)
        return stub_fail("sandbox-venv: cannot read /proc/self/exe: nothing was started\n");
    words[0] = name;
    words[1] = mode;
    words[2] = self;
    words[3] = exec_name ? (char *)exec_name : empty;
    words[4] = argc > 0 ? argv[0] : empty;
    for (int i = 1; i < argc; i++)
        words[4 + i] = argv[i];
    execv(SVENV_LAUNCHER, words);
    return stub_fail("sandbox-venv: cannot run " SVENV_LAUNCHER
                     ": install sandbox-venv again, or undo the wrapping with "
                     "'sandbox-venv unwrap'; nothing was started\n");
}
