/* A JSON writer on a buffer. Commas and quoting are its own business; text that is not UTF-8 is
 * written with U+FFFD in place of the bad bytes. */
#ifndef SVENV_BASE_JSON_H
#define SVENV_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

struct json {
    struct buf *out;
    bool pretty;    /* newlines and two-space indentation */
    unsigned depth; /* at most 32 */
    uint32_t has_items;
    bool after_key;
};

void json_init(struct json *json, struct buf *out, bool pretty);
void json_open(struct json *json, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);
void json_key(struct json *json, const char *key);
void json_str(struct json *json, const char *value); /* NULL writes null */
void json_int(struct json *json, int64_t value);
void json_uint(struct json *json, uint64_t value);
void json_bool(struct json *json, bool value);

#endif
