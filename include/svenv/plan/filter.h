/* The compiled system call filter as text. */
#ifndef SVENV_PLAN_FILTER_H
#define SVENV_PLAN_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Writes a seccomp program (struct sock_filter[], as plan_filter() made or a plan holds) one
 * instruction a line, with the names of system calls, actions and jump targets:
 *   "  12  if nr >= 101 (ptrace) goto 40 else 13". Instructions that plan_filter() never makes are
 * shown by their numbers, so any program can be given. */
void plan_filter_dump(const void *program, size_t count, struct buf *out);

/* What the program says to a number of this architecture. */
struct filter_answer {
    bool by_argument; /* decided by arguments, from instruction `at` on */
    uint32_t action;  /* SECCOMP_RET_* else */
    size_t at;
};
struct filter_answer plan_filter_answer(const void *program, size_t count, uint32_t number);

/* The same program by its answers: each with the names of the system calls that get it, found by
 * running the program. */
void plan_filter_summary(const void *program, size_t count, struct buf *out);

/* "allow", "EPERM" ... */
void plan_filter_action(uint32_t action, struct buf *out);

#endif
