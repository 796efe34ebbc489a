/* JSON to a tree with positions: the one reader, for the manifest and the lines of the logs.
 * Strict: no duplicate keys, no trailing text, numbers are whole. libyaml would not do
 * (docs/dependencies.md, "Written by hand"). */
#ifndef SVENV_FORMATS_JSON_READ_H
#define SVENV_FORMATS_JSON_READ_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

enum json_kind {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_LIST,
    JSON_MAP
};

struct json_node {
    enum json_kind kind;
    unsigned line, col;      /* where the value begins, 1-based */
    int64_t number;          /* BOOL, NUMBER */
    const char *text;        /* STRING: UTF-8 where the file is; never holds a NUL */
    struct json_node *items; /* LIST, MAP */
    const char **keys;       /* MAP: parallel to items */
    size_t count;
};

/* Parses one value of at most 4 MiB, 8 levels, and 64 keys a map. `name`, and `line` as the number
 * of the first line, stand in positions. The tree lives in `arena`.
 * Return: 0 with *out, or -EINVAL with *err (file:line:col). */
int json_parse(struct arena *arena, const char *name, unsigned line, const char *data, size_t len,
               struct json_node *out, struct err *err);

/* Value of `key` in a map, NULL when absent or when `map` is none. */
const struct json_node *json_get(const struct json_node *map, const char *key);

#endif
