/* Numbers from text, with range and complete-use checks. All return 0 or -EINVAL/-ERANGE. */
#ifndef SVENV_BASE_NUM_H
#define SVENV_BASE_NUM_H

#include <stdint.h>

int num_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out);
int num_parse_u64(const char *text, uint64_t max, uint64_t *out);
/* Octal, as in chmod(1); no prefix. */
int num_parse_octal(const char *text, uint32_t max, uint32_t *out);
/* Bytes: digits with an optional K, M, G or T (powers of 1024) and nothing else. */
int num_parse_size(const char *text, uint64_t *out);
/* Seconds: digits with an optional s, m, h or d. */
int num_parse_duration(const char *text, uint64_t *out_seconds);

/* The number that the text begins with, of what the kernel writes: 0 when it begins with none,
 * UINT64_MAX when that is too large. */
uint64_t num_leading(const char *text);
/* The same of a process, group or user: 0 when there is none or it cannot be one. */
int num_leading_id(const char *text);

#endif
