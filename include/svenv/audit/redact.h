/* Texts of the audit log: what a person could need, without what is a secret. */
#ifndef SVENV_AUDIT_REDACT_H
#define SVENV_AUDIT_REDACT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends `text` without: user and password of URLs; what follows NAME= or NAME: when NAME looks
 * like a secret's, or when the whole text is an environment assignment (FOO=...); and the values
 * that secret-looking variables of `env` (NULL-terminated NAME=value, may be NULL) have. More than
 * `max` bytes are cut and end in "...". */
void audit_redact(const char *text, size_t max, const char *const *env, struct buf *out);

/* Does `word` end in an option whose value follows as the next word and is a secret
 * ("--password")? */
bool audit_announces_secret(const char *word);

#endif
