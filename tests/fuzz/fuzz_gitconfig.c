/* Any bytes: sections and names are in small letters, and what is written again reads the same. */
#include <assert.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/gitconfig.h"

#include "fuzz.h"

static void write_quoted(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_add_char(out, '\\');
        if (*text == '\n')
            buf_add_str(out, "\\n");
        else
            buf_add_char(out, *text);
    }
}

static void write_entry(struct buf *out, const struct gitconfig_entry *entry)
{
    buf_printf(out, "[%s", entry->section);
    if (entry->sub != NULL) {
        buf_add_str(out, " \"");
        write_quoted(out, entry->sub);
        buf_add_char(out, '"');
    }
    buf_printf(out, "]\n%s", entry->name);
    if (entry->value != NULL) {
        buf_add_str(out, " = \"");
        write_quoted(out, entry->value);
        buf_add_char(out, '"');
    }
    buf_add_char(out, '\n');
}

static void check_name(const char *text)
{
    assert(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    struct buf again = {0};
    struct gitconfig config, second;

    gitconfig_parse(&arena, (const char *)data, size, &config);
    buf_add_str(&again, "");
    for (size_t i = 0; i < config.count; i++) {
        check_name(config.entries[i].section);
        check_name(config.entries[i].name);
        write_entry(&again, &config.entries[i]);
    }
    gitconfig_parse(&arena, again.data, again.len, &second);
    assert(second.count == config.count);
    for (size_t i = 0; i < config.count; i++) {
        assert(str_eq(config.entries[i].section, second.entries[i].section));
        assert(str_eq(config.entries[i].sub, second.entries[i].sub));
        assert(str_eq(config.entries[i].name, second.entries[i].name));
        assert(str_eq(config.entries[i].value, second.entries[i].value));
    }
    buf_finish(&again);
    arena_finish(&arena);
    return 0;
}
