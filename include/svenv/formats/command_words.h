/* The words of a shell command line that may be paths. */
#ifndef SVENV_FORMATS_COMMAND_WORDS_H
#define SVENV_FORMATS_COMMAND_WORDS_H

#include <stdbool.h>

/* maybe_absent: the command would run or read it if it came to be there. */
typedef void command_word_fn(void *context, const char *word, bool maybe_absent);

/* Calls `add` for each word but a program's plain name. A path behind a variable or a command's
 * output ("$TOP/x") is given without its slash: it mostly begins at the top of a repository. */
void command_words(const char *text, command_word_fn *add, void *context);

#endif
