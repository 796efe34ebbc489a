#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "svenv/base/fd.h"

#include "supervise-internal.h"

void terminal_note(struct terminal *out)
{
    static const int streams[] = {STDIN_FILENO, STDERR_FILENO};

    out->known = false;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        /* Fails for everything but the controlling terminal. */
        if (tcgetpgrp(streams[i]) != getpgrp())
            continue;
        out->known = tcgetattr(streams[i], &out->modes) == 0;
        return;
    }
}

void terminal_restore(const struct terminal *terminal)
{
    auto_fd int fd = terminal->known ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    pid_t foreground = fd < 0 ? -1 : tcgetpgrp(fd);

    if (foreground < 0)
        return;
    /* Somebody else's job has the terminal now. SIGTTOU is blocked, so nothing stops us here. */
    if (foreground != getpgrp() && !(kill(-foreground, 0) < 0 && errno == ESRCH))
        return;
    tcsetattr(fd, TCSANOW, &terminal->modes);
}
