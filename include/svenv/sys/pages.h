/* Memory that a process has and does not need while it waits. */
#ifndef SVENV_SYS_PAGES_H
#define SVENV_SYS_PAGES_H

/* Gives back the pages of the program's own file, which the kernel maps again when they are used,
 * and those of the stack below the caller. For a process that will wait for long: what it does next
 * costs some microseconds more. */
void pages_let_go(void);

/* For what runs between that and the wait: it shall lie close together. */
#define PAGES_STAY __attribute__((hot))

#endif
