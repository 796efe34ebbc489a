/* Any bytes: sections and names are in small letters, and what is written again reads the same. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/git/config.h"

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

static void write_entry(struct buf *out, const struct git_config_entry *entry)
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

struct entries {
    struct arena arena;
    struct git_config_entry *items;
    size_t count;
};

static const char *kept(struct arena *arena, const char *text)
{
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

static bool keep(void *context, const struct git_config_entry *entry)
{
    struct entries *all = context;
    struct arena *arena = &all->arena;

    check_name(entry->section);
    check_name(entry->name);
    *(struct git_config_entry *)arena_push(arena, &all->items, &all->count, sizeof(*entry)) =
        (struct git_config_entry){.section = kept(arena, entry->section),
                                  .sub = kept(arena, entry->sub),
                                  .name = kept(arena, entry->name),
                                  .value = kept(arena, entry->value)};
    return true;
}

static void read_all(const char *text, size_t len, struct entries *out)
{
    char *room = xcalloc(len + GIT_CONFIG_ROOM, 1);
    int rc = git_config_read(text, len, room, len + GIT_CONFIG_ROOM, keep, out);

    assert(rc == 0 || rc == -EINVAL);
    free(room);
}

static bool leave_alone(void *context, const struct git_config_entry *entry)
{
    (void)context;
    check_name(entry->section);
    check_name(entry->name);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entries first = {.count = 0}, second = {.count = 0};
    struct buf again = {0};
    char *room = xcalloc(size / 2 + 1, 1);

    read_all((const char *)data, size, &first);
    (void)git_config_read((const char *)data, size, room, size / 2, leave_alone, NULL);
    free(room);
    buf_add_str(&again, "");
    for (size_t i = 0; i < first.count; i++)
        write_entry(&again, &first.items[i]);
    read_all(again.data, again.len, &second);
    assert(second.count == first.count);
    for (size_t i = 0; i < first.count; i++) {
        assert(str_eq(first.items[i].section, second.items[i].section));
        assert(str_eq(first.items[i].sub, second.items[i].sub));
        assert(str_eq(first.items[i].name, second.items[i].name));
        assert(str_eq(first.items[i].value, second.items[i].value));
    }
    buf_finish(&again);
    arena_finish(&first.arena);
    arena_finish(&second.arena);
    return 0;
}
