/* A wait that may last for days, with as little memory as it needs. */
#ifndef SVENV_SYS_REST_H
#define SVENV_SYS_REST_H

#include <poll.h>
#include <stddef.h>

/* poll(2). When nothing has come after a moment the process gives back the pages of its own file,
 * which the kernel maps again when they are used, and those of the stack below the caller: the next
 * event costs some microseconds more.
 *
 * wait_ms: as for poll(2), -1 for no end. Return: as of poll(2), or a negative errno. */
int rest_poll(struct pollfd *fds, size_t count, int wait_ms);

#endif
