/* Any bytes: variables with usable names, each once, or an error with a position. */
#include <assert.h>
#include <string.h>

#include "svenv/base/err.h"
#include "svenv/base/mem.h"
#include "svenv/base/str.h"
#include "svenv/formats/dotenv.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {NULL};
    struct dotenv vars = {0};
    struct err err = {0};
    int result = dotenv_parse(&arena, "fuzz", (const char *)data, size, &vars, &err);

    if (result < 0)
        assert(vars.count == 0 && err.msg[0] != '\0' && err.pos.line > 0 && err.pos.col > 0);
    assert(vars.count <= 1000);
    for (size_t i = 0; i < vars.count; i++) {
        assert(vars.vars[i].name[0] != '\0' && strpbrk(vars.vars[i].name, "= \t\n") == NULL);
        assert(strlen(vars.vars[i].name) + strlen(vars.vars[i].value) < (128 << 10));
        for (size_t j = 0; j < i; j++)
            assert(!str_eq(vars.vars[i].name, vars.vars[j].name));
    }
    arena_finish(&arena);
    return 0;
}
