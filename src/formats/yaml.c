/* Parses YAML with libyaml into a tree with positions. */
#include "svenv/formats/yaml.h"

#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/sizes.h"
#include "svenv/base/str.h"

#include "yaml-internal.h"

struct reader {
    struct arena *arena;
    const char *name;
    const char *data;
    size_t len;
    struct err *err;
    yaml_parser_t parser;
};

static int yaml_fail(const struct reader *r, const yaml_mark_t *mark, const char *text)
{
    return err_at(r->err, r->name, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s",
                  text);
}

/* --- events ----------------------------------------------------------------------------------- */

/* libyaml's own words for a tab ("cannot start any token") don't tell what to do. */
static bool tab_indents(const struct reader *r, size_t line)
{
    const char *at = r->data;
    const char *end = r->data + r->len;

    for (; line > 0; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return false;
        at++;
    }
    while (at < end && *at == ' ')
        at++;
    return at < end && *at == '\t';
}

static int fail_parser(const struct reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be parsed";
    const char *context = parser->context != NULL ? parser->context : "";

    if (parser->error == YAML_MEMORY_ERROR)
        return err_plain(r->err, ENOMEM, "%s: out of memory", r->name);
    if (parser->error == YAML_SCANNER_ERROR && tab_indents(r, parser->problem_mark.line))
        return yaml_fail(r, &parser->problem_mark, "a tab cannot indent: use spaces");
    return err_at(r->err, r->name, (unsigned)parser->problem_mark.line + 1,
                  (unsigned)parser->problem_mark.column + 1, "%s%s%s", problem,
                  *context != '\0' ? " " : "", context);
}

static const char *refused_event(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;

    if (event->type == YAML_ALIAS_EVENT)
        return "aliases (*name) are not allowed: write the value out";
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return "anchors (&name) are not allowed: write the value where it is used";
    if (tag != NULL)
        return "tags (!name) are not allowed: a value is text, a list or a map";
    return NULL;
}

/* The caller deletes *event after success. */
static int next_event(struct reader *r, yaml_event_t *event)
{
    const char *refused;
    int result;

    if (!yaml_parser_parse(&r->parser, event))
        return fail_parser(r);
    refused = refused_event(event);
    if (refused == NULL)
        return 0;
    result = yaml_fail(r, &event->start_mark, refused);
    yaml_event_delete(event);
    return result;
}

/* --- the tree --------------------------------------------------------------------------------- */

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
                     struct yaml_node **out);

static struct yaml_node *new_node(struct reader *r, enum yaml_kind kind, const yaml_mark_t *mark)
{
    struct yaml_node *node = arena_alloc(r->arena, sizeof(*node));

    memset(node, 0, sizeof(*node));
    node->kind = kind;
    node->line = (unsigned)mark->line + 1;
    node->col = (unsigned)mark->column + 1;
    return node;
}

/* Reads the next node unless the event `end` comes first. Return: 1 with *out set, 0 at the end. */
static int read_next(struct reader *r, unsigned depth, yaml_event_type_t end,
                     struct yaml_node **out)
{
    yaml_event_t event;
    int result = next_event(r, &event);

    if (result < 0)
        return result;
    if (event.type != end) {
        result = read_node(r, &event, depth, out);
        if (result == 0)
            result = 1;
    }
    yaml_event_delete(&event);
    return result;
}

static int read_items(struct reader *r, unsigned depth, struct yaml_node *list)
{
    struct yaml_node *item = NULL;
    int result;

    while ((result = read_next(r, depth, YAML_SEQUENCE_END_EVENT, &item)) > 0) {
        struct yaml_node **slot =
            arena_push(r->arena, &list->items, &list->count, sizeof(*list->items));

        *slot = item;
    }
    return result;
}

static int check_key(const struct reader *r, const struct yaml_node *key)
{
    const char *text = NULL;

    if (key->kind != YAML_SCALAR)
        text = "a key must be plain text, not a list or a map";
    else if (key->text[0] == '\0')
        text = "an empty key";
    else if (strcmp(key->text, "<<") == 0)
        text = "merge keys (<<) are not allowed: write the values out";
    return text == NULL ? 0 : err_at(r->err, r->name, key->line, key->col, "%s", text);
}

static int compare_keys(const void *left, const void *right)
{
    const struct yaml_node *a = *(struct yaml_node *const *)left;
    const struct yaml_node *b = *(struct yaml_node *const *)right;
    int order = strcmp(a->text, b->text);

    if (order != 0)
        return order;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return a->col < b->col ? -1 : a->col > b->col;
}

/* By sorting: comparing each key with each would let a file of 64 KiB cost half a second. */
static int check_duplicates(const struct reader *r, const struct yaml_node *map)
{
    auto_free struct yaml_node **keys = NULL;

    if (map->count < 2)
        return 0;
    keys = xcalloc(map->count, sizeof(struct yaml_node *));
    memcpy(keys, map->keys, map->count * sizeof(struct yaml_node *));
    qsort(keys, map->count, sizeof(struct yaml_node *), compare_keys);
    for (size_t i = 1; i < map->count; i++) {
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
            return err_at(r->err, r->name, keys[i]->line, keys[i]->col,
                          "'%s' is given twice (first at line %u)", keys[i]->text,
                          keys[i - 1]->line);
    }
    return 0;
}

static int read_pairs(struct reader *r, unsigned depth, struct yaml_node *map)
{
    struct yaml_node *key = NULL;
    struct yaml_node *value = NULL;
    int result;

    while ((result = read_next(r, depth, YAML_MAPPING_END_EVENT, &key)) > 0) {
        size_t count = map->count;
        struct yaml_node **slot;

        result = check_key(r, key);
        if (result < 0)
            return result;
        result = read_next(r, depth, YAML_NO_EVENT, &value);
        if (result < 0)
            return result;
        slot = arena_push(r->arena, &map->keys, &count, sizeof(*map->keys));
        *slot = key;
        slot = arena_push(r->arena, &map->items, &map->count, sizeof(*map->items));
        *slot = value;
    }
    return result < 0 ? result : check_duplicates(r, map);
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct yaml_node **out)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct yaml_node *node;

    /* "\0" in double quotes: every reader behind this one would see the text cut there. */
    if (memchr(text, '\0', len) != NULL)
        return yaml_fail(r, &event->start_mark, "a NUL (\"\\0\") may not stand in a text");
    node = new_node(r, YAML_SCALAR, &event->start_mark);
    node->text = arena_strndup(r->arena, text, len);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *out = node;
    return 0;
}

static int read_node(struct reader *r, const yaml_event_t *event, unsigned depth,
                     struct yaml_node **out)
{
    struct yaml_node *node;
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    int result;

    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(r, event, out);
    /* The recursion stops here, so hostile nesting costs neither stack nor libyaml's time, which
     * grows with the square of the depth. */
    if (depth >= YAML_DEPTH_MAX)
        return err_at(r->err, r->name, (unsigned)event->start_mark.line + 1,
                      (unsigned)event->start_mark.column + 1, "nested deeper than %d levels",
                      YAML_DEPTH_MAX);
    node = new_node(r, list ? YAML_LIST : YAML_MAP, &event->start_mark);
    result = list ? read_items(r, depth + 1, node) : read_pairs(r, depth + 1, node);
    if (result < 0)
        return result;
    *out = node;
    return 0;
}

/* --- the document ----------------------------------------------------------------------------- */

static int check_directives(const struct reader *r, const yaml_event_t *event)
{
    if (event->data.document_start.version_directive == NULL &&
        event->data.document_start.tag_directives.start ==
            event->data.document_start.tag_directives.end)
        return 0;
    return yaml_fail(r, &event->start_mark, "directives (%YAML, %TAG) are not allowed");
}

/* Reads an event that must be `want`: libyaml's grammar lets nothing else come. */
static int expect(struct reader *r, yaml_event_type_t want)
{
    yaml_event_t event;
    int result = next_event(r, &event);

    if (result < 0)
        return result;
    if (event.type == YAML_DOCUMENT_START_EVENT)
        result = yaml_fail(r, &event.start_mark, "a second document: one file holds one");
    else if (event.type != want)
        result = yaml_fail(r, &event.start_mark, "unexpected text");
    yaml_event_delete(&event);
    return result;
}

/* Return: 1 when a document begins, 0 when the stream has none. */
static int begin_document(struct reader *r)
{
    yaml_event_t event;
    int result = expect(r, YAML_STREAM_START_EVENT);

    if (result < 0)
        return result;
    result = next_event(r, &event);
    if (result < 0)
        return result;
    if (event.type == YAML_DOCUMENT_START_EVENT) {
        result = check_directives(r, &event);
        if (result == 0)
            result = 1;
    }
    yaml_event_delete(&event);
    return result;
}

static int read_document(struct reader *r, struct yaml_node **root_out)
{
    static const yaml_mark_t start = {0, 0, 0};
    struct yaml_node *root = NULL;
    int result = begin_document(r);

    if (result < 0)
        return result;
    if (result == 1) {
        result = read_next(r, 0, YAML_NO_EVENT, &root);
        if (result >= 0)
            result = expect(r, YAML_DOCUMENT_END_EVENT);
        if (result >= 0)
            result = expect(r, YAML_STREAM_END_EVENT);
        if (result < 0)
            return result;
    }
    if (root == NULL || (root->kind == YAML_SCALAR && root->plain && root->text[0] == '\0'))
        root = new_node(r, YAML_MAP, &start);
    *root_out = root;
    return 0;
}

int yaml_parse(struct arena *arena, const char *name, const char *data, size_t len,
               struct yaml_node **root_out, struct err *err)
{
    struct reader r = {.arena = arena, .name = name, .data = data, .len = len, .err = err};
    int result;

    if (len > POLICY_BYTES_MAX)
        return err_at(err, name, 1, 1, "too large: %zu bytes, at most %d are read", len,
                      POLICY_BYTES_MAX);
    result = yaml_check_text(name, data, len, err);
    if (result < 0)
        return result;
    if (!yaml_parser_initialize(&r.parser))
        return err_plain(err, ENOMEM, "%s: out of memory", name);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(len > 0 ? data : ""), len);
    result = read_document(&r, root_out);
    yaml_parser_delete(&r.parser);
    return result;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (str_eq(map->keys[i]->text, key))
            return map->items[i];
    }
    return NULL;
}
