/* The bytes of a YAML file, before libyaml sees them. */
#ifndef SVENV_FORMATS_YAML_INTERNAL_H
#define SVENV_FORMATS_YAML_INTERNAL_H

#include <stddef.h>

struct err;

/* Checks that the text is strict UTF-8 (a leading byte order mark is fine) without control
 * characters, hidden line breaks and direction marks.
 * Return: 0, or -EINVAL with *err at the line and column (in characters) of the first bad one. */
int yaml_check_text(const char *name, const char *data, size_t len, struct err *err);

#endif
