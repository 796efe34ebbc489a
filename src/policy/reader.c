/* Describes a place in a text that is being read: its position, and the text there. */
#include "policy-internal.h"

#include "svenv/base/redact.h"
#include "svenv/base/str.h"
#include "svenv/formats/yaml.h"

const char *policy_origin_of(const struct policy_reader *reader, const struct yaml_node *node)
{
    if (reader->built_in)
        return reader->name;
    return arena_printf(reader->arena, "%s:%u:%u", reader->name, node->line, node->col);
}

const char *policy_quote(const struct policy_reader *reader, const char *text, size_t max)
{
    auto_buf struct buf quote = {0};

    redact_word(text, max, &quote);
    return arena_strdup(reader->arena, quote.data);
}
