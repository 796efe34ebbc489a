/* The exit statuses that a wrapped program's caller can see and that are not the program's own.
 * They are promised to users (sandbox-venv(1), "EXIT STATUS"), and this file settles them for all
 * programs of the project. The launcher ends by the signal that killed the program; where it
 * cannot, its status names the signal, as a shell's does. */
#ifndef SVENV_BASE_STATUS_H
#define SVENV_BASE_STATUS_H

enum {
    STATUS_TIME_LIMIT = 124,  /* limits.wall-time ended the program */
    STATUS_OURS = 125,        /* nothing ran: the sandbox could not be made; or our part after the
                                 program failed */
    STATUS_CANNOT_EXEC = 126, /* found, but not executable */
    STATUS_NOT_FOUND = 127,
    STATUS_SIGNAL = 128 /* and the signal's number */
};

#endif
