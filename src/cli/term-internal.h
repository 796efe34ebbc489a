/* Text for people on stdout: styles only on a terminal and without NO_COLOR, names escaped. */
#ifndef SVENV_CLI_TERM_INTERNAL_H
#define SVENV_CLI_TERM_INTERNAL_H

#include <stdbool.h>

struct buf;

enum term_style {
    TERM_PLAIN,
    TERM_BOLD,
    TERM_GOOD,
    TERM_WARN,
    TERM_BAD,
    TERM_DIM,
    TERM__COUNT
};

/* Adds `text` (escaped) in a style. */
void term_add(struct buf *out, enum term_style style, const char *text);

/* Adds one line "  label     text", where text is finished (escaped) already. */
void term_row(struct buf *out, const char *label, const char *text);

/* Writes everything to stdout. */
void term_flush(const struct buf *out);

/* For the end of the program. Return: 0 when all that was to be written to stdout has been, or
 * negative errno. A closed pipe is nobody's error. */
int term_close(void);

/* A line on stderr that is written over: "wrapping 120/1000". Only on a terminal. */
void term_progress(const char *what, unsigned long long done, unsigned long long total);

#endif
