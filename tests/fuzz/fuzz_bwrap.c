/* Any text as BWRAP_ARGS: only supported options come out, with all of their operands. */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/formats/bwrap.h"

#include "fuzz.h"

static void check_option(const struct bwrap_option *option)
{
    size_t count = 0;
    size_t i = 0;
    const struct bwrap_doc *docs = bwrap_docs(&count);

    assert(option->id < BWRAP_REFUSED && option->id != BWRAP_PERMS && option->id != BWRAP_SIZE);
    while (i < count && docs[i].id != option->id)
        i++;
    assert(i < count && docs[i].supported && strcmp(docs[i].name, option->name) == 0);
    assert((option->arg[0] != NULL) == (docs[i].operands[0] != '\0'));
    assert((option->arg[1] != NULL) == (strchr(docs[i].operands, ' ') != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    const char *text = arena_strndup(&arena, (const char *)data, size);
    const char **words = NULL;
    size_t count = 0;
    struct bwrap_options options = {0};
    struct err err = {0};

    bwrap_split(&arena, text, &words, &count);
    if (bwrap_parse(&arena, "fuzz", words, count, &options, &err) < 0)
        assert(options.count == 0 && err.msg[0] != '\0');
    for (size_t i = 0; i < options.count; i++)
        check_option(&options.items[i]);
    arena_finish(&arena);
    return 0;
}
