/* The system call filter: made from a policy, and shown as text. */
#ifndef SVENV_FILTER_FILTER_H
#define SVENV_FILTER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct err;
struct policy_values;

/* Makes the program of a policy's profile, allow and deny lists, in the arena. landlock_abi: the
 * filter closes the gaps of Landlock of that ABI. *note_out: one line for people.
 * Return: 0, or negative errno with *err naming the policy line. */
int filter_make(struct arena *arena, const struct policy_values *values, unsigned landlock_abi,
                const void **program_out, size_t *count_out, const char **note_out,
                struct err *err);

/* Writes a seccomp program (struct sock_filter[], as filter_make() made or a plan holds) one
 * instruction a line, with the names of system calls, actions and jump targets:
 *   "  12  if nr >= 101 (ptrace) goto 40 else 13". Instructions that filter_make() never makes are
 * shown by their numbers, so any program can be given. */
void filter_dump(const void *program, size_t count, struct buf *out);

/* The program's answer to a number of this architecture. */
struct filter_answer {
    bool by_argument; /* decided by arguments, from instruction `at` on */
    uint32_t action;  /* SECCOMP_RET_* else */
    size_t at;
};
struct filter_answer filter_answer(const void *program, size_t count, uint32_t number);

/* The same program by its answers: each with the names of the system calls that get it, found by
 * running the program. */
void filter_summary(const void *program, size_t count, struct buf *out);

/* "allow", "EPERM" ... */
void filter_action(uint32_t action, struct buf *out);

#endif
