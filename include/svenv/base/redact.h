/* Texts for logs, screens and messages: what a person could need, without what is a secret. */
#ifndef SVENV_BASE_REDACT_H
#define SVENV_BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends `text` with "***" in place of: user and password of URLs; what follows NAME= or NAME:
 * when NAME is a secret's (svenv/base/secret.h), or when the whole text is an environment
 * assignment (FOO=...); and the values that variables of `env` with such names (NULL-terminated
 * NAME=value, may be NULL) have. More than `max` bytes are cut and end in "...". */
void redact_text(const char *text, size_t max, const char *const *env, struct buf *out);

/* The same of a word that a message is about, without looking at an environment: FOO=... stays. */
void redact_word(const char *text, size_t max, struct buf *out);

/* Appends what a person may see of the value of `name`: REDACT_HIDDEN when that is a secret's name,
 * else the value with "***" in place of what redact_text() takes out, but for whole assignments. */
#define REDACT_HIDDEN "(hidden)"
void redact_value(const char *name, const char *value, struct buf *out);

/* Puts "***" in place of secrets in a message, in the room that it has (`size` bytes): users and
 * passwords of URLs, and up to the last quote what follows NAME= anywhere or NAME: within quotes,
 * when NAME is a secret's. Nothing is allocated. Doing it twice changes nothing. */
void redact_message(char *message, size_t size);

/* Does `word` end in an option whose value follows as the next word and is a secret
 * ("--password")? */
bool redact_announces(const char *word);

/* Length of what stands before the host of an URL's authority: "user:password@"; 0 without it. */
size_t redact_userinfo_length(const char *authority);

#endif
