/* Times as one number. */
#ifndef SVENV_BASE_CLOCK_H
#define SVENV_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of a time. A file's can be anything: it wraps around rather than overflow. */
int64_t clock_ns_of(struct timespec time);

/* Nanoseconds of CLOCK_REALTIME. */
int64_t clock_now_ns(void);

/* Milliseconds of CLOCK_MONOTONIC, for limits and waits. */
int64_t clock_ms(void);

#endif
