/* The settings of the terminal, noted before the program and put back after it. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "supervise-internal.h"

void terminal_note(int fd, struct terminal *out)
{
    out->fd = -1;
    if (fd >= 0 && tcgetpgrp(fd) == getpgrp() && tcgetattr(fd, &out->modes) == 0)
        out->fd = fd;
}

void terminal_restore(const struct terminal *terminal)
{
    pid_t foreground = terminal->fd < 0 ? -1 : tcgetpgrp(terminal->fd);

    if (foreground < 0)
        return;
    /* Somebody else's job has the terminal now. SIGTTOU is blocked, so nothing stops us here. */
    if (foreground != getpgrp() && !(kill(-foreground, 0) < 0 && errno == ESRCH))
        return;
    tcsetattr(terminal->fd, TCSANOW, &terminal->modes);
}
