/* Suggests the key or value that was probably meant. */
#include "policy-internal.h"

#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/str.h"
#include "svenv/formats/yaml.h"

enum {
    WORD_MAX = 32,
    CANDIDATES_MAX = 64
};

static const char *const top_keys[] = {"version", "profile", "commands"};
static const char *const hint_command_keys[] = {"name", "match"};

/* Number of single-character edits between two words of at most WORD_MAX bytes. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t columns = strlen(b);

    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[columns];
}

const char *policy_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2;

    if (strlen(word) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance;

        if (strlen(candidates[i]) > WORD_MAX)
            continue;
        distance = edit_distance(word, candidates[i]);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

struct words {
    const char *items[CANDIDATES_MAX];
    size_t count;
};

static void hint_add_word(struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (str_eq(words->items[i], word))
            return;
    }
    if (words->count < CANDIDATES_MAX)
        words->items[words->count++] = word;
}

/* The keys of a section, or for "" the sections and the keys that stand in none. */
static void add_keys(struct words *words, const char *section, bool in_command)
{
    const char *const *extra = in_command ? hint_command_keys : top_keys;
    size_t extra_count = in_command ? ARRAY_SIZE(hint_command_keys) : ARRAY_SIZE(top_keys);

    for (size_t i = 0; section[0] == '\0' && i < extra_count; i++)
        hint_add_word(words, extra[i]);
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        const struct policy_field_info *info = policy_field_info((enum policy_field)i);

        if (in_command && !info->per_command)
            continue;
        if (str_eq(info->section, section))
            hint_add_word(words, info->key);
        else if (section[0] == '\0')
            hint_add_word(words, info->section);
    }
}

/* "limits.memory" for a key that stands elsewhere in the schema. */
static const char *find_elsewhere(const struct policy_reader *reader, const char *key)
{
    for (int i = 0; i < POLICY_FIELD__COUNT; i++) {
        const struct policy_field_info *info = policy_field_info((enum policy_field)i);

        if (str_eq(info->key, key))
            return arena_printf(reader->arena, "%s%s%s", info->section,
                                info->section[0] != '\0' ? "." : "", key);
    }
    return NULL;
}

static const char *allowed_text(const struct policy_reader *reader, const struct words *words)
{
    const char *text = words->items[0];

    for (size_t i = 1; i < words->count; i++)
        text = arena_printf(reader->arena, "%s, %s", text, words->items[i]);
    return text;
}

int policy_unknown_key(const struct policy_reader *reader, const struct yaml_node *key,
                       const char *section, bool in_command, struct err *err)
{
    struct words words = {.count = 0};
    const char *hint = find_elsewhere(reader, key->text);
    const char *where = section[0] != '\0' ? section : in_command ? "commands" : "the policy";

    add_keys(&words, section, in_command);
    if (!hint)
        hint = policy_nearest(key->text, words.items, words.count);
    return err_at(err, reader->name, key->line, key->col, "unknown key '%s' in %s%s%s%s; known: %s",
                  policy_quote(reader, key->text, POLICY_WORD_SHOWN), where,
                  hint ? " (did you mean '" : "", hint ? hint : "", hint ? "'?)" : "",
                  allowed_text(reader, &words));
}
