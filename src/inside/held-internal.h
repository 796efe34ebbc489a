/* Descriptors that a mount does not close, searched for by the coverer. */
#ifndef SVENV_INSIDE_HELD_INTERNAL_H
#define SVENV_INSIDE_HELD_INTERNAL_H

/* Return: 1 when a process of the sandbox has a descriptor for the path, or is in a directory at or
 * below it, that does not lead through the mount on it; 0: none; negative errno: unknown. */
int held_inside(const char *dest);

#endif
