/* YAML to a tree with positions. The event interface of libyaml with our own limits: bytes and
 * depth are capped, anchors, aliases, tags, merge keys, duplicates and a second document are
 * refused, and every scalar is text: types are the reader's business. */
#ifndef SVENV_FORMATS_YAML_H
#define SVENV_FORMATS_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;

enum yaml_kind {
    YAML_SCALAR,
    YAML_LIST,
    YAML_MAP
};

struct yaml_node {
    enum yaml_kind kind;
    unsigned line; /* 1-based */
    unsigned col;
    const char *text; /* scalar; "" for an empty one */
    bool plain; /* scalar written without quotes: only then may it be null, a bool, a number */
    struct yaml_node **items; /* list items, or map values */
    struct yaml_node **keys;  /* map keys (scalars), parallel to items */
    size_t count;
};

enum {
    YAML_DEPTH_MAX = 8
};

/* Parses one document. `name` stands in error positions. An empty document gives an empty map. The
 * tree lives in `arena`. Return: 0 with *root_out set, or negative errno with *err (file:line:col).
 */
int yaml_parse(struct arena *arena, const char *name, const char *data, size_t len,
               struct yaml_node **root_out, struct err *err);

/* Value of `key` in a map, NULL when absent. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif
