/* The event loop: poll(2) over a table of sources. */
#include "svenv/sys/loop.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "svenv/base/clock.h"
#include "svenv/sys/rest.h"

enum {
    POLL_MS_MAX = 1000000,
    NAP_MS = 10 /* where descriptors can only be looked at one by one */
};

/* The sources with a descriptor, as poll(2) takes them. */
struct polled {
    struct pollfd fds[LOOP_SOURCES_MAX];
    size_t sources[LOOP_SOURCES_MAX]; /* whose they are */
    size_t count;
};

int loop_add(struct loop *loop, int fd, short events, loop_fn *handler, void *context)
{
    for (int i = 0; i < LOOP_SOURCES_MAX; i++) {
        if (loop->sources[i].handler)
            continue;
        loop->sources[i] = (struct loop_source){
            .handler = handler, .context = context, .fd = fd, .events = events, .fresh = true};
        return i;
    }
    return -ENOSPC;
}

void loop_remove(struct loop *loop, int source)
{
    if (source >= 0)
        loop->sources[source] = (struct loop_source){.fd = -1};
}

void loop_listen(struct loop *loop, int source, short events)
{
    if (source >= 0)
        loop->sources[source].events = events;
}

void loop_expect(struct loop *loop, int source, int64_t due_ms)
{
    if (source >= 0)
        loop->sources[source].due_ms = due_ms;
}

/* Milliseconds until the first deadline, -1: there is none. */
static int loop_wait(const struct loop *loop)
{
    int64_t due_ms = 0;
    int64_t left = 0;

    for (size_t i = 0; i < LOOP_SOURCES_MAX; i++) {
        const struct loop_source *source = &loop->sources[i];

        if (source->handler && source->due_ms && (!due_ms || source->due_ms < due_ms))
            due_ms = source->due_ms;
    }
    if (!due_ms)
        return -1;
    left = due_ms - clock_ms();
    return left < 0 ? 0 : left > POLL_MS_MAX ? POLL_MS_MAX : (int)left;
}

static void loop_serve(struct loop *loop, const struct polled *polled)
{
    for (size_t i = 0; i < polled->count && !loop->over; i++) {
        const struct loop_source *source = &loop->sources[polled->sources[i]];

        if (source->handler && !source->fresh && polled->fds[i].revents)
            source->handler(source->context, polled->fds[i].revents);
    }
}

static void loop_pass_deadlines(struct loop *loop)
{
    int64_t now_ms = clock_ms();

    for (size_t i = 0; i < LOOP_SOURCES_MAX && !loop->over; i++) {
        struct loop_source *source = &loop->sources[i];

        if (!source->handler || !source->due_ms || source->due_ms > now_ms)
            continue;
        source->due_ms = 0;
        source->handler(source->context, 0);
    }
}

static void loop_collect(struct loop *loop, struct polled *out)
{
    out->count = 0;
    for (size_t i = 0; i < LOOP_SOURCES_MAX; i++) {
        struct loop_source *source = &loop->sources[i];

        source->fresh = false;
        if (!source->handler || source->fd < 0)
            continue;
        out->fds[out->count] = (struct pollfd){.fd = source->fd, .events = source->events};
        out->sources[out->count++] = i;
    }
}

/* poll(2) fails with EINVAL for more descriptors than RLIMIT_NOFILE, which may have been lowered
 * below what is open: then each is looked at by itself, after a nap. */
static int loop_poll(struct polled *polled, int wait_ms)
{
    int ready = rest_poll(polled->fds, polled->count, wait_ms);
    int nap_ms = wait_ms < 0 || wait_ms > NAP_MS ? NAP_MS : wait_ms;
    const struct timespec nap = {.tv_nsec = nap_ms * 1000000L};

    if (ready >= 0 || ready == -EINTR)
        return ready;
    nanosleep(&nap, NULL);
    ready = 0;
    for (size_t i = 0; i < polled->count; i++) {
        polled->fds[i].revents = 0;
        ready += poll(&polled->fds[i], 1, 0) > 0;
    }
    return ready;
}

void loop_once(struct loop *loop)
{
    struct polled polled;

    loop_collect(loop, &polled);
    /* When it fails nothing is known of any descriptor: deadlines pass all the same. */
    if (loop_poll(&polled, loop_wait(loop)) > 0)
        loop_serve(loop, &polled);
    loop_pass_deadlines(loop);
}

void loop_run(struct loop *loop)
{
    while (!loop->over)
        loop_once(loop);
}
