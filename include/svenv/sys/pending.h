/* Signals that ask this process to end, and wait because it blocks them. */
#ifndef SVENV_SYS_PENDING_H
#define SVENV_SYS_PENDING_H

/* Return: SIGHUP, SIGINT, SIGQUIT or SIGTERM, or 0 when none of them is pending. */
int pending_end(void);

/* A descriptor that is readable while one of them is pending, for poll(2): nothing is to be read.
 * Return: the descriptor, or negative errno. */
int pending_end_open(void);

#endif
