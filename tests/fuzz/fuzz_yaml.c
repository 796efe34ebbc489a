/* Any bytes: a tree within the limits whose keys are found again, or an error with a position. */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/formats/yaml.h"

#include "fuzz.h"

static void check_node(const struct yaml_node *node, unsigned depth)
{
    assert(node->line > 0 && node->col > 0);
    if (node->kind == YAML_SCALAR) {
        assert(node->text != NULL);
        return;
    }
    assert(depth < YAML_DEPTH_MAX);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_MAP)
            assert(yaml_get(node, node->keys[i]->text) == node->items[i]);
        check_node(node->items[i], depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    struct yaml_node *root = NULL;
    struct err err = {0};
    int result = yaml_parse(&arena, "fuzz", (const char *)data, size, &root, &err);

    if (result == 0)
        check_node(root, 0);
    else
        assert(root == NULL && err.msg[0] != '\0' && err.pos.line > 0 && err.pos.col > 0);
    arena_finish(&arena);
    return 0;
}
