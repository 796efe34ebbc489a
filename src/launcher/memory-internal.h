/* The launcher's memory. While a start is set up malloc() hands it out from an arena that is shared
 * with the children, because the plan is completed while they exist already. Once the program has
 * run for a moment the arena is given back as a whole, and from then on malloc() takes from a heap
 * of the launcher's own, where free() works. */
#ifndef SVENV_LAUNCHER_MEMORY_INTERNAL_H
#define SVENV_LAUNCHER_MEMORY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct launch_failure;
struct launch_program;

/* To be called when there is time: takes at once the part of the arena that a usual start still
 * needs, as page after page would cost more, and maps the heap. Return: is there a heap? */
bool memory_warm(void);

/* Has the set-up used half of its memory? Tries of a start that fail give none back. */
bool memory_is_scarce(void);

/* Zeroed memory that lasts as long as the process, for one object. The children see it as it was
 * when they were forked. NULL: there is not so much. */
void *memory_that_stays(size_t size);

/* Only the launcher may allocate during the set-up. A child that does is ended with status 125, and
 * says so in *failure, which it shares with the launcher. */
void memory_failure(struct launch_failure *failure);

/* Tells pid 1 what it has to give up: all of this. */
void memory_of_launcher(struct launch_program *out);

/* The set-up is over. Objects that are to be kept are copied between the two calls: the first makes
 * malloc() take from the heap, the second unmaps the arena. */
void memory_settle(void);
void memory_give_back(void);

#endif
