/* How the name of a secret looks: one table, for those who keep variables back and for those who
 * print a value that has a name. */
#ifndef SVENV_BASE_SECRET_H
#define SVENV_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum secret_kind {
    SECRET_NONE,     /* fits a later row, and may be printed all the same */
    SECRET_ANYWHERE, /* a variable, an option or a key, in whatever case */
    SECRET_VARIABLE, /* a variable, as it is written: of a service that has some secret ones among
                      * its own, or where a secret is (a file, an URL) */
    SECRET_PRINTED, /* too common a word to keep a variable back for it; its value is not printed */
    SECRET_KIND__COUNT
};

struct secret_row {
    const char *pattern; /* glob over the name */
    enum secret_kind kind;
};

/* The table. Of rows that fit a name the first decides whether its value is printed. */
const struct secret_row *secret_rows(size_t *count_out);

/* Do the rules over variables keep back what fits this row? */
bool secret_row_withholds(const struct secret_row *row);

/* Is the value that stands beside this name a secret? `name` may be a variable, an option with its
 * dashes, or a key; '-' and '.' count as '_'. */
bool secret_is_name(const char *name, size_t len);

/* The same, and so surely one that the value must not stand alone in other texts either: of AWS_*
 * only names that another row fits, or AWS_REGION would be taken out of every text. */
bool secret_is_sought(const char *name, size_t len);

/* Do the rules over variables keep this name back? It may be a pattern itself ("AWS_*"). */
bool secret_is_withheld(const char *name);

#endif
