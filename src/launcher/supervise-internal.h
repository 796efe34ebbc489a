/* The caller's terminal, and the job that its shell knows. */
#ifndef SVENV_LAUNCHER_SUPERVISE_INTERNAL_H
#define SVENV_LAUNCHER_SUPERVISE_INTERNAL_H

#include <stdbool.h>

#include "svenv/launcher/supervise.h"

/* fd: the controlling terminal, or -1. */
void terminal_note(int fd, struct terminal *out);
/* For a program that was killed: it could not put back what it had set (no echo, raw). */
void terminal_restore(const struct terminal *terminal);

/* The caller's controlling terminal, when it is among the standard streams: a descriptor to close,
 * or -1. */
int job_terminal(void);
/* Does the program lead a group of its own, while the launcher leads the caller's job? */
bool job_is_apart(int program);
/* Gives the terminal to such a program when the job has it. */
bool job_hand_terminal(int terminal, int program);
/* The same, when the kernel stopped the program because it seemed to be in the background; it goes
 * on. Return: was it that? */
bool job_read_in_vain(int terminal, int program, int stopped_by);
/* The terminal goes back from the ended program's group to the launcher's. */
void job_take_terminal(int terminal, int program);
/* The program has ended, and others live on: their groups that are stopped get SIGHUP and SIGCONT,
 * as from the kernel when a shell leaves stopped jobs behind (setpgid(2), "orphaned process
 * groups"). children: pid 1's list of its children, see proc(5). */
void job_hang_up(int children);

#endif
