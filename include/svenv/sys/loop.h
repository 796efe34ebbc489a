/* An event loop over poll(2): a bounded table of sources, each a descriptor, a deadline, or both.
 * Handlers run one after the other, in the order in which their sources were added, those of
 * descriptors first: what has come counts, however late the process gets to it (it may have been
 * stopped). No handler may block: each does what can be done now and says what is to be waited for.
 */
#ifndef SVENV_SYS_LOOP_H
#define SVENV_SYS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOOP_SOURCES_MAX = 32
};

/* events: what poll(2) says of the descriptor; 0: the deadline has passed, and there is none now.
 */
typedef void loop_fn(void *context, short events);

struct loop_source {
    loop_fn *handler; /* NULL: the row is free */
    void *context;
    int fd; /* -1: none */
    short events;
    int64_t due_ms; /* as of clock_ms(); 0: none */
    bool fresh;     /* added since poll(2) was called */
};

struct loop {
    struct loop_source sources[LOOP_SOURCES_MAX];
    bool over; /* set by a handler: none is called any more, and loop_run() returns */
};

/* Return: the source's number, or -ENOSPC. */
int loop_add(struct loop *loop, int fd, short events, loop_fn *handler, void *context);
/* Does not close the descriptor. Nothing happens when `source` is negative, here and below. */
void loop_remove(struct loop *loop, int source);
/* events: 0 to leave the descriptor alone, but for its end (POLLHUP). */
void loop_listen(struct loop *loop, int source, short events);
/* due_ms: 0 for none. */
void loop_expect(struct loop *loop, int source, int64_t due_ms);

/* Waits for the next event or deadline as rest_poll() does, and calls the handlers. */
void loop_once(struct loop *loop);
void loop_run(struct loop *loop);

#endif
