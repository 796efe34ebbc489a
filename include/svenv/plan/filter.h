/* The compiled system call filter as text. */
#ifndef SVENV_PLAN_FILTER_H
#define SVENV_PLAN_FILTER_H

#include <stddef.h>

struct buf;

/* Writes a seccomp program (struct sock_filter[], as plan_filter() made or a plan holds) one
 * instruction a line, with the names of system calls, actions and jump targets:
 *   "  12  if nr >= 101 (ptrace) goto 40 else 13". Instructions that plan_filter() never makes are
 * shown by their numbers, so any program can be given. */
void plan_filter_dump(const void *program, size_t count, struct buf *out);

#endif
