/* Bytes that are written as "%20": in URLs, and in files of ours. */
#ifndef SVENV_BASE_PERCENT_H
#define SVENV_BASE_PERCENT_H

#include <stdbool.h>

/* How strictly it is read. */
enum percent_rule {
    PERCENT_URL, /* a '%' that no two digits follow stands for itself, as Python's unquote() has it
                  */
    PERCENT_OWN  /* such a '%' is wrong, and so are lower-case digits: we write none */
};

/* Decodes in place. Return: false where a NUL would come out, or by the rule; the text is then
 * unusable. */
bool percent_decode(char *text, enum percent_rule rule);

#endif
